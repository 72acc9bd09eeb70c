/**
 * Token: from a bearer token to what is known of it. Cache, single flight, provider.
 *
 * What is cached is the provider's word, never a verdict: claims, identity and account are judged anew at every login, so
 * a cache hit can't outlive a disabled account or a changed rule. Keys are hashes of the token under a random key of this
 * process; the token itself is kept nowhere. An entry lives no longer than the token. "Unavailable" is never cached.
 * Refused tokens are kept apart, so that guesses can't push users out.
 */
import { hash, randomBytes } from 'node:crypto'
import type { CacheConfig, DirectoryConfig } from '../config/config.ts'
import type { Observe, Provider, TokenVerdict } from '../oidc/token-verdict.ts'
import type { DirectoryStatus } from '../status.ts'
import { expiryMs } from './claims.ts'
import { createGenerations } from './generations.ts'

/** Its `source` is "cache" where nobody had to be asked. */
export type Lookup = TokenVerdict

export type TokenSource = {
  /** Never rejects. Any number of lookups of one token under way are one question to the provider. */
  lookup(token: string, observe?: Observe): Lookup | Promise<Lookup>
  /** Forgets everything, also what is under way. Returns how many tokens were known. */
  flush(): number
  /** Counts of tokens that are known, and of lookups: hits needed nobody's answer, misses waited for one. */
  status(): DirectoryStatus['cache']
}

/** A directory at work, as logins need it. */
export type Directory = {
  readonly config: DirectoryConfig
  readonly tokens: Pick<TokenSource, 'lookup'>
  readonly openidConfiguration: string | undefined
}

export function createTokenSource(
  provider: Pick<Provider, 'lookup'>,
  config: CacheConfig,
  now = Date.now,
): TokenSource {
  const pepper = randomBytes(32).toString('base64')
  const active = createGenerations<Lookup>(config.maxTokens)
  const refused = createGenerations<Lookup>(config.maxTokens)
  let inFlight = new Map<string, Promise<Lookup>>()
  let hits = 0
  let misses = 0

  async function ask(
    key: string,
    token: string,
    flight: typeof inFlight,
    observe: Observe | undefined,
  ): Promise<Lookup> {
    try {
      const lookup = await provider.lookup(token, observe)
      if (flight === inFlight) remember(key, lookup)
      return lookup
    } finally {
      // Not before it is remembered: else who comes in between would ask again.
      flight.delete(key)
    }
  }

  function remember(key: string, lookup: Lookup): void {
    if (lookup.kind === 'active' && !lookup.isPartial) {
      const ttlMs = Math.min(config.ttlMs, expiryMs(lookup.evidence) - now())
      active.set(key, { ...lookup, source: 'cache' }, ttlMs)
    } else if (lookup.kind !== 'unavailable') {
      // What is known of a token may be enough to refuse it, too.
      refused.set(key, { ...lookup, source: 'cache' }, config.negativeTtlMs)
    }
  }

  return {
    lookup(token, observe) {
      // A hash with a secret prefix is enough: this is no MAC, nobody is shown a digest to extend.
      const key = hash('sha256', pepper + token, 'base64')
      const known = active.get(key) ?? refused.get(key)
      if (known !== undefined) {
        hits++
        return known
      }
      misses++
      const underWay = inFlight.get(key)
      if (underWay !== undefined) return underWay
      const flight = inFlight
      const asked = ask(key, token, flight, observe)
      flight.set(key, asked)
      return asked
    },
    flush() {
      inFlight = new Map()
      return active.clear() + refused.clear()
    },
    status: () => ({ good: active.size(), bad: refused.size(), hits, misses }),
  }
}
