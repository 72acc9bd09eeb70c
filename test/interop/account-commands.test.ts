/**
 * The account and app-password commands while everything runs: what they change takes effect at a real Dovecot and a real
 * Postfix within a moment, and nobody sends a signal.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { curl, swaks } from '../support/clients.ts'
import { connect } from '../support/line-client.ts'
import { imapLogin, imapSession, pop3Login, smtpLogin } from '../support/password-clients.ts'
import type { Result } from '../support/process.ts'
import { startSite } from '../support/site.ts'
import { openSmtp } from '../support/smtp.ts'

const site = await startSite({
  accounts: `
    [[account]]
    address = "boss@example.org"
  `,
})
const { provider, daemon, dovecot, postfix, certificate } = site
const { imap, pop3, submission } = dovecot.ports
const passwordFile = join(site.folder, 'state/app-passwords.jsonl')

/** A command that changes accounts, which the daemon knows by the end of it. */
async function account(args: readonly string[], input?: string): Promise<Result> {
  const loaded = daemon.next('accounts_loaded')
  const result = await site.bearerd(['account', ...args], input)
  assert.equal(result.code, 0, result.stderr)
  await loaded
  return result
}

async function revoke(...args: readonly string[]): Promise<Result> {
  const loaded = daemon.next('passwords_loaded')
  const result = await site.bearerd(['app-password', 'revoke', ...args])
  assert.equal(result.code, 0, result.stderr)
  await loaded
  return result
}

/** What Postfix answers to RCPT TO. */
async function recipient(address: string): Promise<string> {
  const smtp = await openSmtp(postfix.ports.smtp)
  const answer = await smtp.recipient(address)
  smtp.close()
  return answer
}

async function tokenLogin(user: string, token: string): Promise<string> {
  const { stderr } = await curl(`imap://127.0.0.1:${imap}/INBOX`, { user, token }, ['--request', 'NOOP'])
  return /< (A002 .*)/.exec(stderr)?.[1] ?? stderr
}

/** An IMAP session of hers, which `ended` sees the end of. */
async function openSession(user: string, password: string) {
  const { wire, answer } = await imapSession(imap, { user, password })
  assert.match(answer, /^a OK/)
  return { wire, ended: () => wire.hear(/^\* BYE/) }
}

const accepted = /^250 2\.1\.5/
const unknown = /^550 5\.1\.1/
const refused = /^a NO \[AUTHENTICATIONFAILED\]/

/** Accounts that the commands may change; each test adds others if it needs any. */
const [alice, ben, cleo] = ['alice@example.org', 'ben@example.org', 'cleo@example.org']
await account(['import', '--format', 'csv'], `address,aliases\n${alice},\n${ben},b@example.org\n${cleo},\n`)

test('account add: who was a stranger gets mail, and reads it by her first password', async () => {
  const dora = 'dora@example.org'
  assert.match(await recipient(dora), unknown)
  await account(['add', dora, '--alias', 'd.novak@example.org', '--full-name', 'Dora Novak'])
  assert.match(await recipient(dora), accepted)
  const mail = { from: 'friend@example.com', to: 'd.novak@example.org' }
  const { code, stdout } = await swaks({ port: postfix.ports.smtp }, mail)
  assert.equal(code, 0, stdout)
  await postfix.logged(/to=<dora@example\.org>, orig_to=<d\.novak@example\.org>.*status=sent/)

  const password = await site.appPassword(dora)
  const read = await curl(`imap://127.0.0.1:${imap}/INBOX;MAILINDEX=1`, { user: dora, password })
  assert.match(read.stdout, /Hello from friend@example\.com to d\.novak@example\.org/)
})

test('account import: a list of people, from a spreadsheet', async () => {
  const csv =
    '\ufeffaddress,aliases,full-name\r\nfay@example.org,f@example.org,"Fay, the younger"\r\ngus@example.org,,Gus\r\n'
  await account(['import', '--format', 'csv'], csv)
  for (const address of ['fay@example.org', 'f@example.org', 'gus@example.org'])
    assert.match(await recipient(address), accepted)
})

test('an import with a mistake changes nothing, and names its line', async () => {
  const csv = 'address,aliases\r\nhal@example.org,\r\nivy@example.org,alice@example.org\r\n'
  const { code, stderr } = await site.bearerd(['account', 'import', '--format', 'csv'], csv)
  assert.equal(code, 1)
  assert.match(stderr, /:3: .*alice@example\.org/)
  assert.match(await recipient('hal@example.org'), unknown)
})

test('revoke: the password is refused at once, the others stay', async () => {
  const [lost, kept] = [await site.appPassword(alice), await site.appPassword(alice)]
  assert.match(await imapLogin(imap, { user: alice, password: lost }), /^a OK/)
  await revoke(alice, lost.slice(0, 3))
  assert.match(await imapLogin(imap, { user: alice, password: lost }), refused)
  assert.match(await imapLogin(imap, { user: alice, password: kept }), /^a OK/)
  await daemon.logged({ reason: 'unknown_password', account: alice })
})

