/**
 * Keys: the issuer's, at hand for verifying JWTs (RFC 7517, RFC 9068 section 4).
 *
 * They are fetched at the start, in the background, and then at intervals. A token that a known key verifies never waits
 * for that, also while the issuer can't be reached, until the keys are too old. Before a token is refused because of keys,
 * whether its kid is unknown or its signature is wrong, they have been fetched since it came: the issuer may have
 * changed them. If that fails, or too many wait for it already, the token is not refused: there is no verdict.
 *
 * What the claims say is not judged here.
 */
import { Fault } from './fault.ts'
import type { KeySet, Outcome } from './jws.ts'
import { type Jws, readJws } from './jwt.ts'
import { createKeysFile, type Disk, type StoredKeys } from './keys-file.ts'
import { quote } from './quote.ts'
import { startRefetch } from './refetch.ts'
import type { Claims, Refused } from './token-verdict.ts'

export type Keys = {
  /**
   * Verifies a JWS in compact form. Rejects with a Fault where keys can't be had: then there is no verdict. May wait for
   * the time of two fetches and 3 s.
   */
  verify(jws: string, rules: JwsRules): Promise<Verified>
  /** What there is, for those who want to see it. */
  state(): { readonly count: number; readonly fetchedMs: number } | undefined
  /** Resolves when nothing is left to be written. */
  stop(): Promise<void>
}

export type JwsRules = {
  /** `alg`; "EdDSA" and "Ed25519" are the same. */
  readonly algorithms: readonly string[]
  /** `typ`, in lower case, without "application/"; an absent one counts as "jwt". */
  readonly types: readonly string[] | 'any'
}

export type Verified =
  /** `key`: its kid, or "without kid". */
  { readonly kind: 'verified'; readonly header: Claims; readonly payload: Claims; readonly key: string } | RefusedJws

/** `detail` says what was seen. */
export type RefusedJws = Refused & { readonly expected?: string }

export type KeysOptions = {
  /** Fetches the issuer's keys, within a time of its own. Rejects with a Fault. */
  readonly fetch: () => Promise<KeySet>
  /** Where keys are kept; undefined: nowhere. */
  readonly disk: Disk | undefined
  /** Whose keys they are. */
  readonly issuer: string
  readonly refreshMs: number
  /** Keys that couldn't be fetched for so long verify nothing any more. */
  readonly maxAgeMs: number
  /** A key that was there is gone, or has changed: what it has verified must be forgotten. */
  readonly onWithdrawn: () => void
  /** A fetch in the background has failed. */
  readonly onFailed: (error: unknown) => void
  /** The disk has failed, for the first time. */
  readonly onDiskFailed?: (error: unknown) => void
  readonly nowMs?: () => number
}

/** `fetch`: the number of the fetch that brought them, 0 for the disk. */
type Held = StoredKeys & { readonly fetch: number }

const mostNames = 16
/** Half of the requests that a connection may have under way: made-up tokens must not take the place of good ones. */
const mostWaiting = 512

export function createKeys(options: KeysOptions): Keys {
  const {
    issuer,
    disk,
    maxAgeMs,
    refreshMs,
    onWithdrawn,
    onFailed,
    onDiskFailed = () => {},
    nowMs = Date.now,
  } = options
  const file = disk && createKeysFile(disk, issuer, onDiskFailed)
  let held: Held | undefined
  let waiting = 0

  function isTooOld({ fetchedMs }: Held): boolean {
    return nowMs() - fetchedMs > maxAgeMs
  }

  async function fetchKeys(fetch: number): Promise<void> {
    const fetchedMs = nowMs()
    const set = await options.fetch()
    const gone = held !== undefined && isWithdrawn(held.set, set)
    held = { set, fetchedMs, fetch }
    if (gone) onWithdrawn()
    file?.write(held)
  }

  async function readStored(): Promise<void> {
    const found = await file?.read()
    // The clock may have been set back since.
    if (found !== undefined) held ??= { ...found, fetchedMs: Math.min(found.fetchedMs, nowMs()), fetch: 0 }
  }

  async function fetchAnew(): Promise<void> {
    if (waiting >= mostWaiting) throw new Fault('TOO_MANY_WAIT')
    waiting++
    try {
      await fetches.next()
    } catch (error) {
      // Why they couldn't be fetched, onFailed has been told before.
      throw held !== undefined && isTooOld(held) ? new Fault('KEYS_TOO_OLD') : error
    } finally {
      waiting--
    }
  }

  async function verify(token: string, rules: JwsRules): Promise<Verified> {
    const jws = readJws(token, rules)
    if (jws.kind === 'refused') return jws
    const begunBefore = fetches.begun()
    if (held === undefined) await stored
    for (;;) {
      const keys = held
      const outcome = keys === undefined || isTooOld(keys) ? 'unknown_key' : await keys.set.verify(token, jws.alg)
      // Others came meanwhile: what is withdrawn proves nothing any more.
      if (keys !== held) continue
      if (outcome === 'good') return verified(jws)
      if (keys !== undefined && keys.fetch > begunBefore) return refused(jws, outcome, keys.set)
      await fetchAnew()
    }
  }

  const stored = readStored()
  const fetches = startRefetch({ fetch: fetchKeys, everyMs: refreshMs, onFailed, nowMs })
  return {
    verify,
    state: () => held && { count: held.set.keys.length, fetchedMs: held.fetchedMs },
    stop: async () => {
      fetches.stop()
      // Else a key that has just been withdrawn would count again after a restart.
      await file?.written()
    },
  }
}

function isWithdrawn(old: KeySet, next: KeySet): boolean {
  const left = new Set(next.keys.map(key => JSON.stringify(key)))
  return old.keys.some(key => !left.has(JSON.stringify(key)))
}

function verified({ header, payload, kid = 'without kid' }: Jws): Verified {
  return { kind: 'verified', header, payload, key: kid }
}

function refused({ kid, alg }: Jws, reason: Exclude<Outcome, 'good'>, { names }: KeySet): Verified {
  const seen = `kid is ${quote(kid)}, alg is ${quote(alg)}`
  const detail = reason === 'bad_signature' ? `the signature is wrong; ${seen}` : seen
  const some = names.slice(0, mostNames).join(', ')
  const expected = `one of the issuer's keys: ${some}${names.length > mostNames ? ' …' : ''}`
  return { kind: 'refused', reason, detail, expected }
}
