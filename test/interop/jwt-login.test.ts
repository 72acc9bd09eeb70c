/**
 * Logins at a real Dovecot and a real Postfix with tokens that bearerd judges by itself (RFC 9068): by keys alone, and by keys
 * with introspection for those that are opaque.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { curl, curlMail, type Login } from '../support/clients.ts'
import { introspectors } from '../support/provider.ts'
import { startSite } from '../support/site.ts'

const byKeys = 'endpoint.method = "jwt"\nrequire.audience = "mail"'
const byKeysOrAsking = `endpoint.method = ["jwt", "introspect"]
auth.method = "basic"
auth.username = "${introspectors.basic.id}"
auth.secret = "${introspectors.basic.secret}"
require.audience = "mail"`

const site = await startSite({
  accounts: `
    [[account]]
    address = "alice@example.org"
    [[account]]
    address = "bob@example.org"
  `,
  directory: byKeys,
})
const { provider, daemon, dovecot, postfix, certificate } = site
const user = 'alice@example.org'
const sent: string[] = []

const login = (token: string): Login => {
  sent.push(token)
  return { user, token }
}
const jwt = async () => login(await provider.accessJwt(user))
const opaque = async () => login(await provider.token(user, { audience: 'mail' }))

const imap = (who: Login) => curl(`imap://127.0.0.1:${dovecot.ports.imap}/INBOX`, who, ['--request', 'NOOP'])
const smtp = (who: Login) =>
  curlMail({ port: postfix.ports.submission, certificate }, who, { from: user, to: 'bob@example.org' })
const servers = { 'IMAP (Dovecot)': imap, 'SMTP (Postfix)': smtp }
/** CURLE_LOGIN_DENIED */
const denied = 67

/** What curl says, and what bearerd has decided. */
async function attempt(connect: typeof imap, who: Login) {
  const logged = daemon.next('login')
  const { code, stderr } = await connect(who)
  const { reason, source, account } = await logged
  return { code, stderr, reason, source, account }
}

async function succeed(connect: typeof imap, who: Login, bySource: string): Promise<void> {
  const { stderr, ...outcome } = await attempt(connect, who)
  assert.deepEqual(outcome, { code: 0, reason: 'ok', source: bySource, account: user }, stderr)
}

async function fail(connect: typeof imap, who: Login, why: string): Promise<void> {
  const { code, reason, stderr } = await attempt(connect, who)
  assert.deepEqual({ code, reason }, { code: denied, reason: why }, stderr)
}

describe('endpoint.method = "jwt"', () => {
  for (const [name, connect] of Object.entries(servers)) {
    test(`${name}: curl logs in with a JWT, and the provider is not asked`, async () => {
      const { userinfo, introspection } = provider.calls
      await succeed(connect, await jwt(), 'jwt')
      assert.deepEqual([provider.calls.userinfo, provider.calls.introspection], [userinfo, introspection])
    })

    test(`${name}: a JWT for another service, an ID token, an opaque token: denied`, async () => {
      const others = {
        wrong_audience: await provider.accessJwt(user, { audience: 'wiki' }),
        not_an_access_token: await provider.idToken(user),
        opaque_token: await provider.token(user),
      }
      for (const [reason, token] of Object.entries(others)) await fail(connect, login(token), reason)
    })
  }
})

describe('endpoint.method = "jwt", the provider is down', () => {
  before(provider.down)
  after(provider.up)

  for (const [name, connect] of Object.entries(servers))
    test(`${name}: curl logs in, before and after a restart of the daemon`, async () => {
      await succeed(connect, await jwt(), 'jwt')
      await daemon.restart()
      await succeed(connect, await jwt(), 'jwt')
    })
})

describe('endpoint.method = ["jwt", "introspect"]', () => {
  before(() => site.reconfigure('', byKeysOrAsking))

  for (const [name, connect] of Object.entries(servers)) {
    test(`${name}: curl logs in with a JWT`, async () => {
      await succeed(connect, await jwt(), 'jwt')
    })

    test(`${name}: curl logs in with an opaque token, until that is revoked`, async () => {
      const who = await opaque()
      await succeed(connect, who, 'introspect')
      await provider.revoke(who.token)
      await daemon.restart()
      await fail(connect, who, 'token_refused')
    })
  }

  test('the provider is down: JWTs are accepted, opaque tokens neither accepted nor refused', async t => {
    const who = await opaque()
    await provider.down()
    t.after(provider.up)
    for (const connect of Object.values(servers)) {
      await succeed(connect, await jwt(), 'jwt')
      const { reason, stderr } = await attempt(connect, who)
      assert.equal(reason, 'provider_unavailable')
      assert.match(stderr, /< A002 NO \[UNAVAILABLE\]|< 454 4\.7\.0/)
    }
  })
})

test('no log holds a token', () => {
  assert.ok(sent.length > 10)
  for (const log of [daemon.log(), dovecot.log(), postfix.log()])
    assert.ok(!sent.some(token => log.includes(token)), 'a token is in a log')
})
