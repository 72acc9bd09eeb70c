/**
 * Binding edit: changes of bindings.jsonl, for the commands: under its lock, as the owner of the state directory
 * (`as-owner.ts`), decided on what stands there then. The daemon reads it again within a second.
 */
import { isError } from '../config/problem.ts'
import { asOwnerOf } from './as-owner.ts'
import type { BindingLine } from './binding.ts'
import { appendBindings, readBindings } from './binding-file.ts'
import type { BindingIndex } from './binding-table.ts'
import { FileError } from './file-error.ts'
import { commandWaitMs, type LockOptions, withLock } from './lock.ts'
import { stampsOf } from './stamp.ts'

/** What to add, and what to tell whoever asked once it is there. Nothing is written for nothing. */
export type BindingChange<Result> = { readonly lines: readonly BindingLine[]; readonly result: Result }

/** Rejects with a FileError where the file can't be read or written, and with what `decide` rejects with. */
export function changeBindings<Result>(
  file: string,
  decide: (bindings: BindingIndex) => BindingChange<Result> | Promise<BindingChange<Result>>,
  onWait?: LockOptions['onWait'],
): Promise<Result> {
  return asOwnerOf(file, () =>
    withLock(
      file,
      async lock => {
        const { table, problems } = await readBindings(lock.target)
        const [error] = problems.filter(isError)
        if (error !== undefined) throw new FileError('EINVAL', `${file}: ${error.message}; nothing was changed`)
        const { lines, result } = await decide(table)
        if (lines.length > 0) await appendBindings(file, lines, lock)
        return result
      },
      { waitMs: commandWaitMs, onWait },
    ),
  )
}

export type Carry = {
  readonly from: string
  readonly to: string
  readonly nowMs: number
  /** Done while nobody can bind or unbind. */
  readonly commit?: () => Promise<unknown>
}

/**
 * Binds the name under which an account is to go on as the one that it has. True: so it stands there already, and `commit`
 * is done. False: so it stands there now, and a running daemon needs time to read it. What was bound under the new name
 * was a former owner's.
 */
export async function carryBindings(
  file: string,
  { from, to, nowMs, commit = async () => {} }: Carry,
  onWait?: LockOptions['onWait'],
): Promise<boolean> {
  if (!(await exists(file))) {
    await commit()
    return true
  }
  const decide = async (bindings: BindingIndex): Promise<BindingChange<boolean>> => {
    const lines = difference(bindings, from, to, nowMs)
    if (lines.length === 0) await commit()
    return { lines, result: lines.length === 0 }
  }
  return changeBindings(file, decide, onWait)
}

/** Unbinds an address in all directories. Resolves with how many there were. */
export async function unbindAddress(
  file: string,
  address: string,
  nowMs: number,
  onWait?: LockOptions['onWait'],
): Promise<number> {
  if (!(await exists(file))) return 0
  const decide = (bindings: BindingIndex): BindingChange<number> => {
    const lines = unbindings(bindings, address, nowMs)
    return { lines, result: lines.length }
  }
  return changeBindings(file, decide, onWait)
}

/** The lines that unbind an address in all directories. */
export function unbindings(bindings: BindingIndex, address: string, nowMs: number): BindingLine[] {
  return bindings.of(address).map(({ account, directory }) => ({ account, directory, unbound: nowMs }))
}

/** The lines after which `to` is bound as `from` is. */
function difference(bindings: BindingIndex, from: string, to: string, nowMs: number): BindingLine[] {
  const [wanted, there] = [bindings.of(from), bindings.of(to)]
  const missing = wanted.filter(
    ({ directory, subject, bound }) =>
      !there.some(held => held.directory === directory && held.subject === subject && held.bound === bound),
  )
  const surplus = unbindings(bindings, to, nowMs).filter(
    line => !wanted.some(({ directory }) => directory === line.directory),
  )
  return [...surplus, ...missing.map(binding => ({ ...binding, account: to }))]
}

/** What can't be looked at is for the lock to complain of. */
function exists(file: string): Promise<boolean> {
  return asOwnerOf(file, async () => (await stampsOf([file])).join() !== 'ENOENT')
}
