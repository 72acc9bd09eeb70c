/** TLS to the provider: whom bearerd believes, and how it shows itself. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { DirectoryConfig } from '../../src/config/config.ts'
import { createProvider } from '../../src/oidc/provider.ts'
import { openProvider } from '../support/asking.ts'
import { asking, directory } from '../support/directory.ts'
import { json, startFaultProvider } from '../support/fault-provider.ts'
import { createRecorder } from '../support/log.ts'

const file = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))
const pem = (name: string) => readFileSync(file(name))
const certificate = { cert: pem('server.pem'), key: pem('server-key.pem') }

const server = await startFaultProvider(certificate)
after(server.stop)
const strict = await startFaultProvider({ ...certificate, ca: pem('ca.pem'), requestCert: true })
after(strict.stop)
for (const { answer } of [server, strict]) answer(json({ sub: 'alice' }))

const nothing = { caFile: undefined, certFile: undefined, keyFile: undefined }
const trusting = { ...nothing, caFile: file('ca.pem') }
const shown = { ...trusting, certFile: file('client.pem'), keyFile: file('client-key.pem') }
const at = (origin: string) => ({ endpoint: asking('userinfo', `${origin}/me`) })

test("an authority of one's own, by tls.ca-file", async t => {
  const { lookup, log } = openProvider(t, { ...at(server.origin), tls: trusting })
  assert.equal((await lookup('some-token-of-alice')).kind, 'active')
  assert.deepEqual(log, [])
})

test('an unknown authority: nothing is sent', async t => {
  const { lookup, log, states } = openProvider(t, at(server.origin))
  const before = server.asked.length
  assert.equal((await lookup('some-token-of-alice')).kind, 'unavailable')
  assert.match(states()[0] ?? '', /certificate comes from an unknown authority \(UNABLE_TO_\w+\)$/)
  assert.match(String(log[0]?.cure), /tls\.ca-file/)
  assert.equal(server.asked.length, before)
})

test('a certificate for another name: nothing is sent', async t => {
  const origin = server.origin.replace('localhost', '127.0.0.1')
  const { lookup, states } = openProvider(t, { ...at(origin), tls: trusting })
  const before = server.asked.length
  assert.equal((await lookup('some-token-of-alice')).kind, 'unavailable')
  assert.match(states()[0] ?? '', /certificate is for another host name \(ERR_TLS_CERT_ALTNAME_INVALID\)$/)
  assert.equal(server.asked.length, before)
})

test('https where the provider speaks http, and the other way round', async t => {
  const plain = await startFaultProvider()
  t.after(plain.stop)
  for (const origin of [plain.origin.replace('http:', 'https:'), server.origin.replace('https:', 'http:')]) {
    const { lookup, states } = openProvider(t, { ...at(origin), tls: trusting })
    assert.equal((await lookup('some-token-of-alice')).kind, 'unavailable')
    assert.equal(states().length, 1)
  }
})

test('a provider that asks for a certificate gets it', async t => {
  const { lookup } = openProvider(t, { ...at(strict.origin), tls: shown })
  assert.equal((await lookup('some-token-of-alice')).kind, 'active')
})

test('… or nothing', async t => {
  const { lookup, states } = openProvider(t, { ...at(strict.origin), tls: trusting })
  const before = strict.asked.length
  assert.equal((await lookup('some-token-of-alice')).kind, 'unavailable')
  assert.equal(strict.asked.length, before)
  assert.equal(states().length, 1)
})

test('an https issuer cannot send tokens over http', async t => {
  const plain = await startFaultProvider()
  t.after(plain.stop)
  for (const [method, key] of [
    ['userinfo', 'userinfo_endpoint'],
    ['introspect', 'introspection_endpoint'],
  ] as const) {
    server.answerAt('/.well-known/openid-configuration', json({ issuer: server.origin, [key]: `${plain.origin}/me` }))
    const { lookup, states } = openProvider(t, {
      issuer: server.origin,
      endpoint: asking(method),
      tls: trusting,
    })
    assert.equal((await lookup('some-token-of-alice')).kind, 'unavailable')
    assert.match(states()[0] ?? '', /address in the discovery document is not https/)
  }
  assert.equal(plain.asked.length, 0)
})

test('a file that is not there, or not what it should be, is said at the start', () => {
  const open = (tls: Partial<DirectoryConfig['tls']>) => () =>
    createProvider(directory({ name: 'main', ...at(server.origin), tls: { ...nothing, ...tls } }), createRecorder())
  assert.throws(open({ caFile: '/nowhere/ca.pem' }), {
    message: 'directory.main.tls.ca-file: /nowhere/ca.pem cannot be read (ENOENT)',
  })
  assert.throws(open({ certFile: file('client.pem'), keyFile: file('server-key.pem') }), {
    message: /^directory\.main\.tls: certificate or key is not valid \(ERR_OSSL_\w+\)$/,
  })
})
