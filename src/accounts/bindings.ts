/**
 * Bindings: which `sub` each account is bound to, while accounts are bound at first logins (`bind = "first-login"`) and
 * commands unbind them.
 *
 * An account is bound in memory at once, so that of two logins only one binds it, and on disk (fsync) before the login is
 * accepted; where that fails it is taken back. All who wait for the file's lock go into one write. The file is looked at
 * four times a second, as the others are (`store.ts`). After an error the bindings loaded last stay in force, but nobody is
 * bound; where there are none, `current()` says so.
 */
import { fileProblem, isError, type Problem } from '../config/problem.ts'
import { escaped } from '../escape.ts'
import { describeError, type Log } from '../log.ts'
import type { StoreStatus } from '../status.ts'
import type { Account } from './account.ts'
import type { Binding, BindingLine } from './binding.ts'
import { appendBindings, type LoadedBindings, readBindings } from './binding-file.ts'
import type { BindingIndex, BindingTable } from './binding-table.ts'
import { type Lock, withLock } from './lock.ts'
import { createReport } from './report.ts'
import { areFresh, type Stamp, stampsOf } from './stamp.ts'
import { createQueue, createWatch } from './watch.ts'

export type Bindings = {
  /** Undefined until a load has succeeded: then the honest answer is "temporarily unavailable". */
  current(): BindingIndex | undefined
  /**
   * Binds an account that isn't bound to this `sub` of the directory. Undefined: it is, and on disk. Resolves once it is;
   * rejects, with everything as before, where it can't be.
   */
  bind(account: Account, directory: string, subject: string): Promise<void> | undefined
}

export type WatchedBindings = Bindings & {
  /** Reads the file. Resolves with all there is to say about it; an error among it means that nothing has changed. */
  load(): Promise<readonly Problem[]>
  /** Loads again whenever the file has changed, until `close`. */
  watch(): void
  status(): StoreStatus
  close(): void
}

export type BindingsOptions = {
  /** How often the file is looked at, and for how long it must have stayed the same before it is believed to be whole. */
  readonly pollMs?: number
  readonly now?: () => number
}

/** Bound in memory, and not on disk yet. */
type Pending = {
  readonly account: Account
  readonly binding: Binding
  /** What it was before, on disk. */
  before: BindingLine
  readonly written: Promise<void>
  readonly settle: (error?: unknown) => void
}

const reporting = {
  what: 'bindings',
  loaded: 'bindings loaded',
  kept: 'the file of bindings can not be read; the bindings loaded before stay, and nobody is bound',
  missing: 'the file of bindings can not be read; until it can, logins where bind = "first-login" fail temporarily',
  quiet: 'change',
} as const

