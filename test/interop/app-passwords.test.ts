/**
 * App passwords at a real Dovecot 2.3 and a real Postfix, configured as docs/howto says: made by the command, and typed
 * into mail clients that know nothing of OAuth.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  base64,
  curl,
  curlMail,
  msmtp,
  type PasswordLogin,
  plain,
  swaksSubmit,
  withoutMechanism,
} from '../support/clients.ts'
import { connect } from '../support/line-client.ts'
import { imapLogin, imapSession, pop3Login, smtpLogin } from '../support/password-clients.ts'
import { eventually } from '../support/process.ts'
import { startSite } from '../support/site.ts'
import { openSmtp } from '../support/smtp.ts'

const site = await startSite({
  accounts: `
    [[account]]
    address = "alice@example.org"
    aliases = ["a.jones@example.org"]
    [[account]]
    address = "bob@example.org"
    [[account]]
    address = "left@example.org"
    enabled = false
  `,
})
const { provider, daemon, dovecot, postfix, certificate } = site
const { imap, imaps, pop3, submission } = dovecot.ports
const atPostfix = { port: postfix.ports.submission, certificate }
const mail = { from: 'alice@example.org', to: 'bob@example.org' }

const user = 'alice@example.org'
const password = await site.appPassword(user)
const alice: PasswordLogin = { user, password }

/** Another password than hers, in the same form. */
const wrong = password.replace(/....$/, last => (last === 'aaaa' ? 'bbbb' : 'aaaa'))

/** One login over each protocol. */
async function answers(login: PasswordLogin): Promise<string[]> {
  return [
    await imapLogin(imap, login),
    await pop3Login(pop3, login),
    await smtpLogin({ port: submission }, login),
    await smtpLogin(atPostfix, login),
  ]
}

const refused = [
  /^a NO \[AUTHENTICATIONFAILED\] Authentication failed\.$/,
  /^-ERR \[AUTH\] Authentication failed\.$/,
  /^535 5\.7\.8 Authentication failed\.$/,
  /^535 5\.7\.8 Error: authentication failed: /,
]

async function assertRefused(login: PasswordLogin): Promise<void> {
  const lines = await answers(login)
  for (const [index, pattern] of refused.entries()) assert.match(lines[index] ?? '', pattern)
}

test('32 letters in groups, and nothing else, on standard output', () => {
  assert.match(password, /^[a-z]{4}(-[a-z]{4}){7}$/)
})

for (const mechanism of ['PLAIN', 'LOGIN']) {
  test(`curl logs in over IMAP by ${mechanism} and selects the inbox`, async () => {
    const args = ['--login-options', `AUTH=${mechanism}`, '--request', 'NOOP']
    const { code, stderr } = await curl(`imap://127.0.0.1:${imap}/INBOX`, alice, args)
    assert.equal(code, 0, stderr)
    assert.match(stderr, new RegExp(`> A002 AUTHENTICATE ${mechanism}`))
    assert.match(stderr, /< A003 OK \[READ-WRITE\] Select completed/)
  })
}

test('curl, by the command LOGIN', async t => {
  const relay = await withoutMechanism('(PLAIN|LOGIN)', imap)
  t.after(relay.close)
  const { code, stderr } = await curl(`imap://127.0.0.1:${relay.port}/INBOX`, alice, ['--request', 'NOOP'])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /> A002 LOGIN alice@example\.org /)
  assert.match(stderr, /< A003 OK \[READ-WRITE\] Select completed/)
})

test('curl logs in over POP3 by AUTH PLAIN', async () => {
  const { code, stderr } = await curl(`pop3://127.0.0.1:${pop3}/`, alice, ['--login-options', 'AUTH=PLAIN'])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /> AUTH PLAIN[\s\S]*< \+OK Logged in/)
})

test('POP3 by USER and PASS', async () => {
  assert.match(await pop3Login(pop3, alice), /^\+OK Logged in/)
})

test("Dovecot's submission, by PLAIN and by LOGIN", async () => {
  assert.match(await smtpLogin({ port: submission }, alice), /^235 2\.7\.0/)
  const wire = await openSmtp(submission)
  wire.say('AUTH LOGIN')
  await wire.hear(/^334 VXNlcm5hbWU6/)
  wire.say(base64(alice.user))
  await wire.hear(/^334 UGFzc3dvcmQ6/)
  wire.say(base64(alice.password))
  await wire.hear(/^235 2\.7\.0/)
  wire.close()
})

for (const mechanism of ['PLAIN', 'LOGIN'] as const) {
  test(`swaks submits a message to Postfix by ${mechanism}`, async () => {
    const { code, stdout, stderr } = await swaksSubmit(atPostfix, mechanism, alice, mail)
    assert.equal(code, 0, `${stdout}${stderr}`)
    assert.match(stdout, new RegExp(`~> AUTH ${mechanism}`))
    assert.match(stdout, /<~ {2}235 2\.7\.0/)
  })

  test(`msmtp submits a message to Postfix by ${mechanism}`, async () => {
    const how = mechanism === 'PLAIN' ? 'plain' : 'login'
    const { code, stdout, stderr } = await msmtp(atPostfix, how, alice, mail)
    assert.equal(code, 0, `${stdout}${stderr}`)
    assert.match(stdout, new RegExp(`--> AUTH ${mechanism}`))
  })
}

