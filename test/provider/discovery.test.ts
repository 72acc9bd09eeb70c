/** Finding the endpoints by the issuer: OpenID Connect Discovery 1.0 section 4. */
import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { Secret } from '../../src/secret.ts'
import { openProvider } from '../support/asking.ts'
import { asking } from '../support/directory.ts'
import { tokenRefused } from '../support/evidence.ts'
import { json, never, startFaultProvider } from '../support/fault-provider.ts'
import { introspectors, startProvider } from '../support/provider.ts'

const provider = await startProvider()
after(provider.stop)
afterEach(provider.up)
const { issuer } = provider
const host = new URL(issuer).host
const userinfo = asking('userinfo')
const introspect = asking('introspect')
const unavailable = { kind: 'unavailable', source: 'userinfo' }

test('the userinfo endpoint is found once', async t => {
  const before = provider.calls.discovery
  const { lookup, log, openidConfiguration } = openProvider(t, { issuer, endpoint: userinfo })
  const token = await provider.token('alice@example.org')
  const verdicts = await Promise.all(Array.from({ length: 20 }, () => lookup(token)))
  assert.ok(verdicts.every(({ kind }) => kind === 'active'))
  assert.equal((await lookup(token)).kind, 'active')
  assert.equal(provider.calls.discovery, before + 1)
  assert.equal(openidConfiguration, `${issuer}/.well-known/openid-configuration`)
  assert.deepEqual(log, [])
})

test('the introspection endpoint is found, and the issuer is the audience of an assertion', async t => {
  const key = new Secret(provider.keys.ES256)
  const auth = { method: 'private-key-jwt', username: 'key-ES256', key, keyId: undefined } as const
  const { lookup } = openProvider(t, { issuer, endpoint: introspect, auth })
  assert.equal((await lookup(await provider.token('alice@example.org'))).kind, 'active')
  assert.deepEqual(await lookup('never-issued'), { ...tokenRefused, source: 'introspect' })
})

test('an endpoint that is configured needs no discovery', async t => {
  const before = provider.calls.discovery
  const endpoint = asking('userinfo', provider.endpoints.userinfo)
  const { lookup, openidConfiguration } = openProvider(t, { issuer, endpoint })
  assert.equal((await lookup(await provider.token('alice@example.org'))).kind, 'active')
  assert.equal(provider.calls.discovery, before)
  assert.equal(openidConfiguration, `${issuer}/.well-known/openid-configuration`)
})

test('a provider that is down at the start is found by the first lookup after it is up', async t => {
  const token = await provider.token('alice@example.org')
  await provider.down()
  const { lookup, states } = openProvider(t, { issuer, endpoint: userinfo })
  const refusal = `discovery at ${host}: the connection is refused (ECONNREFUSED)`
  for (let i = 0; i < 3; i++) assert.deepEqual(await lookup(token), unavailable)
  assert.deepEqual(states(), [refusal])
  await provider.up()
  for (let i = 0; i < 3; i++) assert.equal((await lookup(token)).kind, 'active')
  assert.deepEqual(states(), [refusal, 'ok'])
})

test('what was found outlives the provider', async t => {
  const { lookup, states } = openProvider(t, { issuer, endpoint: userinfo })
  const token = await provider.token('alice@example.org')
  assert.equal((await lookup(token)).kind, 'active')
  const before = provider.calls.discovery
  await provider.down()
  assert.deepEqual(await lookup(token), unavailable)
  await provider.up()
  assert.equal((await lookup(token)).kind, 'active')
  assert.equal(provider.calls.discovery, before)
  assert.deepEqual(states(), [`userinfo at ${host}: the connection is refused (ECONNREFUSED)`, 'ok'])
})

test('secrets stay out of the log when discovery fails', async t => {
  const { id, secret } = introspectors.special
  const auth = { method: 'basic', username: id, secret: new Secret(secret), encoding: 'form' } as const
  await provider.down()
  const { lookup } = openProvider(t, { issuer, endpoint: introspect, auth })
  assert.deepEqual(await lookup('some-token-of-alice'), { ...unavailable, source: 'introspect' })
})

