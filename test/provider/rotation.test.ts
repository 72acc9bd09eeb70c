/**
 * A real provider changes its signing keys while bearerd runs: new keys are known as soon as they are needed, and withdrawn
 * ones prove nothing any more, neither to those who come then nor to those whose verdict is remembered.
 */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { createTokenSource } from '../../src/auth/token.ts'
import { createProvider } from '../../src/oidc/provider.ts'
import { startBearerd } from '../support/bearerd.ts'
import { directory } from '../support/directory.ts'
import { createRecorder } from '../support/log.ts'
import { startProvider, type TestProvider } from '../support/provider.ts'

const alice = 'alice@example.org'

async function open(t: TestContext) {
  const provider = await startProvider()
  t.after(provider.stop)
  const bearerd = await startBearerd(
    t,
    `[directory.main]
    issuer = "${provider.issuer}"
    endpoint.method = "jwt"
    require.audience = "mail"
    timeout = "8s"
    [cache]
    negative-ttl = "0s"`,
  )
  return { provider, ...bearerd }
}

test('a token of a new key is accepted at its first login, and those of the old one go on', async t => {
  const { provider, login } = await open(t)
  const old = await provider.accessJwt(alice)
  assert.equal((await login(old)).reason, 'ok')
  await provider.rotateKeys()
  assert.equal((await login(await provider.accessJwt(alice))).reason, 'ok')
  assert.equal((await login(await provider.accessJwt(alice))).reason, 'ok')
  assert.equal((await login(old)).reason, 'ok')
  assert.equal((await login(await provider.accessJwt(alice, { audience: 'wiki' }))).reason, 'wrong_audience')
  assert.equal(provider.calls.keys, 2)
})

test('a withdrawn key: its tokens are refused, also those that were good a moment ago', async t => {
  const { provider, login } = await open(t)
  const [seen, unseen] = [await provider.accessJwt(alice), await provider.accessJwt(alice)]
  assert.equal((await login(seen)).reason, 'ok')
  assert.equal((await login(seen)).source, 'cache')
  await provider.rotateKeys()
  await provider.withdrawKeys()
  // This one makes bearerd look, and find that the other key is gone.
  assert.equal((await login(await provider.accessJwt(alice))).reason, 'ok')
  const { reason, detail } = await login(seen)
  assert.equal(reason, 'unknown_key')
  assert.equal(detail, 'kid is "provider", alg is "ES256"')
  assert.equal((await login(unseen)).reason, 'unknown_key')
})

test('the withdrawal survives a restart', async t => {
  const { provider, login, stop, start, state } = await open(t)
  const old = await provider.accessJwt(alice)
  assert.equal((await login(old)).reason, 'ok')
  await provider.rotateKeys()
  await provider.withdrawKeys()
  assert.equal((await login(await provider.accessJwt(alice))).reason, 'ok')
  await stop()
  assert.doesNotMatch(state('keys/main.json') ?? '', /"provider"/)
  await provider.down()
  await start()
  assert.equal((await login(await provider.accessJwt(alice))).reason, 'ok')
  // It might have been published again: only the provider can tell.
  assert.equal((await login(old)).reason, 'provider_unavailable')
})

test('a change of all keys while many log in: nobody is refused, and the keys are fetched once', async t => {
  const { provider, login } = await open(t)
  assert.equal((await login(await provider.accessJwt(alice))).reason, 'ok')
  const before = provider.calls.keys
  await provider.rotateKeys()
  await provider.withdrawKeys()
  const tokens = await Promise.all(Array.from({ length: 100 }, () => provider.accessJwt(alice)))
  for (const { reason } of await Promise.all(tokens.map(token => login(token)))) assert.equal(reason, 'ok')
  assert.equal(provider.calls.keys - before, 1)
})

/** As the daemon puts them together, but for keys that are fetched more often than a configuration may ask for. */
function openRefreshing(t: TestContext, { issuer }: TestProvider) {
  const events = new EventEmitter()
  const config = directory({
    issuer,
    endpoint: { methods: ['jwt'], urls: {}, alwaysAsk: false },
    keys: { refreshMs: 3_000, maxAgeMs: 86_400_000 },
    require: { audience: ['mail'] },
  })
  const provider = createProvider(config, createRecorder(), {
    onWithdrawn: () => events.emit('withdrawn', tokens.flush()),
  })
  const tokens = createTokenSource(provider, { ttlMs: 60_000, negativeTtlMs: 0, maxTokens: 100 })
  t.after(() => provider.close())
  return { tokens, withdrawn: () => once(events, 'withdrawn') }
}

test('a withdrawal is noticed in the background, when nobody comes with a new token', async t => {
  const provider = await startProvider()
  t.after(provider.stop)
  const { tokens, withdrawn } = openRefreshing(t, provider)
  const token = await provider.accessJwt(alice)
  const { kind, source } = await tokens.lookup(token)
  assert.deepEqual({ kind, source }, { kind: 'active', source: 'jwt' })
  await provider.rotateKeys()
  const noticed = withdrawn()
  await provider.withdrawKeys()
  assert.deepEqual(await noticed, [1], 'one verdict is forgotten')
  const refused = await tokens.lookup(token)
  assert.equal(refused.kind === 'refused' && refused.reason, 'unknown_key')
})
