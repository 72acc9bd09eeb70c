import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createTokenSource } from '../../src/auth/token.ts'
import type { CacheConfig } from '../../src/config/config.ts'
import type { Provider, TokenVerdict } from '../../src/oidc/token-verdict.ts'
import { active as activeFor, introspected, refused, unavailable } from '../support/evidence.ts'

const cache: CacheConfig = { ttlMs: 60_000, negativeTtlMs: 5_000, maxTokens: 10 }

/** A provider that answers by a function and remembers what it was asked. */
function scripted(answer: (token: string) => TokenVerdict | Promise<TokenVerdict>) {
  const asked: string[] = []
  const provider: Provider = {
    async lookup(token) {
      asked.push(token)
      await turn()
      return answer(token)
    },
    openidConfiguration: undefined,
    async close() {},
  }
  return { provider, asked }
}

const active = (claims = {}): TokenVerdict => activeFor(introspected(claims), 'introspect')

describe('single flight', () => {
  it('asks once for 512 logins with one cold token', async () => {
    const { provider, asked } = scripted(() => active({ sub: '1' }))
    const tokens = createTokenSource(provider, cache)
    const lookups = await Promise.all(Array.from({ length: 512 }, () => tokens.lookup('t')))
    assert.equal(asked.length, 1)
    assert.ok(lookups.every(({ kind }) => kind === 'active'))
  })
  it('gives each token its own question', async () => {
    const { provider, asked } = scripted(() => active())
    const tokens = createTokenSource(provider, cache)
    await Promise.all(['a', 'b', 'a'].map(token => tokens.lookup(token)))
    assert.deepEqual(asked, ['a', 'b'])
  })
})

describe('cache', () => {
  it('answers the second login from memory, and says so', async () => {
    const { provider, asked } = scripted(() => active({ sub: '1' }))
    const tokens = createTokenSource(provider, cache)
    assert.equal((await tokens.lookup('t')).source, 'introspect')
    const again = tokens.lookup('t')
    assert.ok(!(again instanceof Promise), 'known tokens need no waiting')
    assert.equal(again.source, 'cache')
    assert.equal(asked.length, 1)
  })

  it("keeps nothing past the token's own expiry", async () => {
    const exp = Math.floor(Date.now() / 1000) - 1
    const { provider, asked } = scripted(() => active({ exp }))
    const tokens = createTokenSource(provider, cache)
    await tokens.lookup('t')
    await tokens.lookup('t')
    assert.equal(asked.length, 2)
  })

  it('keeps nothing for an odd or a zero time to live, which node-cache would keep for ever', async () => {
    for (const ttlMs of [0, Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      const { provider, asked } = scripted(() => active())
      const tokens = createTokenSource(provider, { ...cache, ttlMs })
      await tokens.lookup('t')
      await tokens.lookup('t')
      assert.equal(asked.length, 2, String(ttlMs))
    }
  })

  it('keeps what is enough to refuse a token as it keeps refusals: not for long', async () => {
    const { provider, asked } = scripted(() => ({ ...active(), isPartial: true }))
    const tokens = createTokenSource(provider, { ...cache, ttlMs: 60_000, negativeTtlMs: 0 })
    await tokens.lookup('t')
    await tokens.lookup('t')
    assert.equal(asked.length, 2)
    const keeping = createTokenSource(provider, { ...cache, negativeTtlMs: 5_000 })
    await keeping.lookup('t')
    await keeping.lookup('t')
    assert.equal(asked.length, 3)
  })

  it('remembers a refusal, but never an outage', async () => {
    const verdicts: TokenVerdict[] = [unavailable, refused]
    const { provider, asked } = scripted(() => verdicts.shift() ?? active())
    const tokens = createTokenSource(provider, cache)
    assert.equal((await tokens.lookup('t')).kind, 'unavailable')
    assert.equal((await tokens.lookup('t')).kind, 'refused')
    assert.equal((await tokens.lookup('t')).kind, 'refused')
    assert.equal(asked.length, 2)
  })

  it('stays within its bound, forgets the oldest first, and is never locked by junk', async () => {
    const { provider, asked } = scripted(() => active())
    const tokens = createTokenSource(provider, cache)
    for (let n = 0; n < 100; n++) await tokens.lookup(`t${n}`)
    const known = tokens.flush()
    assert.ok(known >= cache.maxTokens / 2 && known <= cache.maxTokens, `${known} known`)
    for (let n = 0; n < 100; n++) await tokens.lookup(`t${n}`)
    asked.length = 0
    await tokens.lookup('t99')
    assert.deepEqual(asked, [], 'the newest is known')
    await tokens.lookup('t0')
    assert.deepEqual(asked, ['t0'], 'the oldest is not')
  })

  it('does not let guesses push users out', async () => {
    const { provider, asked } = scripted(token => (token === 'good' ? active() : refused))
    const tokens = createTokenSource(provider, cache)
    await tokens.lookup('good')
    for (let n = 0; n < 1000; n++) await tokens.lookup(`guess${n}`)
    asked.length = 0
    await tokens.lookup('good')
    assert.deepEqual(asked, [])
  })

  it('counts what was known, what was not, and what is kept', async () => {
    const { provider } = scripted(token => (token === 'good' ? active() : refused))
    const tokens = createTokenSource(provider, cache)
    await Promise.all(['good', 'good', 'bad'].map(token => tokens.lookup(token)))
    for (const token of ['good', 'bad', 'good']) await tokens.lookup(token)
    assert.deepEqual(tokens.status(), { good: 1, bad: 1, hits: 3, misses: 3 })
  })

  it('forgets on flush also what was under way', async () => {
    const { provider, asked } = scripted(() => active())
    const tokens = createTokenSource(provider, cache)
    const underWay = tokens.lookup('t')
    tokens.flush()
    await underWay
    await tokens.lookup('t')
    assert.equal(asked.length, 2)
    assert.equal(tokens.flush(), 1)
  })
})
