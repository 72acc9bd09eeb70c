/**
 * Moving from a passwd-file of Dovecot's: accounts and hashes are imported, and people log in with the passwords they have.
 * The hashes are made by the real `doveadm pw`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base64, plain } from '../support/clients.ts'
import { connect } from '../support/line-client.ts'
import { imapLogin, pop3Login, smtpLogin } from '../support/password-clients.ts'
import { startSite } from '../support/site.ts'

const site = await startSite({
  accounts: `
    [[account]]
    address = "postmaster@example.org"
  `,
})
const { daemon, dovecot, postfix, certificate } = site
const { imap, pop3 } = dovecot.ports

/** As an administrator would have made it, years ago. */
async function doveadmPw(scheme: string, password: string): Promise<string> {
  const { code, stdout, stderr } = await dovecot.doveadm('pw', '-s', scheme, '-p', password)
  assert.equal(code, 0, stderr)
  return stdout.trim()
}

/** AUTHENTICATE PLAIN: the command LOGIN can't carry what isn't ASCII. */
async function authenticate(message: string): Promise<string> {
  const wire = await connect(imap)
  await wire.hear(/^\* OK/)
  wire.say(`a AUTHENTICATE PLAIN ${message}`)
  const answer = await wire.hear(/^a /)
  wire.close()
  return answer
}

const people = {
  'argon@example.org': { scheme: 'ARGON2ID', password: 'correct horse' },
  'bcrypt@example.org': { scheme: 'BLF-CRYPT', password: 'battery "staple"' },
  'sha512@example.org': { scheme: 'SHA512-CRYPT', password: 'Grüße, Wörld ☃' },
  'pbkdf2@example.org': { scheme: 'PBKDF2', password: 'p\u00e4ssword' },
  'salted@example.org': { scheme: 'SSHA512', password: `${'a very long phrase '.repeat(4)}!` },
}

const lines = await Promise.all(
  Object.entries(people).map(async ([address, { scheme, password }]) => {
    const [local = ''] = address.split('@')
    return `${address}:${await doveadmPw(scheme, password)}:5000:5000:${local} Smith:${site.folder}/mail/old/${local}::userdb_quota_rule=*:storage=1G allow_nets=127.0.0.0/8`
  }),
)
const passwdFile = site.write('passwd', `# Our users\n${lines.join('\n')}\n`)

test('accounts first, then the hashes: two commands, and the daemon knows both', async () => {
  const accounts = daemon.next('accounts_loaded')
  const imported = await site.bearerd(['account', 'import', passwdFile, '--format', 'dovecot-passwd'])
  assert.equal(imported.code, 0, imported.stderr)
  await accounts
  const passwords = daemon.next('passwords_loaded')
  const { code, stderr } = await site.bearerd(['app-password', 'import', passwdFile])
  assert.equal(code, 0, stderr)
  assert.equal((await passwords).passwords, 5)
})

for (const [user, { scheme, password }] of Object.entries(people)) {
  test(`{${scheme}} logs in over IMAP, and a wrong password doesn't`, async () => {
    assert.match(await authenticate(plain({ user, password })), /^a OK/)
    assert.match(await authenticate(plain({ user, password: `${password}.` })), /^a NO \[AUTHENTICATIONFAILED\]/)
    const { source } = await daemon.logged({ event: 'login', account: user, verdict: 'accept' })
    assert.equal(source, 'imported-password')
    await daemon.logged({ event: 'login', account: user, reason: 'wrong_password' })
  })
}

test('the same by the commands of each protocol', async () => {
  const login = { user: 'bcrypt@example.org', password: people['bcrypt@example.org'].password }
  assert.match(await imapLogin(imap, login), /^a OK/)
  assert.match(await pop3Login(pop3, login), /^\+OK/)
  assert.match(await smtpLogin({ port: postfix.ports.submission, certificate }, login), /^235 /)
})

test('a letter that has two spellings in Unicode is the same password in either', async () => {
  assert.match(await authenticate(base64('\0pbkdf2@example.org\0pa\u0308ssword')), /^a OK/)
})

test('homes and quotas came along', async () => {
  const { stdout } = await dovecot.doveadm('user', 'argon@example.org')
  assert.match(stdout, new RegExp(`^home\t${site.folder}/mail/old/argon$`, 'm'))
  assert.match(stdout, /^quota_rule\t\*:storage=1G$/m)
})

test('a new app password beside the old one: both are good', async () => {
  const user = 'argon@example.org'
  const password = await site.appPassword(user)
  assert.match(await imapLogin(imap, { user, password }), /^a OK/)
  assert.match(await imapLogin(imap, { user, password: people[user].password }), /^a OK/)
})

test('many at once, of the slowest kind: all get in', async () => {
  const { password } = people['argon@example.org']
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => authenticate(plain({ user: 'argon@example.org', password }))),
  )
  for (const answer of answers) assert.match(answer, /^a OK/)
})

test('no log holds a password or a hash', () => {
  const hashes = lines.map(line => line.split(':')[1]?.replace(/^\{.*?\}/, '') ?? '')
  const secrets = [...Object.values(people).map(({ password }) => password), ...hashes]
  for (const log of [daemon.log(), dovecot.log()]) assert.ok(!secrets.some(secret => log.includes(secret)))
})
