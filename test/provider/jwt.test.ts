/**
 * JWT access tokens of a real provider (RFC 9068), judged by its keys alone: `endpoint.method = "jwt"`.
 */
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { type Bearerd, startBearerd } from '../support/bearerd.ts'
import { startProvider } from '../support/provider.ts'

const provider = await startProvider()
after(provider.stop)
const alice = 'alice@example.org'

function open(t: TestContext, more = ''): Promise<Bearerd> {
  return startBearerd(
    t,
    `[directory.main]
    issuer = "${provider.issuer}"
    endpoint.method = "jwt"
    require.audience = "mail"
    ${more}`,
  )
}

/** `act` asks no endpoint at all about tokens. */
async function withoutAsking(act: () => Promise<void>): Promise<void> {
  const { userinfo, introspection } = provider.calls
  await act()
  assert.deepEqual([provider.calls.userinfo, provider.calls.introspection], [userinfo, introspection])
}

test('a good token is accepted, and nobody is asked about it', async t => {
  const { login } = await open(t)
  await withoutAsking(async () => {
    const { reason, account, source } = await login(await provider.accessJwt(alice), alice)
    assert.deepEqual({ reason, account, source }, { reason: 'ok', account: alice, source: 'jwt' })
  })
})

test('many tokens take one look at the keys', async t => {
  const before = provider.calls.keys
  const { login } = await open(t)
  const tokens = await Promise.all(Array.from({ length: 20 }, () => provider.accessJwt(alice)))
  for (const { reason } of await Promise.all(tokens.map(token => login(token)))) assert.equal(reason, 'ok')
  assert.equal(provider.calls.keys - before, 1)
})

test('a token of a key that the provider publishes, for another of its services', async t => {
  const { login } = await open(t)
  const { reason, detail } = await login(await provider.accessJwt(alice, { audience: 'wiki' }))
  assert.equal(reason, 'wrong_audience')
  assert.equal(detail, 'wanted is "mail", the token has "wiki"')
})

test('a token that has expired, and one that has within the leeway', async t => {
  const { login } = await open(t)
  const strict = await open(t, 'leeway = "0s"')
  const long = await provider.accessJwt(alice, { ttlSeconds: -61 })
  const justNow = await provider.accessJwt(alice, { ttlSeconds: -2 })
  assert.equal((await login(long)).reason, 'token_expired')
  assert.equal((await login(justNow)).reason, 'ok')
  assert.equal((await strict.login(justNow)).reason, 'token_expired')
})

test('a token of another client than those that mail is for', async t => {
  const { login } = await open(t, 'require.clients = "mail-client"')
  assert.equal((await login(await provider.accessJwt(alice))).reason, 'ok')
  assert.equal((await login(await provider.accessJwt(alice, { client: 'other-client' }))).reason, 'wrong_client')
})

test('a token that lacks a scope', async t => {
  const { login } = await open(t, 'require.scopes = "email"')
  assert.equal((await login(await provider.accessJwt(alice))).reason, 'ok')
  assert.equal((await login(await provider.accessJwt(alice, { scope: 'openid' }))).reason, 'insufficient_scope')
})

test("everything else that the provider issues, each with a reason of its own, also to the mail client's own name", async t => {
  const { login } = await open(t, 'require.clients = "mail-client"')
  const byClient = await startBearerd(
    t,
    `directory.main = { issuer = "${provider.issuer}", endpoint.method = "jwt", require.clients = "mail-client" }`,
  )
  const about = { iss: provider.issuer, sub: provider.subject(alice), client_id: 'mail-client', email: alice }
  const exp = Math.floor(Date.now() / 1000) + 60
  const others = {
    not_an_access_token: await provider.idToken(alice),
    opaque_token: await provider.refreshToken(alice),
    refresh_token: provider.signJwt({ ...about, exp, aud: 'mail', token_use: 'refresh' }, { typ: 'JWT' }),
    machine_token: await provider.machineToken(),
    token_incomplete: provider.signJwt({ ...about, aud: 'mail' }),
  }
  await withoutAsking(async () => {
    for (const [reason, token] of Object.entries(others))
      for (const bearerd of [{ login }, byClient]) assert.equal((await bearerd.login(token)).reason, reason)
  })
})