/** A discovery document, and what becomes of a lookup. `ISSUER` stands for where it was fetched. */
const documents: Record<string, [path: string, document: object, cause: RegExp | undefined]> = {
  'an issuer with a path': [
    '/realms/mail',
    { issuer: 'ISSUER/realms/mail', userinfo_endpoint: 'ISSUER/me' },
    undefined,
  ],
  'a slash at the end of both': ['/mail/', { issuer: 'ISSUER/mail/', userinfo_endpoint: 'ISSUER/me' }, undefined],
  'a slash at the end of one': [
    '/mail',
    { issuer: 'ISSUER/mail/', userinfo_endpoint: 'ISSUER/me' },
    /names another issuer/,
  ],
  'another issuer': ['', { issuer: 'https://evil.example', userinfo_endpoint: 'ISSUER/me' }, /names another issuer/],
  'no issuer': ['', { userinfo_endpoint: 'ISSUER/me' }, /not what its specification demands/],
  'no userinfo endpoint': ['', { issuer: 'ISSUER' }, /no such endpoint \(NO_ENDPOINT\)/],
  'an endpoint that is no URL': ['', { issuer: 'ISSUER', userinfo_endpoint: '/me' }, /no such endpoint/],
  'an endpoint that is no text': ['', { issuer: 'ISSUER', userinfo_endpoint: { url: 1 } }, /no such endpoint/],
  'keys that nobody needs at an odd address': [
    '',
    { issuer: 'ISSUER', userinfo_endpoint: 'ISSUER/me', jwks_uri: 'file:///keys' },
    undefined,
  ],
  'an endpoint of another kind': [
    '',
    { issuer: 'ISSUER', userinfo_endpoint: 'file:///etc/passwd' },
    /is not https \(OAUTH_REQUEST_PROTOCOL_FORBIDDEN\)/,
  ],
}
for (const [name, [path, document, cause]] of Object.entries(documents))
  test(`the document has ${name}`, async t => {
    const server = await startFaultProvider()
    t.after(server.stop)
    const text = JSON.stringify(document).replaceAll('ISSUER', server.origin)
    const where = `${path.replace(/\/$/, '')}/.well-known/openid-configuration`
    server.answerAt(where, json(JSON.parse(text)))
    server.answerAt('/me', json({ sub: 'alice' }))
    const opened = openProvider(t, { issuer: server.origin + path, endpoint: userinfo })
    assert.equal(opened.openidConfiguration, server.origin + where)
    assert.equal((await opened.lookup('some-token-of-alice')).kind, cause === undefined ? 'active' : 'unavailable')
    assert.equal(opened.states().length, cause === undefined ? 0 : 1)
    if (cause !== undefined) assert.match(opened.states()[0] ?? '', cause)
  })

test('discovery and the request share the budget of one lookup', async t => {
  const server = await startFaultProvider()
  t.after(server.stop)
  const document = { issuer: server.origin, userinfo_endpoint: `${server.origin}/me` }
  server.answerAt('/.well-known/openid-configuration', response => {
    setTimeout(() => json(document)(response), 100)
  })
  server.answerAt('/me', never)
  const { lookup, states } = openProvider(t, { issuer: server.origin, endpoint: userinfo, timeoutMs: 1000 })
  assert.deepEqual(await lookup('some-token-of-alice'), unavailable)
  assert.deepEqual(states(), ['userinfo: no answer in time (TIMEOUT)'])
})

test('a discovery that gets no answer', async t => {
  const server = await startFaultProvider()
  t.after(server.stop)
  server.answer(never)
  const { lookup, states } = openProvider(t, { issuer: server.origin, endpoint: userinfo, timeoutMs: 400 })
  const verdicts = await Promise.all(Array.from({ length: 10 }, () => lookup('some-token-of-alice')))
  assert.ok(verdicts.every(({ kind }) => kind === 'unavailable'))
  assert.equal(server.asked.length, 1)
  assert.match(states()[0] ?? '', /no answer in time \(TIMEOUT\)/)
})