test('disable: neither her password nor her token is good, though its verdict is cached; then enable', async () => {
  const password = await site.appPassword(alice)
  const token = await provider.token(alice)
  assert.match(await tokenLogin(alice, token), /^A002 OK/)
  const asked = provider.calls.userinfo

  await account(['disable', alice])
  assert.match(await imapLogin(imap, { user: alice, password }), refused)
  assert.match(await pop3Login(pop3, { user: alice, password }), /^-ERR \[AUTH\]/)
  assert.match(await smtpLogin({ port: postfix.ports.submission, certificate }, { user: alice, password }), /^535 /)
  assert.match(await tokenLogin(alice, token), /^A002 NO \[AUTHENTICATIONFAILED\]/)
  assert.match(await recipient(alice), /^550 /)
  await daemon.logged({ reason: 'account_disabled', account: alice, mechanism: 'PLAIN' })
  await daemon.logged({ reason: 'account_disabled', account: alice, mechanism: 'OAUTHBEARER' })

  await account(['enable', alice])
  assert.match(await imapLogin(imap, { user: alice, password }), /^a OK/)
  assert.match(await tokenLogin(alice, token), /^A002 OK/)
  assert.match(await recipient(alice), accepted)
  assert.equal(provider.calls.userinfo, asked, 'the verdict on the token was never asked for again')
})

test("disable --kick ends the session that she has open, and nobody else's", async () => {
  const hers = await openSession(alice, await site.appPassword(alice))
  const his = await openSession(ben, await site.appPassword(ben))
  const { stderr } = await account(['disable', alice, '--kick'])
  assert.equal(stderr, '')
  await hers.ended()
  his.wire.say('b NOOP')
  await his.wire.hear(/^b OK/)
  his.wire.close()
  await account(['enable', alice])
})

test('revoke --kick ends it too; and with no session open there is nothing to complain of', async () => {
  const password = await site.appPassword(alice)
  const session = await openSession(alice, password)
  await revoke(alice, password.slice(0, 3), '--kick')
  await session.ended()
  const other = await site.appPassword(cleo)
  const { stderr } = await revoke(cleo, other.slice(0, 3), '--kick')
  assert.equal(stderr, '')
})

test('remove: 550, and the passwords are gone for good, also when the address is given to somebody new', async () => {
  const password = await site.appPassword(ben)
  assert.match(await imapLogin(imap, { user: ben, password }), /^a OK/)
  const loaded = daemon.next('passwords_loaded')
  await account(['remove', ben, '--yes'])
  await loaded
  assert.match(await recipient(ben), unknown)
  assert.match(await recipient('b@example.org'), unknown)
  assert.match(await imapLogin(imap, { user: ben, password }), refused)
  assert.doesNotMatch(readFileSync(passwordFile, 'utf8'), /ben@example\.org/)

  await account(['add', ben])
  assert.match(await recipient(ben), accepted)
  assert.match(await imapLogin(imap, { user: ben, password }), refused)
})

test('a password file with a mistake, while everything runs: the passwords read before stay good', async () => {
  const password = await site.appPassword(alice)
  const sound = readFileSync(passwordFile, 'utf8')
  const kept = daemon.next('passwords_kept')
  site.write('state/app-passwords.jsonl', `${sound}not a record\n`)
  await kept
  assert.match(await imapLogin(imap, { user: alice, password }), /^a OK/)
  const mended = daemon.next('passwords_loaded')
  site.write('state/app-passwords.jsonl', sound)
  await mended
})

test('passwords that never loaded: [UNAVAILABLE], [SYS/TEMP], 454, and tokens are good; mended, all is well', async () => {
  const login = { user: alice, password: await site.appPassword(alice) }
  const sound = readFileSync(passwordFile, 'utf8')
  await daemon.stop()
  site.write('state/app-passwords.jsonl', 'not a record\n')
  await daemon.start()
  const smtp = { port: postfix.ports.submission, certificate }
  assert.match(await imapLogin(imap, login), /^a NO \[UNAVAILABLE\]/)
  assert.match(await pop3Login(pop3, login), /^-ERR \[SYS\/TEMP\]/)
  assert.match(await smtpLogin({ port: submission }, login), /^454 4\.7\.0/)
  assert.match(await smtpLogin(smtp, login), /^454 4\.7\.0/)
  assert.match(await tokenLogin(alice, await provider.token(alice)), /^A002 OK/)
  await daemon.logged({ reason: 'passwords_unavailable', service: 'smtp' })

  const mended = daemon.next('passwords_loaded')
  site.write('state/app-passwords.jsonl', sound)
  await mended
  assert.match(await imapLogin(imap, login), /^a OK/)
  assert.match(await smtpLogin(smtp, login), /^235 /)
})

test('bearerd is down: Postfix says 454, and a login at Dovecot waits until it is back', async () => {
  const login = { user: alice, password: await site.appPassword(alice) }
  const wire = await connect(imap)
  await wire.hear(/^\* OK/)
  const smtp = await openSmtp(postfix.ports.submission, certificate)
  await daemon.stop()
  smtp.say(`AUTH PLAIN ${Buffer.from(`\0${login.user}\0${login.password}`).toString('base64')}`)
  await smtp.hear(/^454 4\.7\.0/)
  smtp.close()
  wire.say(`a LOGIN ${login.user} ${login.password}`)
  await daemon.start()
  await wire.hear(/^a OK/)
  wire.close()
})

test('what the commands wrote is what check accepts', async () => {
  const { code, stdout, stderr } = await site.bearerd(['check'])
  assert.equal(code, 0, `${stdout}${stderr}`)
})
