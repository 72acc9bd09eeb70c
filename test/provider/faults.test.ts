/**
 * What a provider can answer, and what becomes of it. The rule: only its own clear word is a verdict on a token;
 * everything else is "unavailable", with the cause in the log, once.
 */
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import type { ClientAuth } from '../../src/config/config.ts'
import type { Claims, Refused } from '../../src/oidc/token-verdict.ts'
import { Secret } from '../../src/secret.ts'
import { openProvider } from '../support/asking.ts'
import { asking } from '../support/directory.ts'
import { active, introspected, tokenRefused as invalid } from '../support/evidence.ts'
import * as fault from '../support/fault-provider.ts'
import { type Answer, challenge, json, startFaultProvider, text } from '../support/fault-provider.ts'
import { faultsOf, isSlow } from '../support/faults.ts'

const server = await startFaultProvider()
after(server.stop)
const elsewhere = await startFaultProvider()
after(elsewhere.stop)
elsewhere.answer(json({ active: true, sub: 'mallory', email: 'alice@example.org' }))
const before = { asked: 0 }
beforeEach(() => {
  before.asked = server.asked.length
})

const userinfo = asking('userinfo', `${server.origin}/me`)
const introspect = asking('introspect', `${server.origin}/introspect?tenant=1`)
const host = new URL(server.origin).host
const token = 'tok3n-of.alice_which/nobody+may~see=='
const unavailable = { kind: 'unavailable', source: 'userinfo' }
const insufficient: Refused = { ...invalid, reason: 'insufficient_scope' }

const faults = faultsOf(`${elsewhere.origin}/me`, token)

for (const [method, endpoint] of Object.entries({ userinfo, introspect }))
  for (const [name, [answer, cause]] of Object.entries(faults))
    test(`${method}, ${name}: unavailable`, async t => {
      const timeoutMs = isSlow(answer) ? 400 : 5000
      const { lookup, log, states } = openProvider(t, { endpoint, timeoutMs })
      server.answer(answer)
      for (let i = 0; i < 2; i++) assert.deepEqual(await lookup(token), { ...unavailable, source: method })
      assert.equal(states().length, 1)
      assert.match(states()[0] ?? '', cause)
      assert.ok(states()[0]?.startsWith(`${method} at ${host}: `))
      assert.equal(log[0]?.level, 'error')
      assert.ok(typeof log[0]?.cure === 'string' && log[0].cure.length > 10)
      assert.equal(elsewhere.asked.length, 0)

      server.answer(json({ active: true, sub: 'alice' }))
      assert.equal((await lookup(token)).kind, 'active')
      assert.equal(states()[1], 'ok')
    })

// What userinfo can say of a token: RFC 6750 section 3.
const words: Record<string, [answer: Answer, verdict: Refused]> = {
  'status 401': [text('', 401), invalid],
  'status 401 with HTML': [text('<html>', 401, { 'content-type': 'text/html' }), invalid],
  'status 401 with a bare challenge': [challenge(401), invalid],
  'status 401 invalid_token': [challenge(401, 'invalid_token'), invalid],
  'status 401 insufficient_scope': [challenge(401, 'insufficient_scope'), insufficient],
  'status 401, a challenge among others': [
    text('', 401, { 'www-authenticate': 'Negotiate, Basic realm="a \\", b", Bearer realm="c"' }),
    invalid,
  ],
  'status 401, a challenge in a field of its own': [
    text('', 401, { 'www-authenticate': ['Basic realm="a"', 'dpop algs="ES256"'] }),
    invalid,
  ],
  'status 401 invalid_token in the body, another challenge': [
    json({ error: 'invalid_token' }, 401, { 'www-authenticate': 'Basic realm="a"' }),
    invalid,
  ],
  'status 403 invalid_token': [challenge(403, 'invalid_token'), invalid],
  'status 403 insufficient_scope': [challenge(403, 'insufficient_scope'), insufficient],
  'status 403 insufficient_scope, among others': [
    text('', 403, { 'www-authenticate': 'Basic realm="a, error=b", Bearer error=insufficient_scope' }),
    insufficient,
  ],
  'status 403 insufficient_scope, in the body': [json({ error: 'insufficient_scope' }, 403), insufficient],
  'status 400 invalid_token': [challenge(400, 'invalid_token'), invalid],
  'status 400 invalid_token, in the body': [json({ error: 'invalid_token' }, 400), invalid],
}
const asUser = { endpoint: introspect, auth: { method: 'user-token' } } as const
for (const [name, [answer, verdict]] of Object.entries(words)) {
  test(`userinfo, ${name}: refused`, async t => {
    const { lookup, log } = openProvider(t, { endpoint: userinfo })
    server.answer(answer)
    assert.deepEqual(await lookup(token), { ...verdict, source: 'userinfo' })
    assert.deepEqual(log, [])
  })
  test(`introspect by the user's own token, ${name}: refused`, async t => {
    const { lookup, log } = openProvider(t, asUser)
    server.answer(answer)
    assert.deepEqual(await lookup(token), { ...verdict, source: 'introspect' })
    assert.deepEqual(log, [])
  })
}

