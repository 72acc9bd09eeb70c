/**
 * Answers that a provider signs: userinfo (OpenID Connect Core section 5.3.2) and introspection (RFC 9701). They count where
 * the issuer's keys verify them; otherwise there is no verdict, and the log says why.
 */
import assert from 'node:assert/strict'
import { after, beforeEach, type TestContext, test } from 'node:test'
import type { ClientAuth } from '../../src/config/config.ts'
import type { Claims } from '../../src/oidc/token-verdict.ts'
import { Secret } from '../../src/secret.ts'
import { openProvider } from '../support/asking.ts'
import { startBearerd } from '../support/bearerd.ts'
import { type Answer, json, startFaultProvider, text } from '../support/fault-provider.ts'
import { newSigner, part, publicJwk, signJwt, signParts } from '../support/jws.ts'
import { introspectors, startProvider } from '../support/provider.ts'

const alice = 'alice@example.org'
const provider = await startProvider()
after(provider.stop)

function open(t: TestContext, toml: string) {
  return startBearerd(t, `[directory.main]\nissuer = "${provider.issuer}"\n${toml}`)
}
const credentials = `auth.method = "basic"
auth.username = "${introspectors.signed.id}"
auth.secret = "${introspectors.signed.secret}"`

test('a real provider signs userinfo for the client of the token: good', async t => {
  const { login } = await open(t, '')
  for (let i = 0; i < 2; i++) {
    const { reason, account, source } = await login(await provider.token(alice, { client: 'signed-client' }))
    assert.deepEqual({ reason, account, source }, { reason: 'ok', account: alice, source: 'userinfo' })
  }
  assert.equal((await login(await provider.token(alice))).reason, 'ok', 'and for another client it does not')
})

test('a real provider signs introspection for us: good, with its audience, and its refusals', async t => {
  const { login } = await open(t, `endpoint.method = "introspect"\n${credentials}\nrequire.audience = "mail"`)
  assert.equal((await login(await provider.token(alice, { audience: 'mail' }))).reason, 'ok')
  assert.equal((await login(await provider.token(alice, { audience: 'wiki' }))).reason, 'wrong_audience')
  assert.equal((await login('this-token-was-never-issued')).reason, 'token_refused')
  const revoked = await provider.token(alice, { audience: 'mail' })
  await provider.revoke(revoked)
  assert.equal((await login(revoked)).reason, 'token_refused')
})

test('both in a chain', async t => {
  const { login } = await open(t, `endpoint.method = ["introspect", "userinfo"]\n${credentials}`)
  const { reason, source } = await login(await provider.token(alice, { client: 'signed-client', told: {} }))
  assert.deepEqual({ reason, source }, { reason: 'ok', source: 'introspect+userinfo' })
})

test('the signing key changes between two answers', async t => {
  const { login } = await open(t, 'timeout = "8s"')
  assert.equal((await login(await provider.token(alice, { client: 'signed-client' }))).reason, 'ok')
  await provider.rotateKeys()
  await provider.withdrawKeys()
  assert.equal((await login(await provider.token(alice, { client: 'signed-client' }))).reason, 'ok')
})

test('a real provider encrypts userinfo: no verdict', async t => {
  const { login, logged } = await open(t, '')
  const { reason } = await login(await provider.token(alice, { client: 'encrypted-client' }))
  assert.equal(reason, 'provider_unavailable')
  assert.match(String((await logged('provider')).cause), /^userinfo at .*is encrypted.*\(ENCRYPTED_ANSWER\)$/)
})

test('without an issuer there is nothing to verify an answer by', async t => {
  const { login, logged } = await startBearerd(t, `directory.main.endpoint.url = "${provider.endpoints.userinfo}"`)
  const { reason } = await login(await provider.token(alice, { client: 'signed-client' }))
  assert.equal(reason, 'provider_unavailable')
  assert.match(String((await logged('provider')).cause), /is signed.*\(SIGNED_ANSWER\)$/)
})

// What no real provider does: wrong in one point each.
const server = await startFaultProvider()
after(server.stop)
const issuer = server.origin
const key = newSigner('k1', 'ES256')
const stranger = newSigner('k1', 'ES256')
beforeEach(() => {
  server.answerAt('/jwks', json({ keys: [publicJwk(key)] }))
})

const auth: ClientAuth = {
  method: 'basic',
  username: 'bearerd',
  secret: new Secret('correct-horse.battery_staple'),
  encoding: 'form',
}
const settings = {
  userinfo: { methods: ['userinfo'], urls: { userinfo: `${issuer}/me`, jwks: `${issuer}/jwks` }, alwaysAsk: false },
  introspect: {
    methods: ['introspect'],
    urls: { introspect: `${issuer}/introspect`, jwks: `${issuer}/jwks` },
    alwaysAsk: false,
  },
} as const
const types = { userinfo: 'application/jwt', introspect: 'application/token-introspection+jwt' }
const user = { sub: 'alice', email: alice }
const payloads: Record<keyof typeof settings, Claims> = {
  userinfo: { ...user, iss: issuer, aud: 'mail-client' },
  introspect: { iss: issuer, aud: 'bearerd', iat: 1, token_introspection: { active: true, ...user } },
}
const typ = { userinfo: 'JWT', introspect: 'token-introspection+jwt' }

/** A login at which the answer is this JWT. */
async function ask(t: TestContext, method: keyof typeof settings, jwt: string) {
  const { lookup, states } = openProvider(t, { issuer, endpoint: settings[method], auth, timeoutMs: 8_000 })
  const answer: Answer = text(jwt, 200, { 'content-type': types[method] })
  server.answer(answer)
  const { kind } = await lookup('tok3n-of.alice_which/nobody+may~see==')
  return { kind, causes: states() }
}

