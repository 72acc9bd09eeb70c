/** Logins at a real Dovecot 2.3, configured as docs/howto/dovecot.md says: IMAP, POP3 and submission. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { challenge, curl, type Login, oauthbearer, withoutMechanism, xoauth2 } from '../support/clients.ts'
import { connect } from '../support/line-client.ts'
import { startSite } from '../support/site.ts'

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
const { provider, daemon, dovecot } = site
const { imap, imaps, pop3, submission } = dovecot.ports

const alice = async (): Promise<Login> => ({
  user: 'alice@example.org',
  token: await provider.token('alice@example.org'),
})
const nobodys = { user: 'alice@example.org', token: 'this-token-was-never-issued' }

/** One login over IMAP, and what follows the greeting of the server. */
async function imapLogin(mechanism: 'OAUTHBEARER' | 'XOAUTH2', login: Login) {
  const wire = await connect(imap)
  await wire.hear(/^\* OK/)
  wire.say(`a AUTHENTICATE ${mechanism} ${mechanism === 'XOAUTH2' ? xoauth2(login) : oauthbearer(login)}`)
  return wire
}

test('curl logs in over IMAP by OAUTHBEARER and selects the inbox', async () => {
  const { code, stderr } = await curl(`imap://127.0.0.1:${imap}/INBOX`, await alice(), ['--request', 'NOOP'])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /> A002 AUTHENTICATE OAUTHBEARER/)
  assert.match(stderr, /< A003 OK \[READ-WRITE\] Select completed/)
})

test('curl logs in over IMAP by XOAUTH2 and selects the inbox', async t => {
  const relay = await withoutMechanism('OAUTHBEARER', imap)
  t.after(relay.close)
  const { code, stderr } = await curl(`imap://127.0.0.1:${relay.port}/INBOX`, await alice(), ['--request', 'NOOP'])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /> A002 AUTHENTICATE XOAUTH2/)
  assert.match(stderr, /< A003 OK \[READ-WRITE\] Select completed/)
})

test('curl logs in over POP3 by OAUTHBEARER', async () => {
  const { code, stderr } = await curl(`pop3://127.0.0.1:${pop3}/`, await alice())
  assert.equal(code, 0, stderr)
  assert.match(stderr, /> AUTH OAUTHBEARER[\s\S]*< \+OK Logged in/)
})

test('curl logs in over POP3 by XOAUTH2', async t => {
  const relay = await withoutMechanism('OAUTHBEARER', pop3)
  t.after(relay.close)
  const { code, stderr } = await curl(`pop3://127.0.0.1:${relay.port}/`, await alice())
  assert.equal(code, 0, stderr)
  assert.match(stderr, /> AUTH XOAUTH2[\s\S]*< \+OK Logged in/)
})

for (const [mechanism, message] of Object.entries({ OAUTHBEARER: oauthbearer, XOAUTH2: xoauth2 })) {
  test(`submission: ${mechanism}`, async () => {
    const wire = await connect(submission)
    await wire.hear(/^220 /)
    wire.say('EHLO client.example.org')
    await wire.hear(/^250 /)
    wire.say(`AUTH ${mechanism} ${message(await alice())}`)
    assert.match(await wire.hear(/./), /^235 2\.7\.0 Logged in/)
    wire.close()
  })

  test(`IMAP, ${mechanism} without an initial response`, async () => {
    const wire = await connect(imap)
    await wire.hear(/^\* OK/)
    wire.say(`a AUTHENTICATE ${mechanism}`)
    assert.equal(await wire.hear(/./), '+ ')
    wire.say(message(await alice()))
    await wire.hear(/^a OK/)
    wire.close()
  })

  test(`IMAP, ${mechanism} given up by the client, then tried again`, async () => {
    const wire = await connect(imap)
    await wire.hear(/^\* OK/)
    wire.say(`a AUTHENTICATE ${mechanism}`)
    await wire.hear(/^\+/)
    wire.say('*')
    await wire.hear(/^a BAD/)
    wire.say(`b AUTHENTICATE ${mechanism} ${message(await alice())}`)
    await wire.hear(/^b OK/)
    wire.close()
  })
}

test('she may sign in under an alias; the mailbox is hers', async () => {
  const wire = await imapLogin('XOAUTH2', { ...(await alice()), user: 'A.Jones@Example.ORG' })
  await wire.hear(/^a OK/)
  wire.close()
  const login = await daemon.logged({ event: 'login', asked: 'A.Jones@Example.ORG' })
  assert.equal(login.account, 'alice@example.org')
})

test('a bad OAUTHBEARER token: the JSON, then NO [AUTHENTICATIONFAILED]', async () => {
  const wire = await imapLogin('OAUTHBEARER', nobodys)
  const { status, ...more } = challenge(await wire.hear(/./))
  assert.equal(status, 'invalid_token')
  assert.equal(more['openid-configuration'], `${provider.issuer}/.well-known/openid-configuration`)
  wire.say('AQ==')
  assert.match(await wire.hear(/./), /^a NO \[AUTHENTICATIONFAILED\]/)
  wire.close()
})

test('curl understands that', async () => {
  const { code, stderr } = await curl(`imap://127.0.0.1:${imap}/INBOX`, nobodys)
  assert.equal(code, 67, 'CURLE_LOGIN_DENIED')
  assert.match(stderr, /< \+ eyJ\S+\s+> AQ==\s+< A002 NO \[AUTHENTICATIONFAILED\]/)
})

