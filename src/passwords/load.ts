/**
 * Load: app-passwords.jsonl on disk to an index of all passwords, in pieces, so that logins go on in between.
 *
 * A regular file of 1 GiB at most. One that somebody else may read is warned of: imported hashes can be guessed at.
 */
import { Buffer } from 'node:buffer'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { seed } from '../accounts/seed.ts'
import { codeOf } from '../accounts/stamp.ts'
import type { Problem } from '../config/problem.ts'
import type { PasswordIndex } from './password.ts'
import { createRecordReader, emptyIndex } from './records.ts'

export type LoadedPasswords = {
  /** Not to be used if there is an error among the problems. */
  readonly index: PasswordIndex
  readonly problems: readonly Problem[]
  readonly missing: boolean
  /** It couldn't be read at all: it may be readable soon, and look the same. */
  readonly transient: boolean
  /** There is a newer one at its place by now. This one is whole: who renames has finished writing. */
  readonly replaced: boolean
}

/** A millisecond of work, or two. */
const chunkBytes = 64 * 1024
const maxBytes = 1024 ** 3
const othersBits = 0o077

/** Never rejects: what keeps it from being read is a problem too. */
export async function loadPasswords(file: string): Promise<LoadedPasswords> {
  try {
    // Not to be held up by a FIFO that nobody writes to.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      return await readFrom(file, handle)
    } finally {
      await handle.close()
    }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT') return { index: emptyIndex, problems: [], missing: true, transient: false, replaced: false }
    return refusal(file, `can't be read (${code})`, true)
  }
}

async function readFrom(file: string, handle: FileHandle): Promise<LoadedPasswords> {
  const status = await handle.stat()
  if (!status.isFile()) return refusal(file, 'not a regular file')
  if (status.size > maxBytes) return refusal(file, 'over 1 GiB')
  const reader = createRecordReader(file, seed)
  const buffer = Buffer.alloc(chunkBytes)
  for (let left = maxBytes; left >= 0; ) {
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes)
    if (bytesRead === 0) break
    left -= bytesRead
    reader.push(buffer.subarray(0, bytesRead))
  }
  reader.end()
  const warnings = (status.mode & othersBits) === 0 ? [] : [openToOthers(file, status.mode)]
  const after = await handle.stat()
  const replaced = after.nlink === 0 && after.size === status.size && after.mtimeMs === status.mtimeMs
  const problems = [...reader.problems, ...warnings]
  return { index: reader.index, problems, missing: false, transient: false, replaced }
}

function openToOthers(file: string, mode: number): Problem {
  const bits = (mode & 0o777).toString(8).padStart(4, '0')
  return problem(file, `has mode ${bits}, so that others than its owner get at the hashes: chmod 600`, 'warning')
}

function refusal(file: string, message: string, transient = false): LoadedPasswords {
  return { index: emptyIndex, problems: [problem(file, message)], missing: false, transient, replaced: false }
}

export function problem(file: string, message: string, severity: Problem['severity'] = 'error'): Problem {
  return { severity, file, line: undefined, path: undefined, message }
}
