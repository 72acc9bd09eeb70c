/** Lookups at the introspection endpoint of a real provider, with each client authentication that it supports. */
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { checkClaims } from '../../src/auth/claims.ts'
import { createTokenSource } from '../../src/auth/token.ts'
import type { ClientAuth, DirectoryConfig } from '../../src/config/config.ts'
import { Secret } from '../../src/secret.ts'
import { openProvider } from '../support/asking.ts'
import { asking, directory } from '../support/directory.ts'
import { tokenRefused } from '../support/evidence.ts'
import { introspectors, type KeyAlgorithm, startProvider, type TokenOptions } from '../support/provider.ts'

const provider = await startProvider()
after(provider.stop)
const endpoint = asking('introspect', provider.endpoints.introspection)
const host = new URL(provider.issuer).host
const refused = { ...tokenRefused, source: 'introspect' }

type Client = { readonly id: string; readonly secret: string }
const basic = ({ id, secret }: Client, encoding: 'form' | 'raw' = 'form'): ClientAuth => ({
  method: 'basic',
  username: id,
  secret: new Secret(secret),
  encoding,
})
const post = ({ id, secret }: Client): ClientAuth => ({ method: 'post', username: id, secret: new Secret(secret) })
const privateKey = (alg: KeyAlgorithm, keyId?: string): ClientAuth => ({
  method: 'private-key-jwt',
  username: `key-${alg}`,
  key: new Secret(provider.keys[alg]),
  keyId,
})

test('a good token: all that the provider says of it', async t => {
  const { lookup, log } = openProvider(t, { endpoint, auth: basic(introspectors.basic) })
  const verdict = await lookup(await provider.token('alice@example.org', { audience: 'mail', scope: 'openid email' }))
  assert.ok(verdict.kind === 'active')
  const { exp, iat, ...claims } = verdict.evidence.claims
  assert.deepEqual(claims, {
    active: true,
    iss: provider.issuer,
    sub: provider.subject('alice@example.org'),
    aud: 'mail',
    client_id: 'mail-client',
    scope: 'openid email',
    token_type: 'Bearer',
    email: 'alice@example.org',
    email_verified: true,
    preferred_username: 'alice',
    name: 'Test alice',
  })
  assert.equal(Number(exp) - Number(iat), 3600)
  assert.deepEqual(log, [])
})

test('tokens that were never issued, have expired, were revoked', async t => {
  const { lookup, log } = openProvider(t, { endpoint, auth: basic(introspectors.basic) })
  const [expired, revoked] = [await provider.token('alice@example.org'), await provider.token('alice@example.org')]
  assert.equal((await lookup(expired)).kind, 'active')
  assert.equal((await lookup(revoked)).kind, 'active')
  await provider.expire(expired)
  await provider.revoke(revoked)
  for (const token of ['never-issued', expired, revoked]) assert.deepEqual(await lookup(token), refused)
  assert.deepEqual(log, [])
})

const accepted: Record<string, ClientAuth> = {
  'client_secret_basic, form-encoded': basic(introspectors.basic),
  'client_secret_basic, form-encoded, each character special': basic(introspectors.special),
  'client_secret_basic, raw, where nothing needs encoding': basic(introspectors.basic, 'raw'),
  client_secret_post: post(introspectors.post),
  'none, a public client': { method: 'none', username: 'mail-client' },
  'private_key_jwt, RSA': privateKey('RS256'),
  'private_key_jwt, P-256': privateKey('ES256'),
  'private_key_jwt, P-384': privateKey('ES384'),
  'private_key_jwt, P-521': privateKey('ES512'),
  'private_key_jwt, Ed25519': privateKey('EdDSA'),
  'private_key_jwt, with a key id': privateKey('ES256', 'ES256'),
}
for (const [name, auth] of Object.entries(accepted))
  test(`accepted: ${name}`, async t => {
    // The issuer is the audience of an assertion.
    const { lookup, log } = openProvider(t, { endpoint, auth, issuer: provider.issuer })
    const token = await provider.token('alice@example.org')
    // Twice: an assertion is good for one request.
    for (let i = 0; i < 2; i++) assert.equal((await lookup(token)).kind, 'active')
    assert.deepEqual(await lookup('never-issued'), refused)
    assert.deepEqual(log, [])
  })

