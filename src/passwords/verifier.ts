/**
 * Verifier: whether what somebody typed is one of an account's passwords.
 *
 * An app password names its record, so one hash is computed, at once; a dummy one where there is no record. Everything
 * else is tried on the account's imported hash, in another thread (`hash-pool.ts`), behind a queue in which nobody gets
 * all places. A mail client opens five connections with the same password: one check serves all who ask meanwhile, and
 * for a minute those who ask after it.
 *
 * Whether the password may be used (expired, for this service, from here) is not asked here.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { describeError, type Log } from '../log.ts'
import { isAppPasswordHash } from './app-hash.ts'
import { parseAppPassword } from './app-password.ts'
import { createFairQueue } from './fair-queue.ts'
import { isImportedHash } from './hash.ts'
import { createHashPool, type HashPool } from './hash-pool.ts'
import { sourceOf } from './network.ts'
import type { Match, PasswordRecord, Verifier } from './password.ts'
import { prepared } from './prepare.ts'

export type VerifierOptions = {
  readonly log: Log
  /** Where imported hashes are checked. */
  readonly pool?: HashPool
  /** Checks that may wait for a thread. */
  readonly maxWaiting?: number
  /** How long a password of an imported hash is remembered to be right. */
  readonly rememberMs?: number
}

/** A login has 8 s, and the check takes some of them. */
const maxWaitMs = 4_000
const maxRemembered = 10_000

export function createVerifier({
  log,
  pool = createHashPool(log),
  maxWaiting = 64,
  rememberMs = 60_000,
}: VerifierOptions): Verifier {
  const queue = createFairQueue({ atATime: pool.threads, maxWaiting, maxWaitMs })
  const remembered = createMemory(maxRemembered, rememberMs)
  const checks = new Map<string, Promise<boolean | undefined>>()
  /** Of this process alone, so that what is remembered can't be told from passwords by anybody. */
  const secret = randomBytes(32)

  function verify(
    password: string,
    records: readonly PasswordRecord[],
    remoteAddress: string | undefined,
  ): Match | Promise<Match> {
    const typed = parseAppPassword(password)
    const app = typed && records.find(({ id, hash }) => id === typed.id && !isImportedHash(hash))
    const imported = records.find(({ hash }) => isImportedHash(hash))
    if (app === undefined && imported !== undefined) return verifyImported(password, imported, remoteAddress)
    if (isAppPasswordHash(app?.hash, typed?.letters ?? '') && app !== undefined) return { kind: 'match', record: app }
    if (app !== undefined) return { kind: 'none', why: 'mismatch' }
    return { kind: 'none', why: typed === undefined ? 'foreign' : 'unknown' }
  }

  function verifyImported(
    password: string,
    record: PasswordRecord,
    remoteAddress: string | undefined,
  ): Match | Promise<Match> {
    const key = createHmac('sha256', secret).update(`${record.hash}\0${password}`).digest('base64')
    if (remembered.has(key)) return { kind: 'match', record }
    let check = checks.get(key)
    if (check === undefined) {
      check = checkImported(password, record, remoteAddress)
        .then(right => {
          if (right === true) remembered.add(key)
          return right
        })
        .finally(() => checks.delete(key))
      checks.set(key, check)
    }
    return check.then(right => {
      if (right === undefined) return { kind: 'busy' }
      return right ? { kind: 'match', record } : { kind: 'none', why: 'mismatch' }
    })
  }

  /** Undefined: not known, because there was no place, or the thread failed. */
  async function checkImported(
    password: string,
    record: PasswordRecord,
    remoteAddress: string | undefined,
  ): Promise<boolean | undefined> {
    try {
      const also = prepared(password)
      const passwords = also === undefined ? [password] : [password, also]
      return await queue.run(sourceOf(remoteAddress), () => pool.check({ hash: record.hash, passwords }))
    } catch (error) {
      const fields = { event: 'password_check_failed', account: record.account, id: record.id, ...describeError(error) }
      log.error(fields, 'an imported password hash could not be checked, or took too long')
      return undefined
    }
  }

  return {
    verify,
    async close() {
      queue.close()
      await pool.close()
    },
  }
}

type Memory = { has(key: string): boolean; add(key: string): void }

/** Keys for a fixed time; beyond the limit the oldest go. */
function createMemory(limit: number, forMs: number): Memory {
  /** In the order in which they came. */
  const dueMs = new Map<string, number>()
  return {
    has: key => (dueMs.get(key) ?? 0) > performance.now(),
    add(key) {
      dueMs.delete(key)
      dueMs.set(key, performance.now() + forMs)
      for (const [oldest] of dueMs) {
        if (dueMs.size <= limit) break
        dueMs.delete(oldest)
      }
    },
  }
}
