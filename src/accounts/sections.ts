/**
 * Sections: the list of all accounts, by position. A section is some accounts of one file, one after the other. PURE.
 *
 * Of a `.jsonl` file a section has the lines, of which each has a position; nobody is at an empty line's. They are
 * decoded when they are asked for; an account that was asked for lately is remembered, and stays the same object for
 * thousands of further questions.
 */
import { formatPlace } from '../config/problem.ts'
import type { Account } from './account.ts'
import { accountOn, type Block } from './block.ts'
import type { Entry } from './file.ts'

export type Section = {
  readonly file: string
  /** Where it begins in the list. */
  readonly first: number
  size: number
  /** The lines; without them, all accounts are in `held`. */
  readonly block: Block | undefined
  /** Of a block, the first line's number in the file; else of each account. */
  readonly lines: number | (number | undefined)[]
  /** Accounts by their number here that can't be decoded from a line as they are. */
  readonly held: Map<number, Account>
  /** How many accounts there are. */
  count: number
  /** Those of addresses and catch-alls. */
  readonly domains: Set<string>
}

export type Sections = {
  /** Gives lines the next positions, without a look at them. `line` is the first one's number in the file. */
  addBlock(file: string, block: Block, line: number): Section
  /** Gives accounts the next positions. */
  addEntries(file: string, entries: readonly Entry[]): Section
  /** Gives one account the next position, if possible in the last section. */
  append(file: string, entry: Entry): Section
  at(position: number): Account | undefined
  /** File and line, as messages have it. */
  placeOf(position: number): string
  /** Positions so far. */
  size(): number
  accounts(): Generator<Account>
  readonly list: readonly Section[]
}

/** Accounts remembered at least; at most twice as many. */
const remembered = 4096

export function createSections(): Sections {
  const list: Section[] = []
  let size = 0
  let [recent, older] = [new Map<number, Account>(), new Map<number, Account>()]

  function add(file: string, content: Pick<Section, 'size' | 'block' | 'lines'>): Section {
    const section: Section = { file, first: size, ...content, held: new Map(), count: 0, domains: new Set() }
    list.push(section)
    size += section.size
    return section
  }

  function addEntries(file: string, entries: readonly Entry[]): Section {
    return add(file, { size: entries.length, block: undefined, lines: entries.map(({ line }) => line) })
  }

  function sectionOf(position: number): Section | undefined {
    let [low, high] = [0, list.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((list[middle]?.first ?? 0) <= position) low = middle
      else high = middle - 1
    }
    return list[low]
  }

  function decoded(block: Block, position: number, number: number): Account | undefined {
    const known = recent.get(position)
    if (known !== undefined) return known
    const account = older.get(position) ?? accountOn(block, number)
    if (account === undefined) return undefined
    if (recent.size >= remembered) [recent, older] = [new Map(), recent]
    recent.set(position, account)
    return account
  }

  return {
    addBlock: (file, block, line) => add(file, { size: block.starts.length, block, lines: line }),
    addEntries,
    append(file, entry) {
      const last = list.at(-1)
      if (last?.file !== file || typeof last.lines === 'number') return addEntries(file, [entry])
      last.lines.push(entry.line)
      last.size++
      size++
      return last
    },
    at(position) {
      const section = sectionOf(position)
      if (section === undefined) return undefined
      const { first, block, held } = section
      const number = position - first
      return held.get(number) ?? (block && decoded(block, position, number))
    },
    placeOf(position) {
      const section = sectionOf(position)
      if (section === undefined) return ''
      const { file, first, lines } = section
      const line = typeof lines === 'number' ? lines + position - first : lines[position - first]
      return formatPlace({ file, line })
    },
    size: () => size,
    *accounts() {
      for (const { size, block, held } of list)
        for (let number = 0; number < size; number++) {
          const account = held.get(number) ?? (block && accountOn(block, number))
          if (account !== undefined) yield account
        }
    },
    list,
  }
}
