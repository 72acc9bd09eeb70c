/**
 * Store: the passwords in force, while their file changes.
 *
 * The file is looked at four times a second, and after a change the one that is there is read once it has been left alone
 * for as long, so that a password that is revoked is refused within a second. A load takes effect whole or not at all:
 * after an error the passwords loaded last stay in force, and where there are none `current()` says so. A file that never
 * existed is an empty one; one that has gone is an error while it held passwords.
 */
import { areFresh, type Stamp, stampsOf } from '../accounts/stamp.ts'
import type { Problem } from '../config/problem.ts'
import { describeError, type Log } from '../log.ts'
import { createLastUseWriter } from './last-use.ts'
import { type LoadedPasswords, loadPasswords, problem } from './load.ts'
import type { PasswordIndex, PasswordStore } from './password.ts'
import { createReport } from './report.ts'

export type WatchedPasswordStore = PasswordStore & {
  /** Reads the file. Resolves with all there is to say about it; an error among it means that nothing has changed. */
  load(): Promise<readonly Problem[]>
  /** Loads again whenever the file has changed, until `close`. */
  watch(): void
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

export function createPasswordStore(
  file: string,
  log: Log,
  { lastUsedFile, pollMs = 250, flushMs = 60_000 }: StoreOptions,
): WatchedPasswordStore {
  const report = createReport(log)
  const lastUse = createLastUseWriter(lastUsedFile, { log, current: () => inForce, flushMs })
  let inForce: PasswordIndex | undefined
  /** What the file was at the last load, good or bad; undefined: to be read again in any case. */
  let stamp: Stamp | undefined
  let timer: NodeJS.Timeout | undefined
  /** Loads happen one after the other. */
  let last: Promise<unknown> = Promise.resolve()

  async function load(cause: 'load' | 'change'): Promise<readonly Problem[]> {
    const settleMs = cause === 'change' || (await areFresh([file])) ? pollMs : 0
    const loaded = await loadPasswords(file, settleMs)
    const problems = [...loaded.problems, ...gone(loaded)]
    const failed = problems.some(({ severity }) => severity === 'error')
    stamp = loaded.transient ? undefined : loaded.stamp
    if (!failed) inForce = loaded.index
    report(problems, { cause, failed, passwords: inForce?.size, ms: loaded.ms })
    return problems
  }

  function gone({ missing }: LoadedPasswords): Problem[] {
    const held = inForce?.size ?? 0
    if (!missing || held === 0) return []
    return [problem(file, `has gone, and held ${held} passwords; restore it, or put an empty one in its place`)]
  }

  async function loadIfChanged(): Promise<void> {
    const [now] = await stampsOf([file])
    if (stamp === undefined || now !== stamp) await load('change')
  }

  function serially<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = last.then(work)
    last = done.catch(() => {})
    return done
  }

  function look(): void {
    timer = setTimeout(() => {
      serially(loadIfChanged)
        .catch(error => log.error({ event: 'fault', ...describeError(error) }, 'the password file could not be read'))
        .finally(() => timer && look())
    }, pollMs).unref()
  }

  return {
    current: () => inForce,
    used: (record, remoteAddress) => lastUse.note(record, remoteAddress),
    load: () => serially(() => load('load')),
    watch: look,
    flush: lastUse.flush,
    async close() {
      clearTimeout(timer)
      timer = undefined
      await lastUse.close()
    },
  }
}
