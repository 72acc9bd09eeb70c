/**
 * Binding file: bindings.jsonl in the state directory, read in pieces, and added to under its lock.
 *
 * Lines are only ever added, so that the file tells who was bound when. As every file it is written aside and renamed
 * (`durable.ts`): some 150 MB for a million bindings. A regular file of 1 GiB at most.
 *
 * A line that makes no sense is warned of and passed over, or else one bad line would lock everybody out; a file that
 * can't be read is an error, or else everybody would be unbound.
 */

import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileProblem, type Problem } from '../config/problem.ts'
import { type BindingLine, decodeBinding, formatBinding, maxLineBytes } from './binding.ts'
import { type BindingTable, createBindingTable } from './binding-table.ts'
import { appendLine, rewriteFile } from './durable.ts'
import { createJsonLines } from './json-lines.ts'
import type { Lock } from './lock.ts'
import { readChunks, readSettled, type Source, whyUnreadable } from './source.ts'
import type { Stamp } from './stamp.ts'

export type LoadedBindings = {
  /** Not to be used if there is an error among the problems. */
  readonly table: BindingTable
  readonly problems: readonly Problem[]
  readonly missing: boolean
  /** It couldn't be read at all: it may be readable soon, and look the same. */
  readonly transient: boolean
  /** What the file was that was read. */
  readonly stamp: Stamp
  /** Spent on it, waiting aside. */
  readonly ms: number
}

/** A millisecond of work, or two. */
const chunkBytes = 64 * 1024
const maxBytes = 1024 ** 3
const maxProblems = 1_000

export function bindingFile(stateDir: string): string {
  return join(stateDir, 'bindings.jsonl')
}

/** Never rejects: what keeps it from being read is a problem too. `settleMs` as in `readSettled`. */
export async function readBindings(file: string, settleMs = 0): Promise<LoadedBindings> {
  const started = performance.now()
  const { contents, stamps, waitedMs } = await readSettled([file], settleMs, read)
  const [content = { file, code: 'ENOENT' }] = contents
  const timed = { stamp: stamps.join(), ms: Math.round(performance.now() - started - waitedMs) }
  if ('table' in content) return { ...content, missing: false, transient: false, ...timed }
  const missing = content.code === 'ENOENT'
  return {
    ...refusal(missing ? [] : [fileProblem(file, whyUnreadable(content))]),
    missing,
    transient: !missing,
    ...timed,
  }
}

/** Resolves with what the file now is. One that doesn't exist is made. */
export function appendBindings(file: string, lines: readonly BindingLine[], lock: Lock): Promise<Stamp> {
  const text = lines.map(formatBinding).join('\n')
  return lock.stamp === 'ENOENT' ? rewriteFile(file, [`${text}\n`], lock) : appendLine(file, text, lock)
}

type Content = Pick<LoadedBindings, 'table' | 'problems'>

async function read(source: Source): Promise<Content> {
  const { file, status } = source
  if (!status.isFile()) return refusal([fileProblem(file, 'not a regular file')])
  if (status.size > maxBytes) return refusal([fileProblem(file, 'over 1 GiB')])
  const table = createBindingTable()
  const problems: Problem[] = []
  const complain = (message: string, line: number): void => {
    if (problems.length < maxProblems)
      problems.push({ ...fileProblem(file, `${message}; the line is passed over`, 'warning'), line })
  }
  const lines = createJsonLines({
    maxLineBytes,
    object(value, line) {
      const decoded = decodeBinding(value)
      if (decoded.ok) table.apply(decoded.line)
      else complain(decoded.message, line)
    },
    complain,
  })
  for await (const chunk of readChunks(source, chunkBytes, maxBytes)) lines.push(chunk)
  lines.end()
  return { table, problems }
}

function refusal(problems: readonly Problem[]): Content {
  return { table: createBindingTable(), problems }
}
