/**
 * The same faults at each place of a chain, at the keys, and at discovery: wherever one of those who are asked gives no verdict,
 * there is none, and the log says who and why.
 */
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import type { DirectoryConfig, Method } from '../../src/config/config.ts'
import { openProvider } from '../support/asking.ts'
import { type Answer, challenge, json, never, startFaultProvider, text } from '../support/fault-provider.ts'
import { type Faults, faultsOf, isSlow } from '../support/faults.ts'
import { newSigner, publicJwk, signJwt } from '../support/jws.ts'

const server = await startFaultProvider()
after(server.stop)
const elsewhere = await startFaultProvider()
after(elsewhere.stop)
elsewhere.answer(json({ active: true, aud: 'mail', sub: 'mallory', email: 'alice@example.org' }))

const issuer = server.origin
const host = new URL(issuer).host
const key = newSigner('k1', 'ES256')
const opaque = 'tok3n-of.alice_which/nobody+may~see=='
const about = {
  iss: issuer,
  sub: 'alice',
  aud: 'mail',
  client_id: 'mail-client',
  exp: Math.floor(Date.now() / 1000) + 600,
}
/** Of a user whom it doesn't name. */
const jwt = signJwt(key, about)

const urls = {
  introspect: `${issuer}/introspect`,
  tokeninfo: `${issuer}/tokeninfo`,
  userinfo: `${issuer}/me`,
  jwks: `${issuer}/jwks`,
}
type Place = keyof typeof urls | 'discovery'
const paths: Record<Place, string> = {
  introspect: '/introspect',
  tokeninfo: '/tokeninfo',
  userinfo: '/me',
  jwks: '/jwks',
  discovery: '/.well-known/openid-configuration',
}
const good: Record<Place, Answer> = {
  introspect: json({ active: true, aud: 'mail', sub: 'alice' }),
  tokeninfo: json({ aud: 'mail', sub: 'alice', email: 'alice@example.org' }),
  userinfo: json({ sub: 'alice', email: 'alice@example.org' }),
  jwks: json({ keys: [publicJwk(key)] }),
  discovery: json({
    issuer,
    introspection_endpoint: urls.introspect,
    userinfo_endpoint: urls.userinfo,
    jwks_uri: urls.jwks,
  }),
}

type Case = {
  readonly methods: readonly Method[]
  readonly place: Place
  readonly token: string
  readonly alwaysAsk?: boolean
  /** Answers more that are no verdict there, and those that are one. */
  readonly more?: Faults
  readonly except?: RegExp
}

/** What is a refusal of the token at other places says nothing of it here. */
const ofUs: Faults = {
  'status 401': [text('', 401), /\(HTTP 401\)$/],
  'status 401 invalid_token': [challenge(401, 'invalid_token'), /\(HTTP 401\)$/],
  'status 403': [text('', 403), /\(HTTP 403\)$/],
  'status 403 insufficient_scope': [challenge(403, 'insufficient_scope'), /\(HTTP 403\)$/],
  'status 400 invalid_token': [challenge(400, 'invalid_token'), /\(HTTP 400 invalid_token\)$/],
}
/** The issuer's keys say nothing for it. */
const badlySigned: Faults = {
  'a signed answer': [text('e30.e30.e30', 200, { 'content-type': 'application/jwt' }), /\(BAD_SIGNED_ANSWER\)$/],
  'a signed answer of introspection': [
    text('e30.e30.e30', 200, { 'content-type': 'application/token-introspection+jwt' }),
    /\(BAD_SIGNED_ANSWER\)$/,
  ],
}
const credentials: Faults = Object.fromEntries(
  Object.entries(ofUs)
    .filter(([name]) => !name.startsWith('status 400'))
    .map(([name, [answer]]) => [name, [answer, /\(CLIENT_REFUSED\)$/]]),
)
const noKeys: Faults = {
  'an object without keys': [json({}), /\(NO_KEYS\)$/],
  'no key': [json({ keys: [] }), /\(NO_KEYS\)$/],
  'no key that could be used': [json({ keys: [{ kty: 'oct', k: 'AAAA' }, null, 1] }), /\(NO_KEYS\)$/],
  'too many keys': [json({ keys: Array(65).fill(publicJwk(key)) }), /\(TOO_MANY_KEYS\)$/],
}
const notJson = /\(OAUTH_RESPONSE_IS_NOT_JSON\)$/
const noMetadata: Faults = {
  'a signed answer': [text('e30.e30.e30', 200, { 'content-type': 'application/jwt' }), notJson],
  'a signed answer of introspection': [
    text('e30.e30.e30', 200, { 'content-type': 'application/token-introspection+jwt' }),
    notJson,
  ],
  'another issuer': [json({ issuer: 'https://elsewhere.example' }), /\(OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED\)$/],
  'no endpoints': [json({ issuer }), /\(NO_ENDPOINT\)$/],
}

