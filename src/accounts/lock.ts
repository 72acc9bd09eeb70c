/**
 * Lock: one writer of a file at a time, among all processes. The only importer of proper-lockfile, whose lock is a
 * directory FILE.lock: touched by its holder every 5 s, and taken over by others when that has not happened for 10 s.
 *
 * Such a takeover can go wrong. Two may do it at once; a holder that was stopped may wake up and go on. So a lock comes
 * with a copy aside, FILE.new-…, and nothing but the rename of that copy changes the file. The copy is made once, with
 * the lock; next, and before anything is read, those of all others are removed. Thus of two writers who both believe in
 * their lock the later one takes the earlier one's copy away, or reads what that one has written: no change is lost.
 *
 * Limits: needs a directory that it may write in; clocks that agree within seconds where several machines write.
 */
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { type FileHandle, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { explained, FileError } from './file-error.ts'
import { codeOf, type Stamp, stampsOf } from './stamp.ts'
import { targetOf } from './way.ts'

/** Needed by the first lock, and loaded with it, or before. */
export const loadLocks = () => import('proper-lockfile')

/** Good for one change of the file. */
export type Lock = {
  readonly file: string
  /** The file itself, where `file` is a symbolic link (`way.ts`). Under the lock nothing else is to be opened. */
  readonly target: string
  /** What the file was when the lock was taken. */
  readonly stamp: Stamp
  /** The copy aside: empty, and nobody else's to read. Given out once: after `replace` it is the file itself. */
  readonly aside: () => FileHandle
  /** Renames the copy over the file. Fails with ELOST, and changes nothing, where the lock is no longer ours. */
  readonly replace: () => Promise<void>
}

export type Holder = {
  /** The lock's directory. */
  readonly directory: string
  readonly since: Date
}

export type LockOptions = {
  /** How long to wait for a lock that somebody else holds. */
  readonly waitMs?: number | undefined
  /** Called once, where there is somebody to wait for. */
  readonly onWait?: ((holder: Holder) => void) | undefined
}

/** A login waits behind this, and has 8 s. */
const defaultWaitMs = 1_800
/** For a command that somebody sits in front of: longer than it takes until the lock of a killed process is stale. */
export const commandWaitMs = 15_000
const retryMs = 50

/** Also for a file that doesn't exist yet. */
export async function withLock<Result>(
  file: string,
  work: (lock: Lock) => Promise<Result>,
  options: LockOptions = {},
): Promise<Result> {
  const target = await explained(file, () => targetOf(file))
  const giveBack = await acquire(file, target, options)
  let ours = true
  try {
    const copy = await explained(file, () => makeCopy(target))
    try {
      const stamp = await explained(file, () => clearTheWay(target, copy.path))
      return await work({ file, target, stamp, aside: copy.take, replace: () => copy.replace(file) })
    } finally {
      ours = await copy.discard()
    }
  } finally {
    await giveBack(ours)
  }
}

type GiveBack = (ours: boolean) => Promise<void>

async function acquire(
  file: string,
  target: string,
  { waitMs = defaultWaitMs, onWait }: LockOptions,
): Promise<GiveBack> {
  const { lock } = await loadLocks()
  let ours = true
  const rmdir: typeof removeDirectory = (path, done) => (ours ? removeDirectory(path, done) : done(null))
  // What it calls compromised is seen by the copy aside. Left to itself it would throw where nobody can catch it.
  const settings = { realpath: false, fs: { ...fs, rmdir }, onCompromised: () => {} }
  const end = performance.now() + waitMs
  for (let told = false; ; ) {
    try {
      const release = await lock(target, settings)
      return stillOurs => {
        ours = stillOurs
        // A lock that can't be removed goes stale; the work is done either way.
        return release().catch(() => {})
      }
    } catch (error) {
      // ENOENT: it was ours, and taken over before we touched it; or none can be made here.
      if (!['ELOCKED', 'ENOENT'].includes(codeOf(error))) await explained(file, () => Promise.reject(error))
    }
    const holder = await findHolder(target)
    if (performance.now() >= end) throw holder === undefined ? noLock(file, target) : heldByAnother(file, holder)
    if (!told && holder !== undefined) {
      onWait?.(holder)
      told = true
    }
    await pause(retryMs)
  }
}

function removeDirectory(path: string, done: (error: Error | null) => void): void {
  fs.rmdir(path, done)
}

type Copy = {
  readonly path: string
  readonly take: () => FileHandle
  readonly replace: (file: string) => Promise<void>
  /** Whether nobody else has removed it before. */
  readonly discard: () => Promise<boolean>
}

async function makeCopy(target: string): Promise<Copy> {
  const path = `${target}${infix}${randomBytes(8).toString('hex')}`
  const handle = await open(path, 'wx+', 0o600)
  let taken = false
  let replaced = false
  return {
    path,
    take() {
      if (taken) throw new Error('a lock is good for one change')
      taken = true
      return handle
    },
    async replace(file) {
      await explained(file, () => rename(path, target)).catch(error => {
        throw codeOf(error) === 'ENOENT' ? lost(file, error) : error
      })
      replaced = true
    },
    async discard() {
      await handle.close()
      return replaced || unlink(path).then(...isThere)
    },
  }
}

const infix = '.new-'
const isThere = [() => true, (error: unknown) => codeOf(error) !== 'ENOENT'] as const

/** Removes the copies of all others, and resolves with what the file is after that. */
async function clearTheWay(target: string, own: string): Promise<Stamp> {
  const prefix = `${basename(target)}${infix}`
  const isCopy = (name: string): boolean => name.startsWith(prefix) && /^[0-9a-f]{16}$/.test(name.slice(prefix.length))
  for (const name of (await readdir(dirname(target))).filter(isCopy)) {
    const path = join(dirname(target), name)
    if (path !== own) await rm(path, { force: true })
  }
  const [stamp = ''] = await stampsOf([target])
  return stamp
}

/** Undefined: nobody holds it any more. */
async function findHolder(target: string): Promise<Holder | undefined> {
  const directory = lockOf(target)
  const status = await stat(directory).catch(() => undefined)
  return status && { directory, since: status.birthtime }
}

const lockOf = (target: string): string => `${target}.lock`

function noLock(file: string, target: string): FileError {
  return new FileError('ENOENT', `${file} was not changed: its lock ${lockOf(target)} can't be made; try again`)
}

function heldByAnother(file: string, { directory, since }: Holder): FileError {
  return new FileError(
    'ELOCKED',
    `${file} was not changed: another process holds its lock ${directory} since ${since.toISOString()}; try again, ` +
      `and if no other is running, remove the lock with "rmdir"`,
  )
}

function lost(file: string, cause: unknown): FileError {
  return new FileError(
    'ELOST',
    `${file} was not changed: this process stood still for so long that another took the lock over; try again`,
    cause,
  )
}
