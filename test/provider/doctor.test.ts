/** `bearerd doctor` and providers: a real one in health, and one that is made to fail in each way. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import type { DirectoryConfig, Method } from '../../src/config/config.ts'
import { examineDirectory } from '../../src/doctor/directory.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { Secret } from '../../src/secret.ts'
import { directory } from '../support/directory.ts'
import { challenge, type FaultProvider, json, startFaultProvider, text } from '../support/fault-provider.ts'
import { newSigner, publicJwk } from '../support/jws.ts'
import { introspectors, startProvider } from '../support/provider.ts'

type Settings = Parameters<typeof directory>[0]

const endpoint = (methods: readonly Method[], urls: DirectoryConfig['endpoint']['urls'] = {}) => ({
  endpoint: { methods, urls, alwaysAsk: false },
})

const { id, secret } = introspectors.basic
const basic = (password: string) =>
  ({ auth: { method: 'basic', username: id, secret: new Secret(password), encoding: 'form' } }) as const

/** Check → outcome, and everything that was said. */
async function examine(settings: Settings, warnings: readonly string[] = []) {
  const findings = await examineDirectory(directory(settings), warnings)
  const of = (check: string): Finding => {
    const found = findings.find(finding => finding.check === check)
    assert.ok(found, `no ${check} among ${findings.map(finding => finding.check).join(', ')}`)
    return found
  }
  const bad = findings.filter(({ outcome }) => outcome !== 'ok').map(({ check, outcome }) => `${check}: ${outcome}`)
  return { findings, of, bad }
}

async function fault(t: TestContext, ...args: Parameters<typeof startFaultProvider>): Promise<FaultProvider> {
  const provider = await startFaultProvider(...args)
  t.after(provider.stop)
  return provider
}

/** A provider that publishes this, and refuses every token at /me. */
async function publishing(t: TestContext, metadata: object = {}): Promise<FaultProvider> {
  const provider = await fault(t)
  const { origin } = provider
  const published = { issuer: origin, userinfo_endpoint: `${origin}/me`, jwks_uri: `${origin}/jwks`, ...metadata }
  provider.answerAt('/.well-known/openid-configuration', json(published))
  provider.answerAt('/me', challenge(401, 'invalid_token'))
  return provider
}

test('a provider in health: nothing to mend, in any mode', async t => {
  const provider = await startProvider()
  t.after(provider.stop)
  const { bad, of, findings } = await examine({
    issuer: provider.issuer,
    ...endpoint(['jwt', 'introspect', 'userinfo']),
    ...basic(secret),
    require: { scopes: ['openid', 'email'] },
  })
  assert.deepEqual(bad, [])
  assert.deepEqual(
    findings.map(({ check }) => check.replace(/127\.0\.0\.1:\d+/, 'HOST')),
    [
      'connection to HOST',
      'discovery',
      'issuer',
      'require.scopes',
      'keys',
      'introspection',
      'client credentials',
      'userinfo',
      'clock',
    ],
  )
  assert.match(of('userinfo').seen, /refuses a made-up token \(status 401, invalid_token\)/)
  assert.match(of('keys').seen, /^"provider" \(ES256\): 1 of 1 can be used$/)
})

test('credentials that the provider refuses; they are not shown', async t => {
  const provider = await startProvider()
  t.after(provider.stop)
  const wrong = 'not-the-secret'
  const { bad, of, findings } = await examine({
    issuer: provider.issuer,
    ...endpoint(['introspect']),
    ...basic(wrong),
  })
  assert.deepEqual(bad, ['client credentials: failed'])
  assert.match(of('client credentials').cure ?? '', /secret of client "bearerd"/)
  assert.ok(!inspect(findings).includes(wrong))
})

test('a key by which the client shows itself is tried as the daemon would', async t => {
  const provider = await startProvider()
  t.after(provider.stop)
  const key = new Secret(provider.keys.ES256)
  const auth = { method: 'private-key-jwt', username: 'key-ES256', key, keyId: undefined } as const
  const { of } = await examine({ issuer: provider.issuer, ...endpoint(['introspect']), auth })
  assert.equal(of('client credentials').outcome, 'ok')
})

test('a provider that is down: one failure, and nothing else is asked', async () => {
  const provider = await startProvider()
  await provider.stop()
  const { findings } = await examine({ issuer: provider.issuer, ...endpoint(['userinfo']) })
  assert.deepEqual(
    findings.map(({ outcome, unreachable }) => [outcome, unreachable]),
    [['failed', true]],
  )
  assert.match(findings[0]?.seen ?? '', /connection is refused \(ECONNREFUSED\)/)
})

test('a host name that does not exist', async () => {
  const { findings } = await examine({ issuer: 'https://accounts.invalid', ...endpoint(['userinfo']) })
  assert.deepEqual(
    findings.map(({ check, outcome }) => [check, outcome]),
    [['DNS of accounts.invalid', 'failed']],
  )
})

