/**
 * Chains of methods at a real provider: which of them is asked about which token, and which is believed about what.
 */
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { startBearerd } from '../support/bearerd.ts'
import { introspectors, startProvider } from '../support/provider.ts'

const provider = await startProvider()
after(provider.stop)
const alice = 'alice@example.org'

const credentials = `
auth.method = "basic"
auth.username = "${introspectors.basic.id}"
auth.secret = "${introspectors.basic.secret}"
`

/** bearerd with a chain; `asked` tells what the provider has been asked since the last time. */
async function open(t: TestContext, methods: readonly string[], more = '', cache = '') {
  const bearerd = await startBearerd(
    t,
    `[directory.main]
    issuer = "${provider.issuer}"
    endpoint.method = ${JSON.stringify(methods)}
    ${methods.includes('introspect') ? credentials : ''}
    ${more}
    [cache]
    ${cache}`,
    [alice, 'bob@example.org'],
  )
  let before = { ...provider.calls }
  const asked = () => {
    const { introspection, userinfo } = provider.calls
    const since = { introspection: introspection - before.introspection, userinfo: userinfo - before.userinfo }
    before = { ...provider.calls }
    return since
  }
  return { ...bearerd, asked }
}

test('introspect, userinfo: introspection tells what the token is, userinfo whose', async t => {
  const { login, asked } = await open(t, ['introspect', 'userinfo'], 'require.clients = "mail-client"')
  // Introspection names somebody else, or nobody: it isn't looked at for that.
  for (const told of [{}, { email: 'bob@example.org' }]) {
    const { reason, account, source } = await login(await provider.token(alice, { told }))
    assert.deepEqual({ reason, account, source }, { reason: 'ok', account: alice, source: 'introspect+userinfo' })
    assert.deepEqual(asked(), { introspection: 1, userinfo: 1 })
  }
  assert.equal((await login(await provider.token(alice, { client: 'other-client' }))).reason, 'wrong_client')
})

test('introspect, userinfo: what introspection refuses is not shown to userinfo', async t => {
  const { login, asked } = await open(t, ['introspect', 'userinfo'])
  const token = await provider.token(alice)
  await provider.revoke(token)
  const { reason, source } = await login(token)
  assert.deepEqual({ reason, source }, { reason: 'token_refused', source: 'introspect' })
  assert.deepEqual(asked(), { introspection: 1, userinfo: 0 })
})

test('introspect, userinfo: what userinfo refuses is refused', async t => {
  const { login } = await open(t, ['introspect', 'userinfo'])
  assert.equal((await login(await provider.token(alice, { scope: 'email' }))).reason, 'insufficient_scope')
  assert.equal((await login(await provider.token(alice, { audience: 'mail' }))).reason, 'token_refused')
  // Introspection calls it active.
  assert.equal((await login(await provider.refreshToken(alice))).reason, 'token_refused')
})

test('introspect, userinfo: two answers about two people are no answer', async t => {
  const { login } = await open(t, ['introspect', 'userinfo'])
  const told = { sub: provider.subject('bob@example.org'), email: 'bob@example.org' }
  const { reason, source } = await login(await provider.token(alice, { told }))
  assert.deepEqual({ reason, source }, { reason: 'subject_conflict', source: 'introspect+userinfo' })
})

test('introspect alone: audience, and a refresh token that it calls active', async t => {
  const { login } = await open(t, ['introspect'], 'require.audience = "mail"')
  assert.equal((await login(await provider.token(alice, { audience: 'mail' }))).reason, 'ok')
  assert.equal((await login(await provider.token(alice, { audience: 'wiki' }))).reason, 'wrong_audience')
  assert.notEqual((await login(await provider.refreshToken(alice))).verdict, 'accept')
})

test('introspect alone: the refresh token of a directory that asks for nothing', async t => {
  const { login } = await open(t, ['introspect'])
  assert.equal((await login(await provider.refreshToken(alice))).verdict, 'reject')
})

test('jwt, introspect: JWTs are judged here, opaque tokens by introspection', async t => {
  const { login, asked } = await open(t, ['jwt', 'introspect'], 'require.audience = "mail"')
  const byKeys = await login(await provider.accessJwt(alice))
  assert.deepEqual([byKeys.reason, byKeys.source], ['ok', 'jwt'])
  assert.deepEqual(asked(), { introspection: 0, userinfo: 0 })
  const byAsking = await login(await provider.token(alice, { audience: 'mail' }))
  assert.deepEqual([byAsking.reason, byAsking.source], ['ok', 'introspect'])
  assert.deepEqual(asked(), { introspection: 1, userinfo: 0 })
  assert.equal((await login(await provider.token(alice, { audience: 'wiki' }))).reason, 'wrong_audience')
  assert.equal((await login(await provider.accessJwt(alice, { audience: 'wiki' }))).reason, 'wrong_audience')
})

test('jwt, introspect: a JWT that is bad here is not saved by asking', async t => {
  const { login, asked } = await open(t, ['jwt', 'introspect'], 'require.audience = "mail"')
  const [header, payload] = (await provider.accessJwt(alice)).split('.')
  const [, , signature] = (await provider.accessJwt(alice)).split('.')
  assert.equal((await login(`${header}.${payload}.${signature}`)).reason, 'bad_signature')
  assert.equal((await login(await provider.idToken(alice))).reason, 'not_an_access_token')
  assert.deepEqual(asked(), { introspection: 0, userinfo: 0 })
})