test('userinfo asked of an introspection endpoint by mistake: its refusal is of us, not of the token', async t => {
  const { lookup, states } = openProvider(t, { endpoint: userinfo })
  server.answer(json({ error: 'invalid_client' }, 401))
  assert.deepEqual(await lookup(token), unavailable)
  assert.match(states().join(), /HTTP 401/)
})

// What others than the provider, on the way to it, can say.
const html = { 'content-type': 'text/html' }
const strangers: Record<string, [answer: Answer, cause: RegExp]> = {
  'status 403': [text('', 403), /forbidden, and not because of the token \(HTTP 403\)$/],
  'status 403 with HTML': [text('<html>', 403, html), /\(HTTP 403\)$/],
  'status 403 with a bare challenge': [challenge(403), /\(HTTP 403\)$/],
  'status 403 with a text of its own': [json({ error: 'blocked' }, 403), /\(HTTP 403\)$/],
  ...Object.fromEntries(
    [
      'Basic realm="proxy"',
      'Negotiate, NTLM',
      'Basic realm="Bearer", charset="UTF-8"',
      'Basic bearer="x"',
      'Bearer="x"',
    ].map(challenge => [
      `status 401, ${challenge}`,
      [text('', 401, { ...html, 'www-authenticate': challenge }), /another login than a token.*OTHER_CHALLENGE\)$/],
    ]),
  ),
}
for (const [name, [answer, cause]] of Object.entries(strangers))
  for (const [method, settings] of Object.entries({ userinfo: { endpoint: userinfo }, introspect: asUser }))
    test(`${method} by the user's own token, ${name}: unavailable`, async t => {
      const { lookup, states, log } = openProvider(t, settings)
      server.answer(answer)
      assert.deepEqual(await lookup(token), { ...unavailable, source: method })
      assert.match(states().join(), cause)
      assert.match(String(log[0]?.cure), /proxy/)
    })

// With status 200, but about nobody.
for (const answer of [
  {},
  { status: 'maintenance' },
  { error: 'temporarily_unavailable' },
  { name: 'Alice', email: null, sub: '' },
])
  test(`userinfo, ${JSON.stringify(answer)}: unavailable`, async t => {
    const { lookup, states } = openProvider(t, { endpoint: userinfo })
    server.answer(json(answer))
    assert.deepEqual(await lookup(token), unavailable)
    assert.match(states().join(), /not what its specification demands \(OAUTH_INVALID_RESPONSE\)$/)
  })

// What introspection says of our own credentials.
for (const answer of [
  text('', 401),
  challenge(401, 'invalid_token'),
  text('', 401, { 'www-authenticate': 'Basic realm="clients"' }),
  text('', 403),
  json({ error: 'invalid_client' }, 400),
])
  test('introspect, our own credentials refused: unavailable', async t => {
    const auth: ClientAuth = { method: 'token', token: new Secret('t0ken-of.bearerd_itself') }
    const { lookup, states } = openProvider(t, { endpoint: introspect, auth })
    server.answer(answer)
    for (let i = 0; i < 2; i++) assert.deepEqual(await lookup(token), { ...unavailable, source: 'introspect' })
    assert.match(
      states().join(),
      /^introspect at \S+: the provider refuses the credentials of bearerd.*CLIENT_REFUSED\)$/,
    )
  })

