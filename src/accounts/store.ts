/**
 * Store: the accounts in force, while their files change.
 *
 * A load takes effect whole or not at all: after an error the accounts loaded last stay in force, and where there are
 * none `current()` says so, and everything is answered with a temporary failure. The files are looked at four times a
 * second, and after a change those that are there are read once they have been left alone for as long.
 *
 * Loads and creations happen one at a time; creations also under the lock of their file, on top of what is on disk then.
 * They wait for the lock in a queue of their own: who holds it long delays newcomers, but no reload, which may disable
 * somebody.
 */
import { performance } from 'node:perf_hooks'
import type { AccountsConfig } from '../config/config.ts'
import { isError, type Problem } from '../config/problem.ts'
import { describeError, type Log } from '../log.ts'
import type { StoreStatus } from '../status.ts'
import { type Account, type AccountStore, CreateLimitError, type NewAccount } from './account.ts'
import { planCreation } from './creation.ts'
import { appendLine } from './durable.ts'
import { type Loaded, loadAccounts } from './load.ts'
import { type Lock, withLock } from './lock.ts'
import { createNewcomers } from './newcomers.ts'
import { createReport } from './report.ts'
import { areFresh, type Stamp, stampsOf } from './stamp.ts'
import { createQueue, createWatch } from './watch.ts'

export type WatchedAccountStore = AccountStore & {
  /** Reads all files. Resolves with all there is to say about them; an error among it means that nothing has changed. */
  load(): Promise<readonly Problem[]>
  /** Loads again whenever a file has changed, until `close`. */
  watch(): void
  status(): StoreStatus
  close(): void
}

export type StoreOptions = {
  /** How often files are looked at. */
  readonly pollMs?: number
  /** How soon files are read again after an error that may go away by itself, as when a directory service is down. */
  readonly retryMs?: number
}

const reporting = {
  what: 'accounts',
  loaded: 'accounts loaded',
  kept: 'the account files have errors; the accounts loaded before stay',
  missing: 'the account files have errors; until they are mended every login and lookup fails temporarily',
  quiet: 'retry',
} as const

/** Beyond these, newcomers are told to come back: each may wait 2 s for the lock. */
const maxCreations = 32

export function createAccountStore(
  config: AccountsConfig,
  directories: readonly string[],
  log: Log,
  { pollMs = 250, retryMs = 30_000 }: StoreOptions = {},
): WatchedAccountStore {
  const { files } = config
  const serially = createQueue()
  const underLock = createQueue()
  let creations = 0
  const newcomers = createNewcomers(config.create.perHour, log)
  const report = createReport(log, reporting)
  let inForce: Loaded | undefined
  /** What the files were at the last load, good or bad. */
  let stamps: Stamp[] = []
  let failed = false
  let closed = false
  let retryAt = Number.POSITIVE_INFINITY

  async function load(cause: 'load' | 'change' | 'retry'): Promise<readonly Problem[]> {
    const settleMs = stamps.length > 0 || (await areFresh(files)) ? pollMs : 0
    const loaded = await loadAccounts({ config, directories, former: inForce, settleMs, mayShrink: cause === 'load' })
    stamps = loaded.stamps
    failed = loaded.problems.some(isError)
    retryAt = failed && loaded.transient ? performance.now() + retryMs : Number.POSITIVE_INFINITY
    // Whoever comes later into the files was put there by somebody.
    if (!failed && inForce === undefined) newcomers.count(loaded.newcomers)
    if (!failed) inForce = loaded
    report.tell(loaded.problems, { cause, failed, held: inForce?.builder.index.size, ms: loaded.ms })
    return loaded.problems
  }

  async function loadIfDue(): Promise<void> {
    if (!areSame(await stampsOf(files), stamps)) await load('change')
    else if (performance.now() >= retryAt) await load('retry')
  }

  const watch = createWatch(
    pollMs,
    () => serially(loadIfDue),
    error => log.error({ event: 'fault', ...describeError(error) }, 'the account files could not be read'),
  )

  async function createLocked(wanted: NewAccount, file: string, lock: Lock): Promise<Account> {
    if (closed) throw new Error('another configuration is in force')
    await loadIfDue()
    if (inForce === undefined || failed) throw new Error('the account files have errors')
    if (!directories.includes(wanted.directory)) throw new Error('its directory is not configured')
    const { builder, counts } = inForce
    const plan = planCreation(wanted, builder.index, new Date())
    if (plan.kind === 'refused') throw new Error(plan.why)
    if (plan.kind === 'exists') return plan.account
    newcomers.admit()
    const written = await appendLine(file, plan.line, lock)
    builder.add({ account: plan.account, line: undefined }, file)
    counts.set(file, (counts.get(file) ?? 0) + 1)
    newcomers.count([plan.account.created ?? Date.now()])
    // Our own change is no reason to load; somebody's after it has another stamp.
    stamps = stamps.map((stamp, index) => (files[index] === file ? written : stamp))
    log.info({ event: 'account_created', account: plan.account.address, file }, 'account created')
    return plan.account
  }

  async function create(wanted: NewAccount): Promise<Account> {
    const file = files.findLast(name => name.endsWith('.jsonl'))
    creations++
    try {
      if (file === undefined) throw new Error('accounts.files names no .jsonl file')
      // Whom there is no room for shall not wait for the lock, nor make others wait.
      if (inForce?.builder.index.byName(wanted.address) === undefined) newcomers.admit()
      if (creations > maxCreations) throw new Error('too many accounts are waiting to be created')
      return await underLock(() => withLock(file, lock => serially(() => createLocked(wanted, file, lock))))
    } catch (error) {
      if (error instanceof CreateLimitError) throw error
      const why = error instanceof Error ? error.message : 'unknown error'
      log.error({ event: 'account_not_created', account: wanted.address, file, why }, 'an account could not be created')
      throw error
    } finally {
      creations--
    }
  }

  return {
    current: () => inForce?.builder.index,
    load: () => serially(() => load('load')),
    create,
    watch: watch.start,
    status: () => report.status(files, inForce?.builder.index.size),
    close: () => {
      closed = true
      watch.stop()
    },
  }
}

function areSame(a: readonly Stamp[], b: readonly Stamp[]): boolean {
  return a.length === b.length && a.every((stamp, index) => stamp === b[index])
}