test('jwt, introspect: a JWT of another issuer is for the provider to judge', async t => {
  const { login, asked } = await open(t, ['jwt', 'introspect'], 'require.audience = "mail"')
  const exp = Math.floor(Date.now() / 1000) + 60
  const claims = { iss: 'https://elsewhere.example', aud: 'mail', client_id: 'mail-client', email: alice, exp }
  const { source, verdict } = await login(provider.signJwt(claims))
  // This one introspects no JWTs, and says so.
  assert.deepEqual({ source, verdict }, { source: 'introspect', verdict: 'unavailable' })
  assert.deepEqual(asked(), { introspection: 1, userinfo: 0 })
})

const kept = { jwt: true, audience: 'mail' } as const

test('jwt, userinfo: userinfo is asked where the JWT names nobody', async t => {
  const { login, asked } = await open(t, ['jwt', 'userinfo'], 'require.audience = "mail"')
  const named = await login(await provider.accessJwt(alice))
  assert.deepEqual([named.reason, named.source], ['ok', 'jwt'])
  assert.deepEqual(asked(), { introspection: 0, userinfo: 0 })
  const nameless = await login(await provider.token(alice, kept))
  assert.deepEqual([nameless.reason, nameless.source, nameless.account], ['ok', 'jwt+userinfo', alice])
  assert.deepEqual(asked(), { introspection: 0, userinfo: 1 })
  assert.equal((await login(await provider.token(alice, { jwt: true, audience: 'wiki' }))).reason, 'wrong_audience')
  // Of an opaque token userinfo can't tell the audience.
  assert.equal((await login(await provider.token(alice))).reason, 'wrong_audience')
})

test('jwt, userinfo: a user name is not enough where there may be an address', async t => {
  const { login } = await open(t, ['jwt', 'userinfo'], 'require.audience = "mail"')
  const told = { preferred_username: 'bob' }
  // userinfo takes no JWT of this provider's own.
  assert.equal((await login(await provider.accessJwt(alice, { told }))).reason, 'token_refused')
})

test('jwt, userinfo: a JWT that is no good by its own claims is refused for these, and nobody is asked', async t => {
  const { login, asked } = await open(t, ['jwt', 'userinfo'], 'require.audience = "mail"')
  const refused = {
    wrong_audience: await provider.token(alice, { ...kept, audience: 'wiki' }),
    token_expired: await provider.token(alice, { ...kept, ttlSeconds: -3600 }),
    machine_token: await provider.machineToken(),
  }
  for (const [reason, token] of Object.entries(refused)) assert.equal((await login(token)).reason, reason)
  assert.deepEqual(asked(), { introspection: 0, userinfo: 0 })
})

test('introspect, userinfo: a token of another client is not shown to userinfo', async t => {
  const { login, asked } = await open(t, ['introspect', 'userinfo'], 'require.clients = "mail-client"')
  assert.equal((await login(await provider.token(alice, { client: 'other-client' }))).reason, 'wrong_client')
  assert.deepEqual(asked(), { introspection: 1, userinfo: 0 })
})

test('jwt, userinfo: two answers about two people are no answer', async t => {
  const { login } = await open(t, ['jwt', 'userinfo'], 'require.audience = "mail"')
  const other = await provider.token(alice, { ...kept, content: { sub: provider.subject('bob@example.org') } })
  assert.equal((await login(other)).reason, 'subject_conflict')
})

test('jwt, userinfo, always-ask: a JWT that has been revoked is refused', async t => {
  const lazy = await open(t, ['jwt', 'userinfo'], 'require.audience = "mail"', 'ttl = "0s"')
  const asking = await open(
    t,
    ['jwt', 'userinfo'],
    'require.audience = "mail"\nendpoint.always-ask = true',
    'ttl = "0s"',
  )
  const token = await provider.token(alice, { ...kept, content: { email: alice } })
  assert.equal((await lazy.login(token)).source, 'jwt')
  const good = await asking.login(token)
  assert.deepEqual([good.reason, good.source], ['ok', 'jwt+userinfo'])
  await provider.revoke(token)
  assert.equal((await lazy.login(token)).reason, 'ok', 'keys know nothing of that')
  const revoked = await asking.login(token)
  assert.deepEqual([revoked.reason, revoked.source], ['token_refused', 'jwt+userinfo'])
})

test('always-ask while the provider is away: no verdict, though the signature is good', async t => {
  const { login } = await open(t, ['jwt', 'userinfo'], 'require.audience = "mail"\nendpoint.always-ask = true')
  const token = await provider.token(alice, { ...kept, content: { email: alice } })
  const other = await provider.token(alice, { ...kept, content: { email: alice } })
  assert.equal((await login(token)).reason, 'ok')
  await provider.down()
  t.after(provider.up)
  assert.equal((await login(other)).reason, 'provider_unavailable')
})

test('jwt, introspect, userinfo: a JWT is asked about as little as possible, an opaque token of both', async t => {
  const { login, asked } = await open(t, ['jwt', 'introspect', 'userinfo'], 'require.clients = "mail-client"')
  assert.equal((await login(await provider.accessJwt(alice))).source, 'jwt')
  assert.equal((await login(await provider.token(alice, kept))).source, 'jwt+userinfo')
  assert.equal((await login(await provider.token(alice))).source, 'introspect+userinfo')
  assert.deepEqual(asked(), { introspection: 1, userinfo: 2 })
})

test('a revoked opaque token is refused once its verdict is forgotten', async t => {
  const token = await provider.token(alice)
  const never = await open(t, ['introspect', 'userinfo'], '', 'ttl = "0s"')
  const long = await open(t, ['introspect', 'userinfo'], '', 'ttl = "60s"')
  for (const { login } of [never, long]) assert.equal((await login(token)).reason, 'ok')
  await provider.revoke(token)
  assert.equal((await never.login(token)).reason, 'token_refused')
  assert.equal((await long.login(token)).source, 'cache')
  await long.stop()
  await long.start()
  assert.equal((await long.login(token)).reason, 'token_refused')
})