const wrong = (client: Client): Client => ({ ...client, secret: 'a wrong secret' })
const rejected: Record<string, [auth: ClientAuth, cause: RegExp]> = {
  'a wrong secret (basic)': [basic(wrong(introspectors.basic)), /refuses the credentials of bearerd.*CLIENT_REFUSED/],
  'a wrong secret (post)': [post(wrong(introspectors.post)), /refuses the credentials of bearerd.*CLIENT_REFUSED/],
  'an unknown client': [basic({ id: 'nobody', secret: 'x' }), /refuses the credentials of bearerd.*CLIENT_REFUSED/],
  "another client's key": [
    { ...privateKey('ES256'), username: 'key-ES384' } as ClientAuth,
    /refuses the credentials of bearerd.*CLIENT_REFUSED/,
  ],
  'an encoding that the provider does not use': [
    basic(introspectors.special, 'raw'),
    /does not accept the request \(HTTP 400 invalid_request\)/,
  ],
  'no credentials': [
    { method: 'none', username: undefined },
    /does not accept the request \(HTTP 400 invalid_request\)/,
  ],
  'the name alone of a client with a secret': [
    { method: 'none', username: introspectors.basic.id },
    /refuses the credentials of bearerd.*CLIENT_REFUSED/,
  ],
  "the user's token": [{ method: 'user-token' }, /does not accept the request \(HTTP 400 invalid_request\)/],
}
for (const [name, [auth, cause]] of Object.entries(rejected))
  test(`a matter of ours, not of the user: ${name}`, async t => {
    const { lookup, log, states } = openProvider(t, { endpoint, auth })
    const token = await provider.token('alice@example.org')
    for (let i = 0; i < 3; i++) assert.deepEqual(await lookup(token), { kind: 'unavailable', source: 'introspect' })
    assert.equal(states().length, 1)
    assert.match(states()[0] ?? '', cause)
    assert.ok(states()[0]?.startsWith(`introspect at ${host}: `))
    assert.match(String(log[0]?.cure), /auth\.method/)
  })

test('a provider that introspects no JWTs says nothing about this one', async t => {
  const { lookup, states } = openProvider(t, { endpoint, auth: basic(introspectors.basic) })
  const token = await provider.token('alice@example.org', { jwt: true, audience: 'mail' })
  assert.deepEqual(await lookup(token), { kind: 'unavailable', source: 'introspect' })
  assert.match(states()[0] ?? '', /does not introspect tokens of this kind \(HTTP 400 unsupported_token_type\)/)
})

/** What the rules of a directory have against a token of Alice's for which the provider vouches; undefined: nothing. */
async function problemOf(t: TestContext, require: Partial<DirectoryConfig['require']>, options: TokenOptions) {
  const config = directory({ endpoint, auth: basic(introspectors.basic), issuer: provider.issuer, require })
  const opened = openProvider(t, config)
  const tokens = createTokenSource(opened, { ttlMs: 60_000, negativeTtlMs: 5_000, maxTokens: 10 })
  const looked = await tokens.lookup(await provider.token('alice@example.org', options))
  assert.ok(looked.kind === 'active')
  assert.deepEqual(opened.log, [])
  return checkClaims(looked.evidence, config, Date.now())
}

test('require.audience: a good token that is meant for something else, or for nothing in particular', async t => {
  const require = { audience: ['mail'] }
  assert.equal(await problemOf(t, require, { audience: 'mail' }), undefined)
  assert.deepEqual(await problemOf(t, require, { audience: 'calendar' }), {
    reason: 'wrong_audience',
    detail: 'wanted is "mail", the token has "calendar"',
  })
  assert.deepEqual(await problemOf(t, require, {}), {
    reason: 'wrong_audience',
    detail: 'wanted is "mail", the token has none',
  })
})

test('require.scopes: a good token that lacks one', async t => {
  const require = { scopes: ['openid', 'email'] }
  assert.equal(await problemOf(t, require, { scope: 'openid email profile' }), undefined)
  assert.deepEqual(await problemOf(t, require, { scope: 'openid profile' }), {
    reason: 'insufficient_scope',
    detail: 'lacking is "email", the token has "openid", "profile"',
  })
})