test('curl submits a message to Postfix, and the other reads it by a password of his own', async () => {
  const { code, stderr } = await curlMail(atPostfix, alice, { from: 'a.jones@example.org', to: 'bob@example.org' })
  assert.equal(code, 0, stderr)
  const bob = { user: 'bob@example.org', password: await site.appPassword('bob@example.org') }
  await eventually('the message in his inbox', async () => {
    const url = `imap://127.0.0.1:${imap}/INBOX?TEXT%20"Hello%20from%20a.jones@example.org"`
    const { stdout } = await curl(url, bob)
    return /\* SEARCH \d/.exec(stdout)?.[0]
  })
})

test("under another's address she sends nothing", async () => {
  const { code, stderr } = await curlMail(atPostfix, alice, { from: 'bob@example.org', to: 'bob@example.org' })
  assert.notEqual(code, 0)
  assert.match(stderr, /< 553 5\.7\.1 .*not owned by user alice@example\.org/)
})

for (const [how, typed] of Object.entries({
  'with capitals': password.toUpperCase(),
  'with spaces': password.replaceAll('-', ' '),
  'without dashes': password.replaceAll('-', ''),
  'with the dashes that a phone makes of them': password.replaceAll('-', '\u2011'),
})) {
  test(`typed ${how}`, async () => {
    const wire = await connect(imap)
    await wire.hear(/^\* OK/)
    wire.say(`a AUTHENTICATE PLAIN ${plain({ user, password: typed })}`)
    await wire.hear(/^a OK/)
    wire.close()
  })
}

test('an alias is a login name too: the mailbox that opens is hers', async () => {
  const { wire, answer } = await imapSession(imap, { user: 'A.Jones@Example.ORG', password })
  assert.match(answer, /^a OK/)
  wire.say('b SELECT INBOX')
  await wire.hear(/^b OK \[READ-WRITE\]/)
  wire.close()
  const entry = await daemon.logged({ event: 'login', asked: 'A.Jones@Example.ORG', verdict: 'accept' })
  assert.equal(entry.account, user)
  const homes = readdirSync(join(site.folder, 'mail/example.org'))
  assert.ok(homes.includes('alice') && !homes.some(name => /jones/i.test(name)), homes.join(' '))
})

test('PLAIN in the name of somebody else is refused', async () => {
  const wire = await connect(imap)
  await wire.hear(/^\* OK/)
  wire.say(`a AUTHENTICATE PLAIN ${base64(`bob@example.org\0${user}\0${password}`)}`)
  assert.match(await wire.hear(/^a /), /^a NO \[AUTHENTICATIONFAILED\]/)
  wire.close()
  await daemon.logged({ reason: 'authz_fail', account: user })
})

test('a password for IMAP is refused elsewhere', async () => {
  const login = { user, password: await site.appPassword(user, '--services', 'imap') }
  const [byImap = '', ...others] = await answers(login)
  assert.match(byImap, /^a OK/)
  for (const [index, answer] of others.entries()) assert.match(answer, refused[index + 1] as RegExp)
  for (const service of ['pop3', 'submission', 'smtp']) await daemon.logged({ reason: 'password_service', service })
})

test('a password for SMTP is good for both submission services, and no mailbox', async () => {
  const login = { user, password: await site.appPassword(user, '--services', 'smtp') }
  const [byImap = '', byPop3 = '', bySubmission = '', bySmtp = ''] = await answers(login)
  assert.match(byImap, refused[0] as RegExp)
  assert.match(byPop3, refused[1] as RegExp)
  assert.match(bySubmission, /^235 /)
  assert.match(bySmtp, /^235 /)
})

test('a password for some networks', async () => {
  const here = { user, password: await site.appPassword(user, '--networks', '192.0.2.0/24,127.0.0.0/8') }
  assert.deepEqual(
    (await answers(here)).map(line => line.split(' ').slice(0, 2).join(' ')),
    ['a OK', '+OK Logged', '235 2.7.0', '235 2.7.0'],
  )
  await assertRefused({ user, password: await site.appPassword(user, '--networks', '192.0.2.0/24') })
  await daemon.logged({ reason: 'password_network', remote: '127.0.0.1', service: 'smtp' })
})