// RFC 7662 section 2.2: "active", true or false, and nothing else.
for (const answer of [{}, { active: 'true' }, { active: 1 }, { active: null }, { active: [true] }, { Active: true }])
  test(`introspect, ${JSON.stringify(answer)}: unavailable`, async t => {
    const { lookup, states } = openProvider(t, { endpoint: introspect })
    server.answer(json({ ...answer, sub: 'alice', email: 'alice@example.org' }))
    assert.deepEqual(await lookup(token), { ...unavailable, source: 'introspect' })
    assert.match(states()[0] ?? '', /not what its specification demands \(OAUTH_INVALID_RESPONSE\)$/)
  })

test('introspect, {"active": false} with more: refused', async t => {
  const { lookup, log } = openProvider(t, { endpoint: introspect })
  server.answer(json({ active: false, sub: 'alice', email: 'alice@example.org' }))
  assert.deepEqual(await lookup(token), { ...invalid, source: 'introspect' })
  assert.deepEqual(log, [])
})

// How bearerd shows itself, as it goes over the wire.
const secret = new Secret('pass:w+rd % &=é')
const shown: Record<string, [auth: ClientAuth, authorization: string | undefined, body: object]> = {
  none: [{ method: 'none', username: undefined }, undefined, {}],
  'none, with a name': [{ method: 'none', username: 'my-client' }, undefined, { client_id: 'my-client' }],
  'basic, form': [
    { method: 'basic', username: 'my-client:1', secret, encoding: 'form' },
    `Basic ${btoa('my-client%3A1:pass%3Aw%2Brd+%25+%26%3D%C3%A9')}`,
    {},
  ],
  'basic, raw': [
    { method: 'basic', username: 'my-client', secret, encoding: 'raw' },
    `Basic ${Buffer.from('my-client:pass:w+rd % &=é').toString('base64')}`,
    {},
  ],
  post: [
    { method: 'post', username: 'my-client', secret },
    undefined,
    { client_id: 'my-client', client_secret: 'pass:w+rd % &=é' },
  ],
  token: [{ method: 'token', token: new Secret('token_of_gratitude') }, 'Bearer token_of_gratitude', {}],
  'user-token': [{ method: 'user-token' }, `Bearer ${token}`, {}],
}
for (const [name, [auth, authorization, body]] of Object.entries(shown))
  test(`auth.method ${name}, on the wire`, async t => {
    const { lookup } = openProvider(t, { endpoint: introspect, auth })
    server.answer(json({ active: true }))
    assert.deepEqual(await lookup(token), active(introspected({ active: true }), 'introspect'))
    const asked = server.asked.at(-1)
    assert.equal(asked?.method, 'POST')
    assert.equal(asked?.path, '/introspect?tenant=1')
    assert.match(asked?.headers['content-type'] ?? '', /^application\/x-www-form-urlencoded/)
    assert.equal(asked?.headers.accept, 'application/json')
    assert.equal(asked?.headers.authorization, authorization)
    const sent = Object.fromEntries(new URLSearchParams(asked?.body))
    assert.deepEqual(sent, { token, token_type_hint: 'access_token', ...body })
  })

test('userinfo, on the wire', async t => {
  const { lookup } = openProvider(t, { endpoint: userinfo })
  server.answer(json({ sub: 'alice' }))
  await lookup(token)
  const asked = server.asked.at(-1)
  assert.deepEqual([asked?.method, asked?.path, asked?.body], ['GET', '/me', ''])
  assert.equal(asked?.headers.authorization, `Bearer ${token}`)
  assert.equal(asked?.headers['user-agent'], 'bearerd')
})

