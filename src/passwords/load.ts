/**
 * Load: app-passwords.jsonl on disk to an index of all passwords, in pieces, so that logins go on in between.
 *
 * A regular file of 1 GiB at most. One that somebody else may read is warned of: imported hashes can be guessed at.
 */
import { performance } from 'node:perf_hooks'
import { seed } from '../accounts/seed.ts'
import { readChunks, readSettled, type Source, whyUnreadable } from '../accounts/source.ts'
import type { Stamp } from '../accounts/stamp.ts'
import { fileProblem, type Problem } from '../config/problem.ts'
import type { PasswordIndex } from './password.ts'
import { createRecordReader, emptyIndex } from './records.ts'

export type LoadedPasswords = Content & {
  readonly missing: boolean
  /** It couldn't be read at all: it may be readable soon, and look the same. */
  readonly transient: boolean
  /** What the file was that was read. */
  readonly stamp: Stamp
  /** Spent on it, waiting aside. */
  readonly ms: number
}

type Content = {
  /** Not to be used if there is an error among the problems. */
  readonly index: PasswordIndex
  readonly problems: readonly Problem[]
}

/** A millisecond of work, or two. */
const chunkBytes = 64 * 1024
const maxBytes = 1024 ** 3
const othersBits = 0o077n

/** Never rejects: what keeps it from being read is a problem too. `settleMs` as in `readSettled`. */
export async function loadPasswords(file: string, settleMs = 0): Promise<LoadedPasswords> {
  const started = performance.now()
  const { contents, stamps, waitedMs } = await readSettled([file], settleMs, read)
  const [content = { file, code: 'ENOENT' }] = contents
  const ms = Math.round(performance.now() - started - waitedMs)
  const timed = { stamp: stamps.join(), ms }
  if ('index' in content) return { ...content, missing: false, transient: false, ...timed }
  const missing = content.code === 'ENOENT'
  return { ...(missing ? nothing : refusal(file, whyUnreadable(content))), missing, transient: !missing, ...timed }
}

async function read(source: Source): Promise<Content> {
  const { file, status } = source
  if (!status.isFile()) return refusal(file, 'not a regular file')
  if (status.size > maxBytes) return refusal(file, 'over 1 GiB')
  const reader = createRecordReader(file, seed)
  for await (const chunk of readChunks(source, chunkBytes, maxBytes)) reader.push(chunk)
  reader.end()
  const warnings = (status.mode & othersBits) === 0n ? [] : [openToOthers(file, status.mode)]
  return { index: reader.index, problems: [...reader.problems, ...warnings] }
}

function openToOthers(file: string, mode: bigint): Problem {
  const bits = (mode & 0o777n).toString(8).padStart(4, '0')
  return fileProblem(file, `has mode ${bits}, so that others than its owner get at the hashes: chmod 600`, 'warning')
}

const nothing: Content = { index: emptyIndex, problems: [] }

function refusal(file: string, message: string): Content {
  return { index: emptyIndex, problems: [fileProblem(file, message)] }
}