test('whatever is wrong, every server answers the same; the log says what it was', async () => {
  const cases: Readonly<Record<string, PasswordLogin>> = {
    wrong_password: { user, password: wrong },
    unknown_login: { user: 'stranger@example.org', password: wrong },
    account_disabled: { user: 'left@example.org', password: await site.appPassword('left@example.org') },
    password_expired: { user, password: await site.appPassword(user, '--expires', '1ms') },
    unknown_password: { user: 'bob@example.org', password },
    provider_password: { user, password: 'Summer 2026!' },
    token_as_password: { user, password: await provider.token(user, { jwt: true }) },
  }
  const seen: string[][] = []
  for (const [reason, login] of Object.entries(cases)) {
    seen.push(await answers(login))
    for (const service of ['imap', 'pop3', 'submission', 'smtp'])
      assert.equal((await daemon.logged({ reason, service, asked: login.user })).verdict, 'reject')
  }
  const [first = []] = seen
  for (const [index, pattern] of refused.entries()) assert.match(first[index] ?? '', pattern)
  for (const [index, reason] of Object.keys(cases).entries()) assert.deepEqual(seen[index], first, reason)
})

test("the provider's password, a token as the password: the log names the cure", async () => {
  const typed = await daemon.logged({ reason: 'provider_password' })
  assert.match(String(typed.msg), /this looks like a password of the identity provider/)
  assert.match(String(typed.cure), /bearerd app-password create ADDRESS.*OAuth/s)
  const token = await daemon.logged({ reason: 'token_as_password' })
  assert.match(String(token.cure), /OAuth.*accept-tokens = true/s)
})

/** Dovecot takes clients at its own address for secure, with or without TLS. */
const elsewhere = '127.0.0.2'

test('without TLS, no password is taken, and none goes further', async () => {
  const logins = daemon.entries().length
  const wire = await connect(imap, elsewhere)
  assert.match(await wire.hear(/^\* OK/), /LOGINDISABLED(?!.*AUTH=)/)
  wire.say(`a LOGIN ${user} ${password}`)
  await wire.hear(/^a NO \[PRIVACYREQUIRED\]/)
  wire.close()
  const smtp = await openSmtp(postfix.ports.submission)
  smtp.say(`AUTH PLAIN ${plain(alice)}`)
  await smtp.hear(/^530 5\.7\.0 Must issue a STARTTLS/)
  smtp.close()
  assert.equal(daemon.entries().length, logins)
})

test('under TLS, it is', async () => {
  const tls = ['--cacert', certificate, '--interface', elsewhere, '--request', 'NOOP']
  const { code, stderr } = await curl(`imaps://127.0.0.1:${imaps}/INBOX`, alice, tls)
  assert.equal(code, 0, stderr)
})

test('a token as the password, where that is accepted', async () => {
  await site.reconfigure('accept-tokens = true')
  const token = await provider.token(user)
  for (const answer of await answers({ user, password: token })) assert.match(answer, /^(a OK|\+OK|235) /)
  for (const answer of await answers({ user: 'bob@example.org', password: token }))
    assert.doesNotMatch(answer, /^(a OK|\+OK|235) /)
  assert.match(await imapLogin(imap, alice), /^a OK/)
  await site.reconfigure('')
  assert.match(await imapLogin(imap, { user, password: token }), refused[0] as RegExp)
})

test('app-passwords.enabled = false: neither is offered, and tokens are', async () => {
  await site.reconfigure('enabled = false')
  const wire = await connect(imap)
  assert.match(await wire.hear(/^\* OK/), /AUTH=OAUTHBEARER AUTH=XOAUTH2(?! AUTH=)/)
  wire.say(`a LOGIN ${user} ${password}`)
  await wire.hear(/^a (NO|BAD) /)
  wire.close()
  const smtp = await connect(postfix.ports.submissions)
  await smtp.startTls(readFileSync(certificate, 'utf8'))
  smtp.say('EHLO client.example.org')
  assert.match(await smtp.hear(/^250-AUTH /), /^250-AUTH OAUTHBEARER XOAUTH2$/)
  smtp.close()
  const token = await provider.token(user)
  const { code, stderr } = await curl(`imap://127.0.0.1:${imap}/INBOX`, { user, token }, ['--request', 'NOOP'])
  assert.equal(code, 0, stderr)
  await site.reconfigure('')
})

test('the list tells when a password was used, and from where', async () => {
  await imapLogin(imap, alice)
  await daemon.restart() // Else within a minute.
  const { stdout } = await site.bearerd(['app-password', 'list', user, '--json'])
  const rows = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  const row = rows.find(({ id }) => id === password.slice(0, 3))
  assert.equal(row?.label, 'test')
  assert.equal(row.lastUsedFrom, '127.0.0.1')
  assert.ok(Date.parse(String(row.lastUsed)) >= Date.parse(String(row.created)))
})

test('no log and no file holds a password, nor the message that it came in', () => {
  const state = join(site.folder, 'state')
  const names = readdirSync(state)
    .filter(name => name !== 'control.sock')
    .sort()
  // The last one since accept-tokens let a token in.
  assert.deepEqual(names, ['app-passwords.jsonl', 'app-passwords.last-used.jsonl', 'token-sizes.json'])
  const files = names.map(name => join(state, name))
  const secrets = [password, password.replaceAll('-', ''), wrong, 'Summer 2026!', plain(alice)]
  const texts = [daemon.log(), dovecot.log(), postfix.log(), ...files.map(file => readFileSync(file, 'utf8'))]
  for (const text of texts) assert.ok(!secrets.some(secret => text.includes(secret)))
})