// Odd, but good.
const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`
const good: Record<string, [answer: Answer, check: (claims: Claims) => void]> = {
  'no sub': [json({ ext: { mail: 'alice' } }), claims => assert.deepEqual(claims, { ext: { mail: 'alice' } })],
  'no sub, no address': [
    json({ preferred_username: 'alice' }),
    claims => assert.deepEqual(claims, { preferred_username: 'alice' }),
  ],
  'a charset': [
    text('{"sub":"a","name":"Ünal"}', 200, { 'content-type': 'Application/JSON ; charset=utf-8' }),
    claims => assert.equal(claims.name, 'Ünal'),
  ],
  'a JSON type of its own': [
    text('{"sub":"a"}', 200, { 'content-type': 'application/vnd.example.v1+json' }),
    claims => assert.equal(claims.sub, 'a'),
  ],
  'a byte order mark': [text('\uFEFF{"sub":"a"}'), claims => assert.equal(claims.sub, 'a')],
  'values of any type': [
    json({ sub: 1, email: ['a'], name: null, groups: { a: 'b' } }),
    claims => assert.deepEqual(claims, { sub: 1, email: ['a'], name: null, groups: { a: 'b' } }),
  ],
  'deep nesting': [text(`{"sub":"a","deep":${deep}}`), claims => assert.equal(claims.sub, 'a')],
  'the name of a prototype': [
    text('{"sub":"a","__proto__":{"email":"alice@example.org"},"constructor":{"prototype":{"email":"x"}}}'),
    claims => {
      assert.equal(claims.email, undefined)
      assert.equal(Object.getPrototypeOf(claims), Object.prototype)
      assert.equal(({} as Claims).email, undefined)
    },
  ],
  '256 KiB': [
    text(JSON.stringify({ sub: 'x'.repeat(256 * 1024 - 10) })),
    claims => assert.equal(String(claims.sub).length, 256 * 1024 - 10),
  ],
}
for (const [name, [answer, check]] of Object.entries(good))
  test(`userinfo, ${name}: active`, async t => {
    const fields = { email: ['email', 'ext.mail'], username: ['preferred_username'], fullName: [] }
    const { lookup, log } = openProvider(t, { endpoint: userinfo, fields })
    server.answer(answer)
    const verdict = await lookup(token)
    assert.ok(verdict.kind === 'active')
    check(verdict.evidence.claims)
    assert.deepEqual(log, [])
  })

test('a byte more than 256 KiB: unavailable', async t => {
  const { lookup } = openProvider(t, { endpoint: userinfo })
  server.answer(text(JSON.stringify({ sub: 'x'.repeat(256 * 1024 - 9) })))
  assert.deepEqual(await lookup(token), unavailable)
})

test('each cause of an outage is logged once, and not again so soon after it', async t => {
  const { lookup, states } = openProvider(t, { endpoint: userinfo })
  for (const status of [500, 503, 500, 503]) {
    server.answer(text('', status))
    await lookup(token)
  }
  server.answer(challenge(401, 'invalid_token'))
  await lookup(token)
  server.answer(text('', 500))
  await lookup(token)
  const failed = (status: number) => `userinfo at ${host}: the provider has failed (HTTP ${status})`
  assert.deepEqual(states(), [failed(500), failed(503), 'ok'])
})

test('a kept connection that dies in the moment of its use is replaced', async t => {
  const { lookup, log } = openProvider(t, { endpoint: userinfo })
  server.answer(json({ sub: 'alice' }))
  assert.equal((await lookup(token)).kind, 'active')
  server.answer(response => {
    server.answer(json({ sub: 'alice' }))
    fault.reset(response)
  })
  assert.equal((await lookup(token)).kind, 'active')
  assert.equal(server.asked.length, before.asked + 3)
  assert.deepEqual(log, [])
})

test('an answer that breaks off is not asked for again', async t => {
  const { lookup } = openProvider(t, { endpoint: userinfo })
  server.answer(fault.truncated)
  await lookup(token)
  assert.equal(server.asked.length, before.asked + 1)
})

test('the wait for a free connection counts; who waited too long is not asked about any more', async t => {
  const { lookup, states } = openProvider(t, { endpoint: userinfo, connections: 1, timeoutMs: 400 })
  server.answer(fault.never)
  const verdicts = await Promise.all([lookup(token), lookup('another-token'), lookup('a-third-token')])
  assert.deepEqual(verdicts, [unavailable, unavailable, unavailable])
  server.answer(json({ sub: 'alice' }))
  assert.equal((await lookup(token)).kind, 'active')
  // All three give up in one moment, in which the second may just get the connection of the first; never the third.
  assert.ok(server.asked.length <= before.asked + 3, 'somebody was asked about a token that nobody waited for')
  assert.deepEqual(states(), [`userinfo at ${host}: no answer in time (TIMEOUT)`, 'ok'])
})

test('closing waits for lookups under way; after it there are none, and nothing is said about that', async t => {
  const { lookup, close, log } = openProvider(t, { endpoint: userinfo })
  const arrived = new Promise<void>(resolve => {
    server.answer(response => {
      resolve()
      setImmediate(() => json({ sub: 'alice' })(response))
    })
  })
  const pending = lookup(token)
  await arrived
  await close()
  assert.equal((await pending).kind, 'active')
  assert.deepEqual(await lookup(token), unavailable)
  assert.deepEqual(log, [])
})
