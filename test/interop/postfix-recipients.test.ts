/**
 * Recipients at a real Postfix, configured as docs/howto/postfix.md says: who exists, though nobody ever signed in. The
 * client is a mail server of the world: a stranger, at port 25.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSite } from '../support/site.ts'
import { openSmtp } from '../support/smtp.ts'

const accounts = `
  [[account]]
  address = "alice@example.org"
  aliases = ["a.jones@example.org", "postmaster@example.org", "@example.net"]
  send-as = ["info@example.org"]
  [[account]]
  address = "left@example.org"
  enabled = false
  [[account]]
  address = "away@example.org"
  enabled = false
  receive = true
`
const site = await startSite({ accounts })
const { daemon, postfix, queue } = site

const accepted = /^250 2\.1\.5/
const unknown = /^550 5\.1\.1/
const later = /^451 4\.3\.0/

for (const [what, address, answer] of [
  ['a user who never signed in', 'alice@example.org', accepted],
  ['her in other case', 'Alice@Example.ORG', accepted],
  ['an alias', 'a.jones@example.org', accepted],
  ['an extension', 'alice+lists@example.org', accepted],
  ['an extension of an alias', 'a.jones+lists@example.org', accepted],
  ['a catch-all', 'whoever@example.net', accepted],
  ['postmaster, because somebody has the alias', 'postmaster@example.org', accepted],
  ['a stranger', 'stranger@example.org', unknown],
  ['an extension of a stranger', 'stranger+alice@example.org', unknown],
  ['a disabled account', 'left@example.org', /^550 5\.\d\.1/],
  ['a disabled account that still receives', 'away@example.org', accepted],
  ['somebody elsewhere: no relay', 'somebody@example.com', /^554 5\.7\.1 .*Relay access denied/],
] as const) {
  test(`RCPT TO ${what}`, async () => {
    const smtp = await openSmtp(postfix.ports.smtp)
    assert.match(await smtp.recipient(address), answer)
    smtp.close()
  })
}

test('postmap -q', async () => {
  const map = `socketmap:unix:${queue}/bearerd/map`
  for (const [table, key, value] of [
    ['mailbox', 'alice@example.org', 'alice@example.org'],
    ['alias', 'a.jones@example.org', 'alice@example.org'],
    ['alias', 'a.jones+lists@example.org', 'alice+lists@example.org'],
    ['alias', 'whoever@example.net', 'alice@example.org'],
    ['login', 'info@example.org', 'alice@example.org'],
    ['domain', 'example.net', 'example.net'],
  ] as const) {
    const { code, stdout } = await postfix.lookup(key, `${map}:${table}`)
    assert.equal(code, 0, `${table} ${key}`)
    assert.equal(stdout.trim(), value)
  }
  for (const [table, key] of [
    ['mailbox', 'stranger@example.org'],
    ['alias', 'alice@example.org'],
    ['login', 'stranger@example.org'],
    ['domain', 'example.com'],
  ] as const) {
    const { code, stdout } = await postfix.lookup(key, `${map}:${table}`)
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' }, `${table} ${key}`)
  }
})

test('an account file with a problem leaves the old accounts in force', async () => {
  const smtp = await openSmtp(postfix.ports.smtp)
  assert.equal(await site.accounts(`${accounts}\n[[account]]\naddress = "not an address"\n`), 'accounts_kept')
  assert.match(await smtp.recipient('alice@example.org'), accepted)
  assert.match(await smtp.recipient('stranger@example.org'), unknown)
  smtp.close()
})

test('an emptied account file empties nothing', async () => {
  const smtp = await openSmtp(postfix.ports.smtp)
  assert.equal(await site.accounts(''), 'accounts_kept')
  assert.match(await smtp.recipient('alice@example.org'), accepted)
  assert.equal(await site.accounts(accounts), 'accounts_loaded')
  smtp.close()
})

test('accounts that never loaded: 451, and never 550; mended, the same smtpd knows everybody', async () => {
  const smtp = await openSmtp(postfix.ports.smtp)
  await daemon.stop()
  site.write('accounts.toml', 'this is no TOML')
  await daemon.start()
  assert.match(await smtp.recipient('alice@example.org'), later)
  assert.match(await smtp.recipient('stranger@example.org'), later)

  assert.equal(await site.accounts(accounts), 'accounts_loaded')
  assert.match(await smtp.recipient('alice@example.org'), accepted)
  assert.match(await smtp.recipient('stranger@example.org'), unknown)
  smtp.close()
})

test('bearerd is down: 451; then it is back, and the same smtpd knows everybody', async t => {
  const smtp = await openSmtp(postfix.ports.smtp)
  await daemon.stop()
  t.after(() => daemon.start())
  assert.match(await smtp.recipient('alice@example.org'), later)
  assert.match(await smtp.recipient('stranger@example.org'), later)
  await daemon.start()
  assert.match(await smtp.recipient('alice@example.org'), accepted)
  assert.match(await smtp.recipient('stranger@example.org'), unknown)
  smtp.close()
})