test('an opaque token is no JWT', async t => {
  const { login } = await open(t)
  assert.equal((await login(await provider.token(alice))).reason, 'opaque_token')
})

test('a token whose content has been changed', async t => {
  const { login } = await open(t)
  const [header, payload = '', signature] = (await provider.accessJwt('bob@example.org')).split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const forged = Buffer.from(JSON.stringify({ ...claims, email: alice })).toString('base64url')
  assert.equal((await login(`${header}.${forged}.${signature}`, alice)).reason, 'bad_signature')
})

test('a token of another provider, as it is and under the name of ours', async t => {
  const { login } = await open(t)
  const another = await startProvider()
  t.after(another.stop)
  assert.equal((await login(await another.accessJwt(alice))).reason, 'wrong_issuer')

  const exp = Math.floor(Date.now() / 1000) + 60
  const claims = { iss: provider.issuer, sub: 'alice', aud: 'mail', client_id: 'mail-client', email: alice, exp }
  const almost = provider.signJwt({ ...claims, iss: `${provider.issuer}/` })
  assert.equal((await login(almost, alice)).reason, 'wrong_issuer', 'by one slash')
  const forged = { bad_signature: another.signJwt(claims), unknown_key: another.signJwt(claims, { kid: 'another' }) }
  for (const [reason, token] of Object.entries(forged)) assert.equal((await login(token, alice)).reason, reason)
})

test('the provider goes away: its JWTs are judged as before, also after a restart', async t => {
  const bearerd = await open(t)
  const good = () => provider.accessJwt(alice)
  assert.equal((await bearerd.login(await good())).reason, 'ok')

  await provider.down()
  t.after(provider.up)
  assert.equal((await bearerd.login(await good())).reason, 'ok')
  await bearerd.stop()
  assert.equal(JSON.parse(bearerd.state('keys/main.json') ?? '{}').issuer, provider.issuer)
  await bearerd.start()
  assert.equal((await bearerd.login(await good())).reason, 'ok')
  assert.equal((await bearerd.login(await provider.accessJwt(alice, { audience: 'wiki' }))).reason, 'wrong_audience')
})

test('the provider has been away from the start: no verdict, and none against the token', async t => {
  await provider.down()
  t.after(provider.up)
  const { login, logged } = await open(t, 'timeout = "1s"')
  const token = await provider.accessJwt(alice)
  assert.equal((await login(token)).reason, 'provider_unavailable')
  assert.match(String((await logged('provider')).cause), /\((ECONNREFUSED|TIMEOUT)\)$/)
})

test('while it is away, a key that nobody knows is no reason to refuse a token', async t => {
  const { login } = await open(t, 'timeout = "4s"')
  assert.equal((await login(await provider.accessJwt(alice))).reason, 'ok')
  await provider.down()
  t.after(provider.up)
  await provider.rotateKeys()
  const token = await provider.accessJwt(alice)
  assert.equal((await login(token)).reason, 'provider_unavailable')
  await provider.up()
  assert.equal((await login(token)).reason, 'ok')
})

test('opaque tokens take a provider that answers; JWTs beside them do not', async t => {
  const bearerd = await startBearerd(
    t,
    `[directory.main]
    issuer = "${provider.issuer}"
    endpoint.method = ["jwt", "userinfo"]
    require.clients = "mail-client"`,
  )
  const jwt = await provider.accessJwt(alice)
  const opaque = await provider.token(alice)
  assert.equal((await bearerd.login(jwt)).reason, 'ok')
  await provider.down()
  t.after(provider.up)
  await bearerd.stop()
  await bearerd.start()
  assert.equal((await bearerd.login(jwt)).reason, 'ok')
  assert.equal((await bearerd.login(opaque)).reason, 'provider_unavailable')
  assert.equal((await bearerd.login(jwt)).reason, 'ok')
})
