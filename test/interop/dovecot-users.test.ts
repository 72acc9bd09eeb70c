/**
 * What a real Dovecot 2.3 learns about users from bearerd without anybody signing in: doveadm, and mail by LMTP.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { swaks } from '../support/clients.ts'
import { startSite } from '../support/site.ts'

/** sysexits.h, as doveadm ends with them. */
const noUser = 67
const temporaryFailure = 75

const accounts = `
  [[account]]
  address = "alice@example.org"
  aliases = ["a.jones@example.org", "@example.net"]
  quota = "5GiB"
  [[account]]
  address = "bob@example.org"
  userdb.home = "/srv/elsewhere/{local}"
  [[account]]
  address = "full@example.org"
  quota = "100B"
  [[account]]
  address = "left@example.org"
  enabled = false
`
const site = await startSite({ accounts })
const { daemon, dovecot, folder, queue } = site

const lmtp = { lmtp: join(queue, 'private/dovecot-lmtp') }
const from = 'friend@example.com'

/** The fields of `doveadm user`, without its heading. */
async function user(name: string) {
  const { code, stdout } = await dovecot.doveadm('user', name)
  const fields = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .slice(1)
      .map(line => line.split('\t')),
  )
  return { code, fields }
}

/** Subjects, bodies, or whatever is asked for, of all messages in somebody's inbox. */
async function inbox(name: string, field: string): Promise<string[]> {
  const { code, stdout, stderr } = await dovecot.doveadm('-f', 'flow', 'fetch', '-u', name, field, 'mailbox', 'INBOX')
  assert.equal(code, 0, stderr)
  return stdout
    .trim()
    .split('\n')
    .filter(line => line !== '')
}

test('doveadm user: uid, gid and home from the defaults, her quota beside them', async () => {
  const { code, fields } = await user('alice@example.org')
  assert.equal(code, 0)
  assert.equal(fields.uid, '5000')
  assert.equal(fields.gid, '5000')
  assert.equal(fields.home, join(folder, 'mail/example.org/alice'))
  assert.equal(fields.quota_rule, `*:storage=${5 * 1024 ** 3}B`)
})

test('doveadm user: a field of his own', async () => {
  const { fields } = await user('bob@example.org')
  assert.equal(fields.home, '/srv/elsewhere/bob')
})

test('doveadm user: case and alias lead to the same home', async () => {
  const { fields } = await user('A.Jones@EXAMPLE.org')
  assert.equal(fields.home, join(folder, 'mail/example.org/alice'))
})

test('doveadm user of a stranger: exit status 67, no such user', async () => {
  const { code } = await user('stranger@example.org')
  assert.equal(code, noUser)
})

test("doveadm user '*' lists everybody, a mask some", async () => {
  const all = await dovecot.doveadm('user', '*')
  assert.equal(all.code, 0, all.stderr)
  assert.deepEqual(all.stdout.trim().split('\n').sort(), [
    'alice@example.org',
    'bob@example.org',
    'full@example.org',
    'left@example.org',
  ])
  const some = await dovecot.doveadm('user', 'b*')
  assert.deepEqual(some.stdout.trim().split('\n'), ['bob@example.org'])
})

test('LMTP delivers to somebody who never signed in, under each of her names', async () => {
  for (const to of [
    'alice@example.org',
    'ALICE@example.org',
    'a.jones@example.org',
    'alice+lists@example.org',
    'any@example.net',
  ]) {
    const { code, stdout } = await swaks(lmtp, { from, to })
    assert.equal(code, 0, stdout)
    assert.match(stdout, /<- {2}250 2\.0\.0 .* Saved/)
  }
  assert.equal((await inbox('alice@example.org', 'uid')).length, 5)
})

test('LMTP, a stranger: 550 5.1.1', async () => {
  const { stdout } = await swaks(lmtp, { from, to: 'stranger@example.org' })
  assert.match(stdout, /<\*\* 550 5\.1\.1 <stranger@example\.org> User doesn't exist/)
})

test('LMTP, a disabled account: 550', async () => {
  const { stdout } = await swaks(lmtp, { from, to: 'left@example.org' })
  assert.match(stdout, /<\*\* 550 5\.1\.1/)
})

test("the quota is Dovecot's to keep", async () => {
  const { stdout } = await dovecot.doveadm('-f', 'tab', 'quota', 'get', '-u', 'alice@example.org')
  assert.match(stdout, new RegExp(`^Mailbox\tSTORAGE\t\\d+\t${5 * 1024 ** 2}\t`, 'm'), 'in KiB')
  const full = await swaks(lmtp, { from, to: 'full@example.org' })
  assert.match(full.stdout, /<\*\* 552 5\.2\.2/)
})

test('an account file with a problem leaves the old accounts in force', async () => {
  assert.equal(await site.accounts(`${accounts}\n[[account]]\naddress = "not an address"\n`), 'accounts_kept')
  assert.equal((await user('alice@example.org')).code, 0)
  assert.equal((await user('stranger@example.org')).code, noUser)
  assert.equal(await site.accounts(accounts), 'accounts_loaded')
})

test('a new account is there when its file has been read', async () => {
  assert.equal(await site.accounts(`${accounts}\n[[account]]\naddress = "new@example.org"\n`), 'accounts_loaded')
  assert.equal((await user('new@example.org')).code, 0)
})

test('SIGHUP has the files read, changed or not', async () => {
  const loaded = daemon.next('accounts_loaded')
  daemon.reload()
  assert.equal((await loaded).cause, 'load')
  assert.equal((await user('alice@example.org')).code, 0)
})

test('accounts that have never been loaded are no reason to say that nobody exists: exit status 75, LMTP 451', async () => {
  await daemon.stop()
  site.write('accounts.toml', 'this is no TOML')
  await daemon.start()
  assert.equal((await user('alice@example.org')).code, temporaryFailure)
  const { stdout } = await swaks(lmtp, { from, to: 'alice@example.org' })
  assert.match(stdout, /<\*\* 451 4\.3\.0/)

  assert.equal(await site.accounts(accounts), 'accounts_loaded')
  assert.equal((await user('alice@example.org')).code, 0)
})

test('bearerd is down: exit status 75, LMTP 451', async t => {
  await daemon.stop()
  t.after(() => daemon.start())
  assert.equal((await user('alice@example.org')).code, temporaryFailure)
  const { stdout } = await swaks(lmtp, { from, to: 'alice@example.org' })
  assert.match(stdout, /<\*\* 451 4\.3\.0/)
})