const cases: readonly Case[] = [
  { methods: ['introspect', 'userinfo'], place: 'introspect', token: opaque, more: credentials },
  { methods: ['introspect', 'userinfo'], place: 'userinfo', token: opaque },
  // Its word for a bad token is status 400.
  { methods: ['tokeninfo'], place: 'tokeninfo', token: opaque, except: /^status 400( with|$)/ },
  { methods: ['tokeninfo', 'userinfo'], place: 'userinfo', token: opaque },
  { methods: ['jwt', 'introspect'], place: 'introspect', token: opaque, more: credentials },
  { methods: ['jwt', 'introspect'], place: 'introspect', token: jwt, more: credentials, alwaysAsk: true },
  { methods: ['jwt', 'userinfo'], place: 'userinfo', token: jwt },
  { methods: ['jwt', 'introspect', 'userinfo'], place: 'userinfo', token: opaque },
  { methods: ['jwt'], place: 'jwks', token: jwt, more: { ...ofUs, ...noKeys } },
  { methods: ['jwt', 'introspect', 'userinfo'], place: 'jwks', token: jwt, more: { ...ofUs, ...noKeys } },
  { methods: ['jwt'], place: 'discovery', token: jwt, more: { ...ofUs, ...noMetadata } },
  { methods: ['introspect', 'userinfo'], place: 'discovery', token: opaque, more: { ...ofUs, ...noMetadata } },
]

const requestAt: Record<Place, string> = {
  introspect: `introspect at ${host}`,
  tokeninfo: `tokeninfo at ${host}`,
  userinfo: `userinfo at ${host}`,
  jwks: 'keys of the issuer',
  discovery: `discovery at ${host}`,
}

/** Everything is as it should be, but for what the test changes. */
function settings({ methods, place, alwaysAsk = false }: Case): Partial<DirectoryConfig> {
  for (const [name, answer] of Object.entries(good)) server.answerAt(paths[name as Place], answer)
  return { issuer, endpoint: { methods, urls: place === 'discovery' ? {} : urls, alwaysAsk } }
}

/** Waiting for the next time at which keys may be fetched would take 3 s each time. */
const comesBackAtOnce = (place: Place): boolean => place !== 'jwks' && place !== 'discovery'

async function tryFault(t: TestContext, one: Case, name: string, [answer, cause]: Faults[string]): Promise<void> {
  const { lookup, states } = openProvider(t, { ...settings(one), timeoutMs: isSlow(answer) ? 300 : 5000 })
  server.answerAt(paths[one.place], answer)
  const { kind, source } = await lookup(one.token)
  assert.equal(kind, 'unavailable', name)
  assert.ok(one.methods.join('+').includes(source), `${name}: ${source}`)
  const [state = ''] = states()
  assert.match(state, cause, name)
  assert.ok(state.includes(requestAt[one.place]) || /\(TIMEOUT\)$/.test(state), `${name}: ${state}`)
  // Without discovery there are no keys either.
  assert.ok(states().length <= (one.place === 'discovery' ? 2 : 1), name)
  if (!comesBackAtOnce(one.place)) return
  server.answerAt(paths[one.place], good[one.place])
  assert.equal((await lookup(one.token)).kind, 'active', name)
}