for (const method of ['userinfo', 'introspect'] as const) {
  const payload = payloads[method]
  const header = { typ: typ[method] }

  test(`${method}, made by hand as the bad ones are: good`, async t => {
    const { kind, causes } = await ask(t, method, signJwt(key, payload, header))
    assert.deepEqual([kind, causes], ['active', []])
  })

  const [head, , signature] = signJwt(key, payload, header).split('.')
  const bad: Record<string, string> = {
    'with other content': `${head}.${part({ ...payload, email: 'bob@example.org' })}.${signature}`,
    'signed by another key of the same name': signJwt(stranger, payload, header),
    'signed by a key that nobody knows': signJwt(stranger, payload, { ...header, kid: 'k2' }),
    'of another issuer': signJwt(key, { ...payload, iss: 'https://elsewhere.example' }, header),
    'not signed': `${part({ ...header, alg: 'none' })}.${part(payload)}.`,
    'not signed, but called so': `${part({ ...header, alg: 'none' })}.${part(payload)}.${signature}`,
    'signed with the public key as if it were a secret': signParts(
      key,
      part({ ...header, alg: 'HS256' }),
      part(payload),
    ),
    'with an extension that must be understood': signJwt(key, payload, { ...header, crit: ['exp'] }),
    'that is no object': signJwt(key, '[]', header),
    'that is no JWT': 'nothing',
    'that is empty': '',
  }
  for (const [name, jwt] of Object.entries(bad))
    test(`${method}, an answer ${name}: no verdict`, async t => {
      const { kind, causes } = await ask(t, method, jwt)
      assert.equal(kind, 'unavailable')
      assert.match(causes.join(), new RegExp(`^${method} at .*not by the issuer's keys.*\\(BAD_SIGNED_ANSWER\\)$`))
    })

  test(`${method}, an encrypted answer: no verdict`, async t => {
    const { kind, causes } = await ask(t, method, `${part({ alg: 'dir', enc: 'A128GCM' })}..aaaa.bbbb.cccc`)
    assert.equal(kind, 'unavailable')
    assert.match(causes.join(), /\(ENCRYPTED_ANSWER\)$/)
  })

  test(`${method}, the keys cannot be had: no verdict`, async t => {
    server.answerAt('/jwks', text('', 503))
    const { kind, causes } = await ask(t, method, signJwt(key, payload, header))
    assert.equal(kind, 'unavailable')
    assert.match(causes.join(), /\(HTTP 503\)$/)
  })
}

const answers: Record<string, [payload: Claims, header?: Claims]> = {
  'for another resource server': [{ ...payloads.introspect, aud: 'wiki' }],
  'for nobody in particular': [{ ...payloads.introspect, aud: undefined }],
  'by nobody in particular': [{ ...payloads.introspect, iss: undefined }],
  'of another type': [payloads.introspect, { typ: 'JWT' }],
  'of no type': [payloads.introspect, { typ: undefined }],
  // Somebody's token, signed by the same provider, in the place of the answer.
  'that is an access token': [{ ...payloads.introspect, active: true, ...user }, { typ: 'at+jwt' }],
  'without the claim that it is about': [{ ...payloads.introspect, token_introspection: undefined, active: true }],
  'with the claim as a list': [{ ...payloads.introspect, token_introspection: [{ active: true }] }],
  'with the claim as null': [{ ...payloads.introspect, token_introspection: null }],
}
for (const [name, [payload, header = { typ: typ.introspect }]] of Object.entries(answers))
  test(`introspect, an answer ${name}: no verdict`, async t => {
    const { kind, causes } = await ask(t, 'introspect', signJwt(key, payload, header))
    assert.equal(kind, 'unavailable')
    assert.match(causes.join(), /\(BAD_SIGNED_ANSWER\)$/)
  })

test('introspect, a signed answer for us and for others', async t => {
  const jwt = signJwt(key, { ...payloads.introspect, aud: ['wiki', 'bearerd'] }, { typ: typ.introspect })
  assert.equal((await ask(t, 'introspect', jwt)).kind, 'active')
})

test('introspect, a signed answer that the token is not active: refused', async t => {
  const payload = { ...payloads.introspect, token_introspection: { active: false } }
  assert.equal((await ask(t, 'introspect', signJwt(key, payload, { typ: typ.introspect }))).kind, 'refused')
})

test('introspect, a signed answer without "active": no verdict', async t => {
  const payload = { ...payloads.introspect, active: true, token_introspection: { ...user } }
  const { kind, causes } = await ask(t, 'introspect', signJwt(key, payload, { typ: typ.introspect }))
  assert.equal(kind, 'unavailable')
  assert.match(causes.join(), /\(OAUTH_INVALID_RESPONSE\)$/)
})

test('userinfo, a signed answer without an issuer: Core leaves it to the provider', async t => {
  const jwt = signJwt(key, user, { typ: 'JWT' })
  assert.equal((await ask(t, 'userinfo', jwt)).kind, 'active')
})

test('what it takes to verify an answer belongs to the budget of a lookup', async t => {
  const { lookup, states } = openProvider(t, { issuer, endpoint: settings.userinfo, timeoutMs: 1_000 })
  // The keys may be fetched again in 3 s only.
  server.answer(text(signJwt(stranger, payloads.userinfo, { kid: 'k2' }), 200, { 'content-type': types.userinfo }))
  assert.equal((await lookup('tok3n')).kind, 'unavailable')
  assert.deepEqual(states(), ['userinfo: no answer in time (TIMEOUT)'])
})
