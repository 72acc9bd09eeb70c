/**
 * Durable: changing a file that others read and write, so that nobody ever sees half a change and a power cut can't undo
 * one that was confirmed. The only importer of proper-lockfile (a directory FILE.lock, taken over when 10 s stale).
 *
 * A writer takes the lock, writes a copy aside (FILE.new), fsyncs it, renames it over the file and fsyncs the directory.
 * Killed at any point it leaves the old file or the new one; a copy left behind is read by nobody, and the next writer
 * removes it. The rename is the point of no return: what fails before it changes nothing.
 */
import { Buffer } from 'node:buffer'
import { constants, type Stats } from 'node:fs'
import { copyFile, type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Stamp, stampOf } from './stamp.ts'

export type Lock = {
  /** False once somebody else may have taken the lock over, because this process was asleep for too long. */
  held(): boolean
}

/** Under 2 s of waiting in all: a login waits behind this, and has 8 s. */
const lockRetries = { retries: 18, factor: 1, minTimeout: 100, maxTimeout: 100 }
const newline = 10

export async function withLock<Result>(file: string, work: (lock: Lock) => Promise<Result>): Promise<Result> {
  const { lock } = await import('proper-lockfile')
  let held = true
  const release = await lock(file, {
    retries: lockRetries,
    // Left to itself it would throw where nobody can catch it.
    onCompromised: () => {
      held = false
    },
  })
  try {
    return await work({ held: () => held })
  } finally {
    // A lock that can't be removed goes stale; the work is done either way.
    await release().catch(() => {})
  }
}

/** Adds one line (without its newline) at the end of a file. Resolves with what the file now is. */
export async function appendLine(file: string, line: string, lock: Lock): Promise<Stamp> {
  const target = await realpath(file)
  const before = await stat(target)
  const aside = `${target}.new`
  try {
    await rm(aside, { force: true })
    await copyFile(target, aside, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    const written = await withFile(aside, 'r+', async copy => {
      await keepOwner(copy, before)
      await appendTo(copy, line)
      await copy.sync()
      return stampOf(await copy.stat())
    })
    if (!lock.held()) throw new Error(`the lock on ${file} was lost`)
    if (stampOf(await stat(target)) !== stampOf(before))
      throw new Error(`${file} was changed meanwhile, by somebody without the lock`)
    await rename(aside, target)
    await withFile(dirname(target), 'r', directory => directory.sync())
    return written
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {})
    throw error
  }
}

async function withFile<Result>(
  path: string,
  flags: string,
  work: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const file = await open(path, flags)
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}

/** Fails where the owner can't be kept: a file that its administrator can no longer read is not what he asked for. */
async function keepOwner(copy: FileHandle, original: Stats): Promise<void> {
  const { uid, gid } = await copy.stat()
  if (uid !== original.uid || gid !== original.gid) await copy.chown(original.uid, original.gid)
  await copy.chmod(original.mode & 0o7777)
}

/** Ends a last line that has no newline first, and reads back what it wrote. */
async function appendTo(copy: FileHandle, line: string): Promise<void> {
  const { size } = await copy.stat()
  const last = await readAt(copy, Math.max(0, size - 1), Math.min(1, size))
  const bytes = Buffer.from(`${size === 0 || last[0] === newline ? '' : '\n'}${line}\n`)
  for (let done = 0; done < bytes.length; )
    done += (await copy.write(bytes, done, bytes.length - done, size + done)).bytesWritten
  if (!bytes.equals(await readAt(copy, size, bytes.length))) throw new Error('what was written does not read back')
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}
