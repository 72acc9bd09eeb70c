/** What is said of the state of a provider whose tokens are judged by its keys. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openProvider } from '../support/asking.ts'
import { json, startFaultProvider, text } from '../support/fault-provider.ts'
import { newSigner, publicJwk, signJwt } from '../support/jws.ts'

const server = await startFaultProvider()
after(server.stop)
const issuer = server.origin
const host = new URL(issuer).host
const urls = { jwks: `${issuer}/jwks`, userinfo: `${issuer}/me` }
const signer = newSigner('k1', 'ES256')
const jwt = signJwt(signer, { iss: issuer, sub: '1', email: 'alice@example.org' })
const keys = json({ keys: [publicJwk(signer)] })

test('keys that cannot be fetched, and then can', async t => {
  server.answerAt('/jwks', text('', 500))
  const endpoint = { methods: ['jwt'], urls, alwaysAsk: false } as const
  const { lookup, states } = openProvider(t, { issuer, endpoint, timeoutMs: 8000 })
  assert.deepEqual(await lookup(jwt), { kind: 'unavailable', source: 'jwt' })
  const failed = 'keys of the issuer: the provider has failed (HTTP 500)'
  assert.deepEqual(states(), [failed])
  server.answerAt('/jwks', keys)
  assert.equal((await lookup(jwt)).kind, 'active')
  assert.deepEqual(states(), [failed, 'ok'])
})

test('good JWTs do not make an endpoint well that fails', async t => {
  server.answerAt('/jwks', keys)
  server.answerAt('/me', text('', 500))
  const endpoint = { methods: ['jwt', 'userinfo'], urls, alwaysAsk: false } as const
  const { lookup, states } = openProvider(t, { issuer, endpoint })
  const failed = `userinfo at ${host}: the provider has failed (HTTP 500)`
  assert.deepEqual(await lookup('some-opaque-token'), { kind: 'unavailable', source: 'userinfo' })
  assert.equal((await lookup(jwt)).kind, 'active')
  assert.deepEqual(states(), [failed])
  server.answerAt('/me', json({ sub: '1' }))
  assert.equal((await lookup('some-opaque-token')).kind, 'active')
  assert.deepEqual(states(), [failed, 'ok'])
})
