/**
 * Records: the bytes of app-passwords.jsonl, in pieces, to an index of all passwords, or every problem with its line. PURE.
 *
 * An id names one password of its account, and an account has one imported password at most. After 1000 problems no more
 * are kept.
 */
import type { Buffer } from 'node:buffer'
import type { Complaint } from '../accounts/fields.ts'
import { createJsonLines } from '../accounts/json-lines.ts'
import { createNameTable, type Seed } from '../accounts/name-table.ts'
import type { Problem } from '../config/problem.ts'
import { formatPath } from '../config/values.ts'
import { isImportedHash } from './hash.ts'
import type { PasswordIndex, PasswordRecord } from './password.ts'
import { decodePassword, maxLineBytes } from './record.ts'

export type RecordReader = {
  /** May be cut anywhere. The chunk is not kept. */
  push(chunk: Buffer): void
  end(): void
  readonly problems: readonly Problem[]
  /** Whole after `end`, and if there are no problems. */
  readonly index: PasswordIndex
}

const maxProblems = 1_000
const none: readonly PasswordRecord[] = Object.freeze([])

export const emptyIndex: PasswordIndex = { size: 0, imported: none, of: () => none, all: () => none }

export function createRecordReader(file: string, seed: Seed): RecordReader {
  /** By account. Most have one or two, so that to look through them is to find them. */
  const groups: PasswordRecord[][] = []
  const names = createNameTable((position, name) => groups[position]?.[0]?.account === name, seed)
  const imported: PasswordRecord[] = []
  const problems: Problem[] = []
  let size = 0

  function complain(line: number, { path, message }: Complaint): void {
    if (problems.length >= maxProblems) return
    problems.push({
      severity: 'error',
      file,
      line,
      path: path.length === 0 ? undefined : formatPath(path),
      message,
    })
  }

  function add(record: PasswordRecord, line: number): void {
    const position = names.claim(record.account, groups.length)
    const others = position === undefined ? none : (groups[position] ?? none)
    if (others.some(({ id }) => id === record.id)) {
      complain(line, { path: ['id'], message: 'the account has another password with this id' })
    } else if (isImportedHash(record.hash) && others.some(({ hash }) => isImportedHash(hash))) {
      complain(line, { path: ['hash'], message: 'the account has another imported password; one is the limit' })
    } else {
      if (position === undefined) groups.push([record])
      else groups[position]?.push(record)
      if (isImportedHash(record.hash)) imported.push(record)
      size++
    }
  }

  const lines = createJsonLines({
    maxLineBytes,
    object(table, line) {
      const record = decodePassword(table, complaint => complain(line, complaint))
      if (record !== undefined) add(record, line)
    },
    complain: (message, line) => complain(line, { path: [], message }),
  })

  return {
    push: lines.push,
    end: lines.end,
    problems,
    index: {
      get size() {
        return size
      },
      imported,
      of: account => groups[names.find(account) ?? -1] ?? none,
      *all() {
        for (const records of groups) yield* records
      },
    },
  }
}
