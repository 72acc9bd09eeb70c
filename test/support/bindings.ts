/** Bindings over a file in a folder of its own, watched at a pace for tests, with a log that can be waited for. */
import { readFile } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import type { BindingLine } from '../../src/accounts/binding.ts'
import { appendBindings, bindingFile } from '../../src/accounts/binding-file.ts'
import { createBindingTable } from '../../src/accounts/binding-table.ts'
import { type Bindings, createBindings } from '../../src/accounts/bindings.ts'
import { withLock } from '../../src/accounts/lock.ts'
import { account } from './accounts.ts'
import { createListener, openShelf } from './store.ts'

export const alice = account({ address: 'alice@example.org' })
export const bob = account({ address: 'bob@example.org' })
export const now = Date.parse('2026-01-31T12:00:00Z')

export function bound(address: string, subject: string, directory = 'main', at = now): BindingLine {
  return { account: `${address}@example.org`, directory, subject, bound: at }
}

export function unbound(address: string, directory = 'main', at = now): BindingLine {
  return { account: `${address}@example.org`, directory, unbound: at }
}

/** Bindings without a file. `write` is what becomes of what is written. */
export function bindingsInMemory(lines: readonly BindingLine[] = [], write = async (): Promise<void> => {}) {
  const table = createBindingTable()
  for (const line of lines) table.apply(line)
  const written: string[] = []
  const bindings: Bindings = {
    current: () => table,
    bind({ address, created }, directory, subject) {
      if (table.subjectOf({ address, created }, directory) === subject) return undefined
      table.apply({ account: address, directory, subject, bound: now })
      return write().then(
        () => void written.push(`${address} ${directory} ${subject}`),
        error => {
          table.apply({ account: address, directory, unbound: now })
          throw error
        },
      )
    },
  }
  return { ...bindings, written }
}

export async function openBindings(t: TestContext, pollMs = 20) {
  const shelf = await openShelf(t)
  const file = bindingFile(shelf.folder)
  const open = () => {
    const { log, lines, logged } = createListener()
    const bindings = createBindings(file, log, { pollMs, now: () => now })
    t.after(() => bindings.close())
    /** Whom a `sub` of main's leads to. */
    const owners = (subject: string): readonly string[] | undefined =>
      bindings
        .current()
        ?.addressesOf(subject, 'main')
        .map(address => address.replace('@example.org', ''))
    return { ...bindings, lines, logged, owners }
  }
  return {
    ...shelf,
    file,
    ...open(),
    /** Another daemon, or this one after a restart. */
    open,
    /** As the commands do. */
    append: (...lines: BindingLine[]) => withLock(file, lock => appendBindings(file, lines, lock)),
    read: async () => (await readFile(file, 'utf8')).split('\n'),
  }
}