test('another issuer, to the last slash', async t => {
  const { origin } = await publishing(t)
  const near = await examine({ issuer: `${origin}/`, ...endpoint(['userinfo']) })
  assert.equal(near.of('issuer').outcome, 'warning')
  const told = await examine({ issuer: `${origin}/`, ...endpoint(['introspect']) })
  assert.equal(told.of('issuer').outcome, 'failed')
  const strict = await examine({ issuer: `${origin}/`, ...endpoint(['jwt']) })
  assert.equal(strict.of('issuer').outcome, 'failed')
  assert.match(strict.of('issuer').cure ?? '', new RegExp(`^Set issuer = "${origin}" `))
  const other = await publishing(t, { issuer: 'https://elsewhere.example.org\x1b[2J' })
  const seen = (await examine({ issuer: other.origin, ...endpoint(['userinfo']) })).of('issuer')
  assert.equal(seen.outcome, 'failed')
  assert.doesNotMatch(seen.seen, /\x1b/)
})

test('a discovery document that is not there, and one that is a web page', async t => {
  const provider = await fault(t)
  provider.answer(text('not found', 404))
  const settings = { issuer: provider.origin, ...endpoint(['userinfo']) }
  const absent = (await examine(settings)).of('discovery')
  assert.deepEqual([absent.outcome, absent.unreachable], ['failed', undefined])
  provider.answer(text('<html>', 200, { 'content-type': 'text/html' }))
  assert.equal((await examine(settings)).of('discovery').outcome, 'failed')
})

test('endpoints that are not published are named by the setting that replaces them', async t => {
  const { origin } = await publishing(t, { userinfo_endpoint: undefined })
  const { of, bad } = await examine({ issuer: origin, ...endpoint(['introspect', 'userinfo']) })
  assert.deepEqual(bad, ['introspection_endpoint: failed', 'userinfo_endpoint: failed'])
  assert.match(of('introspection_endpoint').cure ?? '', /endpoint\.introspect-url/)
})

test('what the metadata says of auth.method and scopes', async t => {
  const { origin } = await publishing(t, {
    introspection_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
    scopes_supported: ['openid', 'email'],
  })
  const { of } = await examine({
    issuer: origin,
    ...endpoint(['introspect'], { introspect: `${origin}/introspect` }),
    ...basic('x'),
    require: { scopes: ['email', 'mial'] },
  })
  assert.equal(of('auth.method').outcome, 'warning')
  assert.match(of('auth.method').cure ?? '', /"post" or "private-key-jwt"/)
  assert.equal(of('require.scopes').outcome, 'warning')
  assert.match(of('require.scopes').seen, /"mial"/)
})

test('keys: none, or only for algorithms that are not accepted', async t => {
  const provider = await publishing(t)
  const settings = { issuer: provider.origin, ...endpoint(['jwt']) }
  const rsa = { kty: 'RSA', n: 'AQAB', e: 'AQAB' }
  for (const keys of [undefined, [], [{ kty: 'oct', k: 'c2VjcmV0' }], [rsa], [{ ...rsa, use: 'enc' }], [null]]) {
    provider.answerAt('/jwks', json({ keys }))
    assert.deepEqual((await examine(settings)).bad, ['keys: failed'])
  }
})

test('keys are judged as the daemon judges them', async t => {
  const provider = await publishing(t)
  const keysOf = async (keys: readonly unknown[], algorithms = ['ES256']) => {
    provider.answerAt('/jwks', json({ keys }))
    const { of } = await examine({
      issuer: provider.origin,
      ...endpoint(['jwt']),
      jwt: { algorithms, types: ['jwt'] },
    })
    return of('keys')
  }
  const signer = newSigner('k1', 'ES256')
  const good = publicJwk(signer)
  assert.match((await keysOf([good, null])).seen, /^"k1" \(P-256\): 1 of 1 can be used$/)
  assert.match((await keysOf([good], ['RS256'])).seen, /^none of "k1" \(P-256\) can be used$/)
  for (const unfit of [
    signer.privateKey.export({ format: 'jwk' }),
    publicJwk(signer, { key_ops: ['encrypt'] }),
    publicJwk(newSigner('short', 'RS256', 1024)),
  ])
    assert.match((await keysOf([unfit])).seen, /\(NO_KEYS\)$/)
  assert.match((await keysOf(Array(65).fill(good))).seen, /more than 64 keys \(TOO_MANY_KEYS\)$/)
})

test('introspection that is signed: good where there are keys to check it by', async t => {
  const provider = await publishing(t)
  const { origin } = provider
  provider.answerAt('/introspect', text('e30.e30.e30', 200, { 'content-type': 'application/token-introspection+jwt' }))
  const settings = endpoint(['introspect'], { introspect: `${origin}/introspect` })
  assert.equal((await examine({ ...settings, issuer: origin })).of('introspection').outcome, 'ok')
  const { outcome, cure } = (await examine(settings)).of('introspection')
  assert.equal(outcome, 'failed')
  assert.match(cure ?? '', /Set "issuer"/)
})

