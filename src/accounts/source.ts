/**
 * Source: a file that is read while others may write to it.
 *
 * Who writes a copy aside and renames it has finished by then. An editor, cp or `>>` may not have, and half a file is a
 * file too, if the cut is at a newline. So a file is believed if it has stayed as it was for some time before it is read,
 * and until it has been read.
 *
 * That is asked of the file that was opened, not of its path. Where another has taken its place meanwhile, this one is
 * whole nevertheless and the other is read next: however often a file is replaced, what is revoked in it is refused.
 */
import { Buffer } from 'node:buffer'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { codeOf, type Stamp, stampOf, stampsOf } from './stamp.ts'

export type Source = {
  readonly file: string
  readonly handle: FileHandle
  /** What it was when it was opened. */
  readonly status: BigIntStats
}

/** `code` as in system errors, or that of a file that keeps changing. */
export type Unreadable = { readonly file: string; readonly code: string }

export type Settled<Content> = {
  /** In the order of the files. */
  readonly contents: readonly (Content | Unreadable)[]
  /** Of the files that were read, which may be at their paths no longer. */
  readonly stamps: Stamp[]
  readonly waitedMs: number
}

const maxAttempts = 5
const restless = 'RESTLESS'

/**
 * Reads files as they are at one moment, together; again, if one of them changes in place meanwhile. `settleMs`: for how
 * long they must have stayed the same; 0 where nobody writes.
 */
export async function readSettled<Content>(
  files: readonly string[],
  settleMs: number,
  read: (source: Source) => Promise<Content>,
): Promise<Settled<Content>> {
  let waitedMs = 0
  for (let attempt = 1; ; attempt++) {
    const watched: Watched<Content>[] = []
    const steadiness = (): Promise<boolean[]> => Promise.all(watched.map(({ isSteady }) => isSteady()))
    try {
      for (const file of files) watched.push(await watch(file, read))
      const since = performance.now()
      await pause(settleMs)
      waitedMs += performance.now() - since
      // What is being written for long is read once, not five times.
      if (attempt < maxAttempts && (await steadiness()).includes(false)) continue
      const contents: (Content | Unreadable)[] = []
      for (const { take } of watched) contents.push(await take())
      const steady = await steadiness()
      if (attempt < maxAttempts && steady.includes(false)) continue
      for (const [index, file] of files.entries()) if (!steady[index]) contents[index] = { file, code: restless }
      return { contents, stamps: watched.map(({ stamp }) => stamp), waitedMs }
    } finally {
      await Promise.all(watched.map(({ close }) => close()))
    }
  }
}

export function whyUnreadable({ code }: Unreadable): string {
  if (code === restless) return 'keeps changing while it is read; write a copy aside and rename it'
  return `can't be read (${code})`
}

/** Rejects with a system error. */
export async function openSource(file: string): Promise<Source> {
  // Not to be held up by a FIFO that nobody writes to.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    return { file, handle, status: await handle.stat({ bigint: true }) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** What it holds, also if it has grown since: to the chunk in which the limit is. A chunk is good until the next one. */
export async function* readChunks(
  { handle }: Pick<Source, 'handle'>,
  chunkBytes: number,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(chunkBytes)
  for (let left = maxBytes; left >= 0; ) {
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes)
    if (bytesRead === 0) return
    left -= bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/**
 * All of a file at once, for who has its lock; never through a link, which the lock's target was not. Undefined: there is
 * none. `why` goes on from the file's name.
 */
export async function readWhole(
  target: string,
  maxBytes: number,
): Promise<Buffer | { readonly code: string; readonly why: string } | undefined> {
  try {
    const handle = await open(target, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    try {
      const status = await handle.stat()
      if (!status.isFile()) return { code: 'EINVAL', why: 'not a regular file' }
      if (status.size > maxBytes) return { code: 'EFBIG', why: `over ${maxBytes / 1024 ** 2} MiB` }
      return await handle.readFile()
    } finally {
      await handle.close()
    }
  } catch (error) {
    const code = codeOf(error)
    return code === 'ENOENT' ? undefined : { code, why: `can't be read (${code})` }
  }
}

type Watched<Content> = {
  readonly stamp: Stamp
  readonly take: () => Promise<Content | Unreadable>
  readonly isSteady: () => Promise<boolean>
  readonly close: () => Promise<void>
}

async function watch<Content>(file: string, read: (source: Source) => Promise<Content>): Promise<Watched<Content>> {
  // Of what can't be opened the path has to do, from before the attempt: what comes there later has not been read.
  const stampAtPath = async (): Promise<Stamp> => (await stampsOf([file])).join()
  const before = await stampAtPath()
  const source = await openSource(file).catch(codeOf)
  if (typeof source === 'string')
    return {
      stamp: before,
      take: async () => ({ file, code: source }),
      isSteady: async () => (await stampAtPath()) === before,
      close: async () => {},
    }
  return {
    stamp: stampOf(source.status),
    take: () => read(source).catch(error => ({ file, code: codeOf(error) })),
    isSteady: () => isSteady(source),
    close: () => source.handle.close(),
  }
}

/** To lose its name changes the inode too, but nothing that was read. */
async function isSteady({ file, handle, status }: Source): Promise<boolean> {
  const now = await handle.stat({ bigint: true })
  if (stampOf(now) === stampOf(status)) return true
  if (now.size !== status.size || now.mtimeNs !== status.mtimeNs) return false
  const atPath = await stat(file, { bigint: true }).catch(() => undefined)
  return atPath?.ino !== now.ino || atPath.dev !== now.dev
}
