/**
 * Verifier: whether what somebody typed is one of an account's passwords.
 *
 * An app password names its record, so one hash is computed, at once; a dummy one where there is no record. Everything
 * else is tried on the account's imported hash, in another thread (`hash-pool.ts`), behind a queue in which the sources
 * take turns. A mail client opens five connections with the same password: one check serves all who ask meanwhile, and
 * for a minute those who ask after it, if it was right.
 *
 * Such a check takes long, and there may be no place for it. So that this doesn't tell who has an imported hash, and with
 * it that there is such an account, everything else that is refused is checked too: on a hash that stands in.
 *
 * Whether the password may be used (expired, for this service, from here) is not asked here.
 */
import { Buffer } from 'node:buffer'
import { createHmac, randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { describeError, type Log } from '../log.ts'
import { isAppPasswordHash } from './app-hash.ts'
import { parseAppPassword } from './app-password.ts'
import { createFairQueue } from './fair-queue.ts'
import { isImportedHash, maxImportedBytes } from './hash.ts'
import type { HashPool } from './hash-pool.ts'
import { sourceOf } from './network.ts'
import type { Attempt, Match, PasswordRecord, Verifier } from './password.ts'
import { prepared } from './prepare.ts'

export type VerifierOptions = {
  readonly log: Log
  /** Where imported hashes are checked. */
  readonly pool: HashPool
  /** Checks that may wait for a thread. */
  readonly maxWaiting?: number
  /** How long a password of an imported hash is remembered to be right. */
  readonly rememberMs?: number
}

/** A login has 8 s, and the check takes some of them. */
const maxWaitMs = 4_000
const maxRemembered = 10_000

export function createVerifier({ log, pool, maxWaiting = 64, rememberMs = 60_000 }: VerifierOptions): Verifier {
  const queue = createFairQueue({ atATime: pool.threads, maxWaiting, maxWaitMs })
  const remembered = createMemory(maxRemembered, rememberMs)
  const checks = new Map<string, Promise<boolean | undefined>>()
  /** Of this process alone: nobody can tell passwords from what is remembered, nor for whom which hash stands in. */
  const secret = randomBytes(32)

  function verify(
    password: string,
    records: readonly PasswordRecord[],
    remoteAddress: string | undefined,
  ): Match | Promise<Match> {
    const typed = parseAppPassword(password)
    const app = typed && records.find(({ id, hash }) => id === typed.id && !isImportedHash(hash))
    const imported = records.find(({ hash }) => isImportedHash(hash))
    if (app === undefined && imported !== undefined && isShortEnough(password))
      return verifyImported(password, imported, remoteAddress)
    const right = isAppPasswordHash(app?.hash, typed?.letters ?? '')
    if (app !== undefined) return right ? { kind: 'match', record: app } : { kind: 'none', why: 'mismatch' }
    return { kind: 'none', why: typed === undefined ? 'foreign' : 'unknown' }
  }

  function verifyImported(
    password: string,
    record: PasswordRecord,
    remoteAddress: string | undefined,
  ): Match | Promise<Match> {
    const key = keyOf(record.hash, password)
    if (remembered.has(key)) return { kind: 'match', record }
    return checkOnce(key, password, record, remoteAddress).then(right => {
      if (right === undefined) return { kind: 'busy' }
      if (!right) return { kind: 'none', why: 'mismatch' }
      remembered.add(key)
      return { kind: 'match', record }
    })
  }

  function disguise(
    match: Match,
    { name, password, records, imported, remoteAddress }: Attempt,
  ): Match | Promise<Match> {
    const record = records.find(({ hash }) => isImportedHash(hash)) ?? standIn(name, imported)
    if (record === undefined || !isShortEnough(password)) return match
    const key = keyOf(record.hash, password, name)
    return checkOnce(key, password, record, remoteAddress).then(right =>
      right === undefined ? { kind: 'busy' } : match,
    )
  }

  /**
   * Always the same one for a name, so that names without an imported hash cost what names with one do. By a share of the
   * whole, not a remainder: when a few come or go, a name moves to a neighbour in the file, most often as dear as the last.
   */
  function standIn(name: string, imported: readonly PasswordRecord[]): PasswordRecord | undefined {
    const share = createHmac('sha256', secret).update(name).digest().readUInt32BE() / 2 ** 32
    return imported[Math.floor(share * imported.length)]
  }

  function keyOf(...parts: string[]): string {
    return createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64')
  }

  /** For all who ask the same meanwhile. */
  function checkOnce(
    key: string,
    password: string,
    record: PasswordRecord,
    remoteAddress: string | undefined,
  ): Promise<boolean | undefined> {
    const begun = checks.get(key)
    if (begun !== undefined) return begun
    const check = checkImported(password, record, remoteAddress).finally(() => checks.delete(key))
    checks.set(key, check)
    return check
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
    disguise,
    async close() {
      queue.close()
      await pool.close()
    },
  }
}

function isShortEnough(password: string): boolean {
  return Buffer.byteLength(password) <= maxImportedBytes
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