test('an endpoint that takes every token, or calls it active', async t => {
  const provider = await publishing(t)
  provider.answer(json({ sub: 'anybody', active: true }))
  const { origin } = provider
  const urls = { userinfo: `${origin}/open`, introspect: `${origin}/open`, tokeninfo: `${origin}/open` }
  for (const [method, check] of [
    ['userinfo', 'userinfo'],
    ['introspect', 'introspection'],
    ['tokeninfo', 'tokeninfo'],
  ] as const)
    assert.equal((await examine({ ...endpoint([method], urls) })).of(check).outcome, 'failed', check)
})

test('endpoints that are none, or behind a login of their own', async t => {
  const provider = await fault(t)
  const url = `${provider.origin}/me`
  const settings = endpoint(['userinfo'], { userinfo: url })
  for (const [answer, said] of [
    [text('', 404), /no such endpoint/],
    [text('', 302, { location: 'https://example.org/login' }), /redirects/],
    [text('', 401, { 'www-authenticate': 'Basic realm="proxy"' }), /another login/],
    [text('', 503), /has failed/],
  ] as const) {
    provider.answer(answer)
    const { of } = await examine(settings)
    assert.equal(of('userinfo').outcome, 'failed')
    assert.match(of('userinfo').seen, said)
  }
  provider.answer(json({ keys: [] }))
  const wrong = await examine(endpoint(['introspect'], { introspect: url }))
  assert.match(wrong.of('introspection').seen, /no "active"/)
})

test('a clock that is off', async t => {
  const provider = await publishing(t)
  const settings = { issuer: provider.origin, ...endpoint(['userinfo']) }
  const at = (offMs: number) => new Date(Date.now() + offMs).toUTCString()
  for (const [offMs, outcome] of [
    [0, 'ok'],
    [-30_000, 'warning'],
    [30_000, 'warning'],
    [-600_000, 'failed'],
    [600_000, 'failed'],
  ] as const) {
    provider.answerAt('/me', text('', 401, { date: at(offMs) }))
    const { of } = await examine(settings)
    assert.equal(of('clock').outcome, outcome, String(offMs))
  }
})

const file = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))
const certificate = { cert: readFileSync(file('server.pem')), key: readFileSync(file('server-key.pem')) }
const ca = { tls: { caFile: file('ca.pem'), certFile: undefined, keyFile: undefined } }

test('TLS: a certificate by an authority that is configured, by another, and for another name', async t => {
  const provider = await fault(t, certificate)
  provider.answer(challenge(401))
  const at = (origin: string) => endpoint(['userinfo'], { userinfo: `${origin}/me` })
  const good = await examine({ ...at(provider.origin), ...ca })
  assert.deepEqual(good.bad, [])
  assert.match(good.of('TLS of localhost').seen, /^TLSv1\.[23], certificate valid until \d{4}-\d\d-\d\d$/)

  const asked = provider.asked.length
  const unknown = (await examine(at(provider.origin))).of('TLS of localhost')
  assert.deepEqual([unknown.outcome, unknown.unreachable], ['failed', true])
  assert.match(unknown.cure ?? '', /tls\.ca-file/)
  const numeric = provider.origin.replace('localhost', '127.0.0.1')
  const misnamed = (await examine({ ...at(numeric), ...ca })).of('TLS of 127.0.0.1')
  assert.match(misnamed.seen, /for another host name/)
  assert.equal(provider.asked.length, asked)
})

test('TLS: a certificate that ends soon, and one that has ended', async t => {
  const provider = await fault(t, certificate)
  provider.answer(challenge(401))
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2119, 11, 23) })
  const soon = await examine({ ...endpoint(['userinfo'], { userinfo: `${provider.origin}/me` }), ...ca })
  t.mock.timers.reset()
  assert.equal(soon.of('TLS of localhost').outcome, 'warning')
  assert.match(soon.of('TLS of localhost').seen, /certificate valid until 2120-01-01: 9 days left$/)
  assert.equal(soon.of('userinfo').outcome, 'ok')

  const late = await fault(t, { ...certificate, cert: readFileSync(file('expired.pem')) })
  const { of } = await examine({
    ...endpoint(['userinfo'], { userinfo: `${late.origin}/me` }),
    tls: { ...ca.tls, caFile: file('expired.pem') },
  })
  const { outcome, seen } = of('TLS of localhost')
  assert.equal(outcome, 'failed')
  assert.match(seen, /not valid today \(CERT_HAS_EXPIRED\); certificate valid until 2021-01-01$/)
})

test('what check warns of is said again, first', async t => {
  const { origin } = await publishing(t)
  const { findings } = await examine({ issuer: origin, ...endpoint(['userinfo']) }, ['any application can …'])
  assert.deepEqual(
    [findings[0]?.check, findings[0]?.outcome, findings[0]?.seen],
    ['configuration', 'warning', 'any application can …'],
  )
})
