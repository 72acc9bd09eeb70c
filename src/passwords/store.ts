/**
 * Store: the passwords in force, while their file changes.
 *
 * The file is looked at four times a second, and after a change the one that is there is read once it has been left alone
 * for as long, so that a password that is revoked is refused within a second. A load takes effect whole or not at all:
 * after an error the passwords loaded last stay in force, and where there are none `current()` says so. A file that never
 * existed is an empty one; one that has gone is an error while it held passwords.
 */
import { createReport } from '../accounts/report.ts'
import { areFresh, type Stamp, stampsOf } from '../accounts/stamp.ts'
import { createQueue, createWatch } from '../accounts/watch.ts'
import { fileProblem, isError, type Problem } from '../config/problem.ts'
import { describeError, type Log } from '../log.ts'
import type { StoreStatus } from '../status.ts'
import { createLastUseWriter } from './last-use.ts'
import { type LoadedPasswords, loadPasswords } from './load.ts'
import type { PasswordIndex, PasswordStore } from './password.ts'

export type WatchedPasswordStore = PasswordStore & {
  /** Reads the file. Resolves with all there is to say about it; an error among it means that nothing has changed. */
  load(): Promise<readonly Problem[]>
  /** Loads again whenever the file has changed, until `close`. */
  watch(): void
  status(): StoreStatus
  /** Writes the last uses that have been noted. Never rejects. */
  flush(): Promise<void>
  /** Stops watching, and writes the last uses. */
  close(): Promise<void>
}

export type StoreOptions = {
  /** Where the last uses go (`paths.ts`). */
  readonly lastUsedFile: string
  /** How often the file is looked at, and for how long it must have stayed the same before it is believed to be whole. */
  readonly pollMs?: number
  /** How often last uses are written. */
  readonly flushMs?: number
}

const reporting = {
  what: 'passwords',
  loaded: 'app passwords loaded',
  kept: 'the password file has errors; the passwords loaded before stay',
  missing: 'the password file has errors; until they are mended every login with a password fails temporarily',
  // A file that can't be read is tried again four times a second.
  quiet: 'change',
} as const

export function createPasswordStore(
  file: string,
  log: Log,
  { lastUsedFile, pollMs = 250, flushMs = 60_000 }: StoreOptions,
): WatchedPasswordStore {
  const report = createReport(log, reporting)
  const lastUse = createLastUseWriter(lastUsedFile, { log, current: () => inForce, flushMs })
  let inForce: PasswordIndex | undefined
  /** What the file was at the last load, good or bad; undefined: to be read again in any case. */
  let stamp: Stamp | undefined
  const serially = createQueue()

  async function load(cause: 'load' | 'change'): Promise<readonly Problem[]> {
    const settleMs = cause === 'change' || (await areFresh([file])) ? pollMs : 0
    const loaded = await loadPasswords(file, settleMs)
    const problems = [...loaded.problems, ...gone(loaded)]
    const failed = problems.some(isError)
    stamp = loaded.transient ? undefined : loaded.stamp
    if (!failed) inForce = loaded.index
    report.tell(problems, { cause, failed, held: inForce?.size, ms: loaded.ms })
    return problems
  }

  function gone({ missing }: LoadedPasswords): Problem[] {
    const held = inForce?.size ?? 0
    if (!missing || held === 0) return []
    return [fileProblem(file, `has gone, and held ${held} passwords; restore it, or put an empty one in its place`)]
  }

  async function loadIfChanged(): Promise<void> {
    const [now] = await stampsOf([file])
    if (stamp === undefined || now !== stamp) await load('change')
  }

  const watch = createWatch(
    pollMs,
    () => serially(loadIfChanged),
    error => log.error({ event: 'fault', ...describeError(error) }, 'the password file could not be read'),
  )

  return {
    current: () => inForce,
    used: (record, remoteAddress) => lastUse.note(record, remoteAddress),
    load: () => serially(() => load('load')),
    watch: watch.start,
    status: () => report.status([file], inForce?.size),
    flush: lastUse.flush,
    async close() {
      watch.stop()
      await lastUse.close()
    },
  }
}