for (const one of cases) {
  const { methods, place, token, more, except = /^$/, alwaysAsk } = one
  const about = `${token === jwt ? 'a JWT' : 'an opaque token'}${alwaysAsk ? ', always asked about' : ''}`
  const signed = comesBackAtOnce(place) ? badlySigned : {}
  const faults = { ...faultsOf(`${elsewhere.origin}/me`, token), ...signed, ...more }

  test(`${methods.join(', ')}; ${about}: each fault of ${place} is no verdict`, async t => {
    const { lookup } = openProvider(t, settings(one))
    assert.equal((await lookup(token)).kind, 'active', 'else a fault would prove nothing')
    const tried = Object.entries(faults).filter(([name]) => !except.test(name))
    for (const [name, fault] of tried) await tryFault(t, one, name, fault)
    assert.ok(tried.length > 30)
    assert.equal(elsewhere.asked.length, 0)
  })
}

test('a refusal of the first counts, whatever would become of the second', async t => {
  const one: Case = { methods: ['introspect', 'userinfo'], place: 'introspect', token: opaque }
  const { lookup, log } = openProvider(t, settings(one))
  server.answerAt(paths.introspect, json({ active: false }))
  server.answerAt(paths.userinfo, text('', 500))
  const { kind, source } = await lookup(opaque)
  assert.deepEqual([kind, source, log], ['refused', 'introspect', []])
})

test('a bad signature counts, though those who might be asked fail', async t => {
  const one: Case = { methods: ['jwt', 'introspect', 'userinfo'], place: 'introspect', token: jwt, alwaysAsk: true }
  const { lookup } = openProvider(t, settings(one))
  for (const place of ['introspect', 'userinfo'] as const) server.answerAt(paths[place], text('', 500))
  const verdict = await lookup(signJwt(newSigner('k1', 'ES256'), about))
  assert.equal(verdict.kind === 'refused' && verdict.reason, 'bad_signature')
})

test('one endpoint that breaks down does not keep the others from being asked', async t => {
  const one: Case = { methods: ['introspect', 'userinfo'], place: 'userinfo', token: opaque }
  const { lookup } = openProvider(t, { ...settings(one), timeoutMs: 200 })
  server.answerAt(paths.userinfo, never)
  for (let i = 0; i < 10; i++) assert.equal((await lookup(`${opaque}=`)).kind, 'unavailable')
  const asked = server.asked.filter(({ path }) => path === paths.userinfo).length
  assert.equal((await lookup(opaque)).kind, 'unavailable')
  assert.equal(server.asked.filter(({ path }) => path === paths.userinfo).length, asked, 'it is spared for a second')
  server.answerAt(paths.introspect, json({ active: false }))
  assert.equal((await lookup(opaque)).kind, 'refused')
})

test('one outage is one line in the log, though both the request and the lookup run out of time', async t => {
  const one: Case = { methods: ['introspect', 'userinfo'], place: 'userinfo', token: opaque }
  const { lookup, states } = openProvider(t, { ...settings(one), timeoutMs: 1_000 })
  server.answerAt(paths.introspect, response => void setTimeout(() => good.introspect(response), 300))
  const hungUp = new Promise(resolve => {
    server.answerAt(paths.userinfo, response => void response.on('close', resolve))
  })
  const { kind, source } = await lookup(opaque)
  assert.deepEqual([kind, source], ['unavailable', 'introspect+userinfo'])
  await hungUp
  assert.deepEqual(states(), ['introspect and userinfo: no answer in time (TIMEOUT)'])
})