export function createBindings(
  file: string,
  log: Log,
  { pollMs = 250, now = Date.now }: BindingsOptions = {},
): WatchedBindings {
  const report = createReport(log, reporting)
  const serially = createQueue()
  const underLock = createQueue()
  const pending = new Map<string, Pending>()
  let inForce: BindingTable | undefined
  /** What the file was at the last load, good or bad; undefined: to be read again in any case. */
  let stamp: Stamp | undefined
  let failed = false
  let waiting: Pending[] = []

  async function load(cause: 'load' | 'change'): Promise<readonly Problem[]> {
    const settleMs = cause === 'change' || (await areFresh([file])) ? pollMs : 0
    const loaded = await readBindings(file, settleMs)
    const problems = [...loaded.problems, ...gone(loaded)]
    failed = problems.some(isError)
    stamp = loaded.transient ? undefined : loaded.stamp
    if (!failed) inForce = withPending(loaded.table)
    report.tell(problems, { cause, failed, held: inForce?.size, ms: loaded.ms })
    return problems
  }

  /** Who is being bound stays so, unless the file says otherwise by now. */
  function withPending(table: BindingTable): BindingTable {
    for (const entry of pending.values()) {
      const { account, binding } = entry
      entry.before = lineOf(table, binding)
      if (isFree(table, account, binding)) table.apply(binding)
    }
    return table
  }

  function gone({ missing }: LoadedBindings): Problem[] {
    const held = (inForce?.size ?? 0) - pending.size
    if (!missing || held <= 0) return []
    return [fileProblem(file, `has gone, and held ${held} bindings; restore it, or put an empty one in its place`)]
  }

  async function loadIfChanged(): Promise<void> {
    const [seen] = await stampsOf([file])
    if (stamp === undefined || seen !== stamp) await load('change')
  }

  const watch = createWatch(
    pollMs,
    () => serially(loadIfChanged),
    error => log.error({ event: 'fault', ...describeError(error) }, 'the file of bindings could not be read'),
  )

  function bind(account: Account, directory: string, subject: string): Promise<void> | undefined {
    if (inForce === undefined) return Promise.reject(new Error('the file of bindings has not been read'))
    const binding = { account: account.address, directory, subject, bound: Math.max(now(), account.created ?? 0) }
    const known = pending.get(keyOf(binding))
    if (known !== undefined && known.binding.subject === subject) return known.written
    if (inForce.subjectOf(account, directory) === subject) return undefined
    if (!isFree(inForce, account, binding)) return Promise.reject(new Error('it is bound otherwise'))
    return add(account, binding, inForce)
  }

  function add(account: Account, binding: Binding, table: BindingTable): Promise<void> {
    let settle: Pending['settle'] = () => {}
    const written = new Promise<void>((resolve, reject) => {
      settle = error => (error === undefined ? resolve() : reject(error))
    })
    const entry = { account, binding, before: lineOf(table, binding), written, settle }
    pending.set(keyOf(binding), entry)
    table.apply(binding)
    waiting.push(entry)
    // Whoever comes while the lock is waited for goes along.
    if (waiting.length === 1) void underLock(write)
    return written
  }

  /** Never rejects. */
  async function write(): Promise<void> {
    let batch: readonly Pending[] = []
    const take = (): readonly Pending[] => {
      batch = waiting
      waiting = []
      return batch
    }
    try {
      await withLock(file, lock => serially(() => writeLocked(take, lock)))
    } catch (error) {
      for (const entry of batch.length === 0 ? take() : batch) takeBack(entry, error)
    }
  }

  async function writeLocked(take: () => readonly Pending[], lock: Lock): Promise<void> {
    await loadIfChanged()
    if (failed) throw new Error(`${file} has a problem, which the log names`)
    const batch = take()
    const good = batch.filter(({ account, binding }) => {
      return inForce?.subjectOf(account, binding.directory) === binding.subject
    })
    const bindings = good.map(({ binding }) => binding)
    // Our own change is no reason to load; somebody's after it has another stamp.
    if (bindings.length > 0) stamp = await appendBindings(file, bindings, lock)
    for (const entry of batch) {
      if (!good.includes(entry)) takeBack(entry, new Error('it has been bound otherwise meanwhile'))
      else conclude(entry)
    }
  }

  function conclude({ binding, settle }: Pending): void {
    pending.delete(keyOf(binding))
    const { account, directory, subject } = binding
    log.info({ event: 'account_bound', account, directory, subject: escaped(subject) }, 'account bound to a subject')
    settle()
  }

  function takeBack({ binding, before, settle }: Pending, error: unknown): void {
    if (!pending.delete(keyOf(binding))) return
    const { account, directory } = binding
    const held = inForce?.of(account).find(other => other.directory === directory)
    if (held === binding) inForce?.apply(before)
    const why = error instanceof Error ? error.message : 'unknown error'
    log.error({ event: 'binding_not_written', account, directory, file, why }, 'an account could not be bound')
    settle(error)
  }

  return {
    current: () => inForce,
    bind,
    load: () => serially(() => load('load')),
    watch: watch.start,
    status: () => report.status([file], inForce?.size),
    close: watch.stop,
  }
}

function keyOf({ account, directory }: Binding): string {
  return JSON.stringify([directory, account])
}

/** What a line would say that leaves things as they are. */
function lineOf(table: BindingIndex, { account, directory, bound }: Binding): BindingLine {
  const held = table.of(account).find(binding => binding.directory === directory)
  return held ?? { account, directory, unbound: bound }
}

function isFree(table: BindingIndex, account: Account, { directory }: Binding): boolean {
  return table.subjectOf(account, directory) === undefined
}