test('a bad XOAUTH2 token: the NO alone', async () => {
  const wire = await imapLogin('XOAUTH2', nobodys)
  assert.match(await wire.hear(/./), /^a NO \[AUTHENTICATIONFAILED\]/)
  wire.close()
})

test('a bad token over POP3: -ERR [AUTH]', async () => {
  const wire = await connect(pop3)
  await wire.hear(/^\+OK/)
  wire.say(`AUTH XOAUTH2 ${xoauth2(nobodys)}`)
  assert.match(await wire.hear(/./), /^-ERR \[AUTH\]/)
  wire.close()
})

test("another user's token: NO [AUTHORIZATIONFAILED]", async () => {
  const wire = await imapLogin('XOAUTH2', { user: 'bob@example.org', token: (await alice()).token })
  assert.match(await wire.hear(/./), /^a NO \[AUTHORIZATIONFAILED\]/)
  wire.close()
  await daemon.logged({ reason: 'authz_fail', asked: 'bob@example.org', account: 'alice@example.org' })
})

test('a disabled account: NO [AUTHENTICATIONFAILED], the reason in our log only', async () => {
  const token = await provider.token('left@example.org')
  const wire = await imapLogin('XOAUTH2', { user: 'left@example.org', token })
  assert.match(await wire.hear(/./), /^a NO \[AUTHENTICATIONFAILED\] Authentication failed\.$/)
  wire.close()
  await daemon.logged({ reason: 'account_disabled', account: 'left@example.org' })
})

test('a good token whose owner has no account: NO [AUTHENTICATIONFAILED]', async () => {
  const token = await provider.token('stranger@example.org')
  const wire = await imapLogin('XOAUTH2', { user: 'stranger@example.org', token })
  assert.match(await wire.hear(/./), /^a NO \[AUTHENTICATIONFAILED\]/)
  wire.close()
  await daemon.logged({ reason: 'unknown_account', asked: 'stranger@example.org' })
})

test('the provider is down: [UNAVAILABLE], [SYS/TEMP], 454; then it is back, and the same token is good', async t => {
  const login = await alice()
  await provider.down()
  t.after(() => provider.up().catch(() => {}))

  for (const mechanism of ['OAUTHBEARER', 'XOAUTH2'] as const) {
    const wire = await imapLogin(mechanism, login)
    assert.match(await wire.hear(/./), /^a NO \[UNAVAILABLE\]/)
    wire.close()
  }
  const pop = await connect(pop3)
  await pop.hear(/^\+OK/)
  pop.say(`AUTH XOAUTH2 ${xoauth2(login)}`)
  assert.match(await pop.hear(/./), /^-ERR \[SYS\/TEMP\]/)
  pop.close()
  const smtp = await connect(submission)
  await smtp.hear(/^220 /)
  smtp.say(`AUTH XOAUTH2 ${xoauth2(login)}`)
  assert.match(await smtp.hear(/./), /^454 4\.7\.0/)
  smtp.close()

  await provider.up()
  const wire = await imapLogin('XOAUTH2', login)
  await wire.hear(/^a OK/)
  wire.close()
})

/** Dovecot takes clients at its own address for secure, with or without TLS. */
const elsewhere = '127.0.0.2'

test('without TLS, a client from elsewhere is offered no login, and its token goes no further', async () => {
  const wire = await connect(imap, elsewhere)
  assert.doesNotMatch(await wire.hear(/^\* OK/), /AUTH=/)
  const logins = daemon.entries().length
  wire.say(`a AUTHENTICATE XOAUTH2 ${xoauth2(await alice())}`)
  await wire.hear(/^a NO \[PRIVACYREQUIRED\]/)
  wire.close()
  assert.equal(daemon.entries().length, logins)
})

test('under TLS, it logs in', async () => {
  const tls = ['--cacert', site.certificate, '--interface', elsewhere, '--request', 'NOOP']
  const { code, stderr } = await curl(`imaps://127.0.0.1:${imaps}/INBOX`, await alice(), tls)
  assert.equal(code, 0, stderr)
  assert.match(stderr, /< A002 OK Logged in/)
})

test('a token of 6 kB', async () => {
  const token = await provider.token('alice@example.org', { jwt: true, bytes: 6200 })
  const { code, stderr } = await curl(`imap://127.0.0.1:${imap}/INBOX`, { user: 'alice@example.org', token })
  assert.equal(code, 0, stderr)
})

test('many at once', async () => {
  const logins = await Promise.all(Array.from({ length: 12 }, alice))
  await Promise.all(
    logins.map(async login => {
      const wire = await imapLogin('OAUTHBEARER', login)
      await wire.hear(/^a OK/)
      wire.close()
    }),
  )
})

test('the daemon is restarted: a client that waits in front of the login gets in', async () => {
  const wire = await connect(imap)
  await wire.hear(/^\* OK/)
  await daemon.restart()
  wire.say(`a AUTHENTICATE XOAUTH2 ${xoauth2(await alice())}`)
  await wire.hear(/^a OK/)
  wire.close()
})

test('no log holds a token, nor the SASL message that it came in', async () => {
  const login = { ...(await alice()), user: 'bob@example.org' }
  const wire = await imapLogin('OAUTHBEARER', login)
  await wire.hear(/^\+/)
  wire.close()
  const secrets = [login, nobodys].flatMap(each => [each.token, oauthbearer(each), xoauth2(each)])
  for (const log of [daemon.log(), dovecot.log()]) assert.ok(!secrets.some(secret => log.includes(secret)))
})
