/**
 * Durable: changing a file that others read and write, so that nobody ever sees half a change and a power cut can't undo
 * one that was confirmed.
 *
 * The copy aside that comes with the lock is written, fsynced and renamed over the file; then the directory is fsynced.
 * Killed at any point a writer leaves the old file or the new one; its copy is read by nobody, and the next writer
 * removes it. The rename is the point of no return: what fails before it changes nothing.
 *
 * Owner and mode are kept; access control lists, other extended attributes and the set-user-ID bit are not. A symbolic
 * link stays one.
 */
import { Buffer } from 'node:buffer'
import { type BigIntStats, constants, type Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { explained, FileError } from './file-error.ts'
import type { Lock } from './lock.ts'
import { readChunks } from './source.ts'
import { codeOf, type Stamp, stampOf, stampsOf } from './stamp.ts'

export type RewriteOptions = {
  /** Of a file that doesn't exist yet. */
  readonly mode?: number | undefined
}

const newline = 10
const chunkBytes = 256 * 1024
/** The lock's target was no link, and hasn't become one since. */
const noLink = constants.O_NOFOLLOW
/** Of a directory where everybody may put files, as /tmp. */
const isPublic = 0o1002

/** Adds one line or several (without the last newline) at the end of a file. Resolves with what the file now is. */
export function appendLine(file: string, line: string, lock: Lock): Promise<Stamp> {
  return change(file, lock, undefined, aside =>
    explained(file, async () => {
      const { size, last } = await copyInto(aside, lock.target)
      // A last line that has no newline is ended first.
      const bytes = Buffer.from(`${size === 0 || last === newline ? '' : '\n'}${line}\n`)
      await writeAt(aside, bytes, size)
      if (!bytes.equals(await readAt(aside, Buffer.alloc(bytes.length), size)))
        throw new FileError('EIO', `${file} was not changed: what was written does not read back; see "dmesg"`)
      return size + bytes.length
    }),
  )
}

/** Replaces all of a file, or makes it: with the owner of its directory. Resolves with what the file now is. */
export function rewriteFile(
  file: string,
  text: Iterable<string> | AsyncIterable<string>,
  lock: Lock,
  { mode = 0o600 }: RewriteOptions = {},
): Promise<Stamp> {
  return change(file, lock, mode, async aside => {
    let size = 0
    for await (const bytes of inChunks(text)) {
      await explained(file, () => writeAt(aside, bytes, size))
      size += bytes.length
    }
    return size
  })
}

/** `fill` writes the copy aside, and resolves with its size. A file is made only where a mode for it is given. */
async function change(
  file: string,
  lock: Lock,
  mode: number | undefined,
  fill: (aside: FileHandle) => Promise<number>,
): Promise<Stamp> {
  const { target, stamp } = lock
  if (file !== lock.file) throw new Error(`the lock is on ${lock.file}, not on ${file}`)
  const aside = lock.aside()
  await explained(file, () => keepOwner(aside, target, mode))
  const size = await fill(aside)
  const written = await explained(file, async () => {
    await aside.sync()
    return aside.stat({ bigint: true })
  })
  if (written.size !== BigInt(size))
    throw new FileError('EIO', `${file} was not changed: not all of it could be written; see "dmesg"`)
  const [now] = await stampsOf([target])
  if (now !== stamp)
    throw new FileError(
      'ECHANGED',
      `${file} was not changed: it was changed meanwhile by somebody without the lock; try again`,
    )
  await lock.replace()
  await syncDirectory(file, dirname(target))
  return renamed(written, await aside.stat({ bigint: true }))
}

/** Fails where the owner can't be kept: a file that its administrator can no longer read is not what he asked for. */
async function keepOwner(aside: FileHandle, target: string, mode: number | undefined): Promise<void> {
  const old = await statusOf(target).catch(error => {
    if (mode === undefined || codeOf(error) !== 'ENOENT') throw error
  })
  const folder = await stat(dirname(target))
  const user = process.geteuid?.()
  // Whoever put it there would be given what we write.
  if (old !== undefined && (folder.mode & isPublic) === isPublic && old.uid !== 0 && old.uid !== user)
    throw new FileError(
      'EACCES',
      `${target} was not changed: it is user ${old.uid}'s, in a directory for everybody; remove it, or take another name`,
    )
  const wanted = old ?? (user === 0 ? folder : undefined)
  const { uid, gid } = await aside.stat()
  if (wanted !== undefined && (uid !== wanted.uid || gid !== wanted.gid)) await aside.chown(wanted.uid, wanted.gid)
  await aside.chmod((old?.mode ?? mode ?? 0) & 0o777)
}

/** Fails where the file is not to be written to: a directory that is would let us replace it. */
async function statusOf(target: string): Promise<Stats> {
  const file = await open(target, constants.O_RDWR | noLink)
  try {
    return await file.stat()
  } finally {
    await file.close()
  }
}

async function syncDirectory(file: string, folder: string): Promise<void> {
  try {
    const directory = await open(folder, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch (error) {
    const code = codeOf(error)
    throw new FileError(
      code,
      `${file} was changed, but a power cut may undo it (${code} from fsync); see "dmesg"`,
      error,
    )
  }
}

/** The rename is a change of the inode, and no reason to read the file again; anybody else's write after it is one. */
function renamed(written: BigIntStats, now: BigIntStats): Stamp {
  return stampOf(now.size === written.size && now.mtimeNs === written.mtimeNs ? now : written)
}

/** Resolves with the size and the last byte. */
async function copyInto(aside: FileHandle, target: string): Promise<{ size: number; last: number | undefined }> {
  const source = await open(target, constants.O_RDONLY | noLink)
  try {
    let size = 0
    let last: number | undefined
    for await (const bytes of readChunks({ handle: source }, chunkBytes, Number.POSITIVE_INFINITY)) {
      await writeAt(aside, bytes, size)
      size += bytes.length
      last = bytes.at(-1)
    }
    return { size, last }
  } finally {
    await source.close()
  }
}

/** UTF-8 in pieces worth a write. No character is cut in two. */
async function* inChunks(text: Iterable<string> | AsyncIterable<string>): AsyncGenerator<Buffer> {
  let pending = ''
  for await (const piece of text) {
    pending += piece
    if (pending.length < chunkBytes || /[\ud800-\udbff]$/.test(pending)) continue
    yield Buffer.from(pending)
    pending = ''
  }
  yield Buffer.from(pending)
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
}

async function readAt(file: FileHandle, buffer: Buffer, position: number): Promise<Buffer> {
  const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
  return buffer.subarray(0, bytesRead)
}
