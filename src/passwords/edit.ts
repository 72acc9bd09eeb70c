/**
 * Edit: changes of app-passwords.jsonl, for the commands. The daemon never writes it.
 *
 * Everything happens under the file's lock: the file is read, must be whole and sound (it is no place to guess what
 * somebody meant), what is to change is decided on what it says then, and the result replaces it at once. When the
 * promise resolves it is on disk. Lines that aren't concerned keep their bytes (`edit-lines.ts`).
 *
 * root does all of it as the owner of the state directory (`as-owner.ts`).
 *
 * A file of 256 MiB at most, which is a million passwords. It must be UTF-8: other bytes would not come back as they were.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { asOwnerOf } from '../accounts/as-owner.ts'
import { rewriteFile } from '../accounts/durable.ts'
import { commandWaitMs, type LockOptions, withLock } from '../accounts/lock.ts'
import { seed } from '../accounts/seed.ts'
import { readWhole } from '../accounts/source.ts'
import { codeOf } from '../accounts/stamp.ts'
import { fileProblem, type Problem } from '../config/problem.ts'
import { editLines } from './edit-lines.ts'
import type { PasswordIndex, PasswordRecord } from './password.ts'
import { formatPasswordLine, parsePasswordLine } from './record.ts'
import { createRecordReader } from './records.ts'

/** What to do to the file, and what to tell whoever asked, once it is done. Nothing is written for nothing. */
export type Change<Result> = {
  readonly gone?: readonly Key[]
  readonly added?: readonly PasswordRecord[]
  readonly result: Result
}

export type Changed<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  /** Nothing has changed. */
  | { readonly kind: 'broken'; readonly problems: readonly Problem[] }

type Decide<Result> = (passwords: PasswordIndex) => Change<Result> | Promise<Change<Result>>

/** An id is unique within its account. */
type Key = Pick<PasswordRecord, 'account' | 'id'>

const maxBytes = 256 * 1024 ** 2

/** Rejects with a FileError where the file can't be written, and with what `decide` rejects with. */
export function changePasswords<Result>(
  file: string,
  decide: Decide<Result>,
  onWait?: LockOptions['onWait'],
): Promise<Changed<Result>> {
  return asOwnerOf(file, () => change(file, decide, onWait))
}

async function change<Result>(
  file: string,
  decide: Decide<Result>,
  onWait: LockOptions['onWait'],
): Promise<Changed<Result>> {
  const folder = dirname(file)
  if (!(await exists(folder))) return { kind: 'broken', problems: [noFolder(folder)] }
  return withLock(
    file,
    async lock => {
      const { text, index, problems } = await readRecords(file, lock.target)
      if (problems.length > 0) return { kind: 'broken', problems }
      const { gone = [], added = [], result } = await decide(index)
      if (gone.length + added.length > 0) {
        const lines = editLines(text, gone.length === 0 ? () => false : linesOf(gone), added.map(formatPasswordLine))
        await rewriteFile(file, lines, lock)
      }
      return { kind: 'done', result }
    },
    { waitMs: commandWaitMs, onWait },
  )
}

/** Ends all passwords of accounts that are gone. Resolves with those that there were. */
export async function removePasswordsOf(
  file: string,
  accounts: ReadonlySet<string>,
  onWait?: LockOptions['onWait'],
): Promise<Changed<readonly PasswordRecord[]>> {
  // A site without app passwords needs no folder for them.
  if (!(await asOwnerOf(file, () => exists(dirname(file))))) return { kind: 'done', result: [] }
  return changePasswords(
    file,
    passwords => {
      const gone = [...accounts].flatMap(account => passwords.of(account))
      return { gone, result: gone }
    },
    onWait,
  )
}

export type Rename = {
  readonly from: string
  readonly to: string
  /** The passwords stand under both names: time for a running daemon to read them. */
  readonly copied: () => Promise<unknown>
  /** Renames the account. */
  readonly commit: () => Promise<unknown>
}

/**
 * Gives the passwords of one name to another, under which an account is to go on. First they stand there under both; then,
 * while nobody can change them, `commit` renames the account. Resolves with those of the old name, of no use from then on.
 * What stood there under the new name is a former owner's, or left over from an attempt before, and goes.
 */
export async function copyPasswords(
  file: string,
  { from, to, copied, commit }: Rename,
  onWait?: LockOptions['onWait'],
): Promise<Changed<readonly PasswordRecord[]>> {
  if (!(await asOwnerOf(file, () => exists(dirname(file))))) {
    await commit()
    return { kind: 'done', result: [] }
  }
  const decide = async (passwords: PasswordIndex): Promise<Change<readonly PasswordRecord[] | undefined>> => {
    const [left, gone] = [passwords.of(from), passwords.of(to)]
    const added = left.map(record => ({ ...record, account: to }))
    if (!areSame(gone, added)) return { gone, added, result: undefined }
    await commit()
    return { result: left }
  }
  for (;;) {
    const changed = await changePasswords(file, decide, onWait)
    if (changed.kind === 'broken') return changed
    if (changed.result !== undefined) return { kind: 'done', result: changed.result }
    await copied()
  }
}

/** Those that are still there. */
export function removeRecords(
  file: string,
  records: readonly PasswordRecord[],
  onWait?: LockOptions['onWait'],
): Promise<Changed<void>> {
  const lines = new Set(records.map(formatPasswordLine))
  return changePasswords(
    file,
    passwords => {
      const named = records.flatMap(({ account, id }) => passwords.of(account).find(record => record.id === id) ?? [])
      return { gone: named.filter(record => lines.has(formatPasswordLine(record))), result: undefined }
    },
    onWait,
  )
}

function areSame(some: readonly PasswordRecord[], others: readonly PasswordRecord[]): boolean {
  const [a, b] = [some, others].map(records => records.map(formatPasswordLine).sort().join('\n'))
  return a === b
}

function linesOf(passwords: readonly Key[]): (line: string) => boolean {
  const names = new Set(passwords.map(nameOf))
  return line => {
    const parsed = parsePasswordLine(line.replace(/^\ufeff/, ''))
    return parsed.ok && names.has(nameOf(parsed.record))
  }
}

function nameOf({ account, id }: Key): string {
  return `${id} ${account}`
}

type Whole = { readonly text: string; readonly index: PasswordIndex; readonly problems: readonly Problem[] }

/** A file that doesn't exist is an empty one. */
async function readRecords(file: string, target: string): Promise<Whole> {
  const reader = createRecordReader(file, seed)
  const bytes = (await readWhole(target, maxBytes)) ?? Buffer.alloc(0)
  const refused = (why: string): Whole => ({ text: '', index: reader.index, problems: [fileProblem(file, why)] })
  if ('why' in bytes) return refused(bytes.why)
  if (!isUtf8(bytes)) return refused('not UTF-8')
  reader.push(bytes)
  reader.end()
  return { text: bytes.toString('utf8'), index: reader.index, problems: reader.problems }
}

async function exists(folder: string): Promise<boolean> {
  try {
    await stat(folder)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

function noFolder(folder: string): Problem {
  const cure = `install -d -o bearerd -g bearerd -m 0700 ${folder}`
  return fileProblem(folder, `doesn't exist; "${cure}" makes it, or "state-dir" in bearerd.toml names another`)
}
