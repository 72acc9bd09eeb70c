/**
 * Name lists: whose a name is, where several may have it: usernames, subjects, addresses to send from. PURE.
 *
 * Most names have one owner, and stand in a name table alone. Of a name that is shared all owners are listed beside it.
 */
import { createNameTable, type NameTable, type Seed } from './name-table.ts'

export type NameLists = {
  /** Positions of all who have the name. */
  all(name: string): readonly number[]
  add(name: string, position: number): void
  /** As a name table does. */
  inherit(former: NameLists, moved: Int32Array): Generator<void>
  readonly first: NameTable
  readonly shared: ReadonlyMap<string, readonly number[]>
}

const nobody: readonly number[] = Object.freeze([])

/** `owns` tells whether the owner at a position has a name. */
export function createNameLists(owns: (position: number, name: string) => boolean, seed: Seed): NameLists {
  const first = createNameTable(owns, seed)
  const shared = new Map<string, number[]>()

  return {
    all(name) {
      const position = first.find(name)
      return position === undefined ? nobody : (shared.get(name) ?? [position])
    },
    add(name, position) {
      const owner = first.claim(name, position)
      if (owner === undefined) return
      const list = shared.get(name)
      if (list === undefined) shared.set(name, [owner, position])
      else list.push(position)
    },
    *inherit(former, moved) {
      yield* first.inherit(former.first, moved)
      for (const [name, positions] of former.shared) {
        const here = positions.map(position => moved[position] ?? -1).filter(position => position >= 0)
        // Whom the table had may be gone.
        if (here[0] !== undefined) first.claim(name, here[0])
        if (here.length > 1) shared.set(name, here)
        yield
      }
    },
    first,
    shared,
  }
}
