/**
 * Edit: an account file of one JSON object a line, and changes to single accounts in it. PURE.
 *
 * Lines that aren't touched keep their bytes. A touched one is written anew with its keys in their order; new accounts come
 * at the end. Whether the result is sound is not asked here but of all account files together (`survey.ts`), for which
 * every line keeps the place that a complaint about it should name.
 */
import type { Place } from '../config/problem.ts'
import { quote } from '../config/values.ts'
import { canonicalAddress, canonicalCatchAll } from './address.ts'
import { isTable, type Table } from './fields.ts'

export type Document = {
  /** Without their newlines. */
  readonly lines: readonly string[]
  /** Canonical address → index in `lines`. */
  readonly positions: ReadonlyMap<string, number>
}

/** A line of the file as it will be. */
export type Line = { readonly text: string; readonly place: Place }

export type Edit = {
  /** Canonical. */
  readonly address: string
  /** The account as it should be; undefined: gone. */
  readonly table: Table | undefined
  /** Who asked for it, if not the line that stands there already. */
  readonly place: Place
}

/** What should become of an account. `unset` comes first. */
export type Patch = {
  /** Keys (`quota`) and single userdb fields (`userdb.home`). */
  readonly unset?: readonly string[]
  /** Keys and their new values, as the file spells them. */
  readonly set?: Table
  /** Single userdb fields; the others stay. */
  readonly userdb?: Table
  readonly addAliases?: readonly string[]
  readonly removeAliases?: readonly string[]
}

const byteOrderMark = '\ufeff'

export function readDocument(text: string): Document {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const positions = new Map<string, number>()
  for (const [index, line] of lines.entries()) {
    const { address } = parseLine(line) ?? {}
    const canonical = typeof address === 'string' ? canonicalAddress(address) : undefined
    if (canonical !== undefined) positions.set(canonical, index)
  }
  return { lines, positions }
}

export function tableAt({ lines, positions }: Document, address: string): Table | undefined {
  const position = positions.get(address)
  return position === undefined ? undefined : parseLine(lines[position] ?? '')
}

/** The lines as they are, each with its own place. */
export function linesOf({ lines }: Document, file: string): Line[] {
  return lines.map((text, index) => ({ text, place: { file, line: index + 1 } }))
}

export type Edited = {
  readonly lines: Line[]
  /** Of the edits that change something, for people: `+ ADDRESS`, `- ADDRESS`, `~ ADDRESS: quota: none → 5GiB`. */
  readonly changes: string[]
}

export function editDocument(document: Document, edits: Iterable<Edit>, file: string): Edited {
  const lines: (Line | undefined)[] = linesOf(document, file)
  const changes: string[] = []
  for (const { address, table, place } of edits) {
    const position = document.positions.get(address)
    const before = tableAt(document, address)
    if (position === undefined || before === undefined) {
      if (table === undefined) continue
      lines.push({ text: JSON.stringify(table), place })
      changes.push(`+ ${address}`)
    } else if (table === undefined) {
      lines[position] = undefined
      changes.push(`- ${address}`)
    } else {
      const found = differences(before, table)
      if (found.length === 0) continue
      lines[position] = { text: rewriteLine(document.lines[position] ?? '', table), place }
      changes.push(`~ ${address}: ${found.join('; ')}`)
    }
  }
  return { lines: lines.filter(line => line !== undefined), changes }
}

export function patchTable(table: Table, { unset = [], set = {}, userdb = {}, ...aliases }: Patch): Table {
  const patched: Record<string, unknown> = { ...(unset.length === 0 ? table : without(table, unset)), ...set }
  if (Object.keys(userdb).length > 0) patched.userdb = { ...(isTable(patched.userdb) ? patched.userdb : {}), ...userdb }
  const { addAliases = [], removeAliases = [] } = aliases
  if (addAliases.length + removeAliases.length === 0) return patched
  const names = patchAliases(patched.aliases, addAliases, removeAliases)
  return names.length === 0 ? without(patched, ['aliases']) : { ...patched, aliases: names }
}

/** What is different, key by key: `aliases: none → a@example.org`. */
export function differences(before: Table, after: Table): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap(key => {
    const [old, now] = [before[key], after[key]]
    return JSON.stringify(old) === JSON.stringify(now) ? [] : [`${key}: ${showOf(key, old)} → ${showOf(key, now)}`]
  })
}

/** An account is enabled that doesn't say otherwise. */
function showOf(key: string, value: unknown): string {
  return key === 'enabled' && value === undefined ? 'true' : showValue(value)
}

/** A value for people. */
export function showValue(value: unknown): string {
  if (value === undefined) return 'none'
  if (typeof value === 'string') return showText(value)
  if (Array.isArray(value)) return value.map(showValue).join(', ') || 'none'
  if (isTable(value))
    return Object.entries(value)
      .map(([key, item]) => `${showText(key)}=${showValue(item)}`)
      .join(', ')
  return String(value)
}

/** Terminals obey control characters. */
function showText(text: string): string {
  return text === '' || text.length > 256 || /[\p{C}\p{Zl}\p{Zp}]/u.test(text) ? quote(text) : text
}

function parseLine(line: string): Table | undefined {
  try {
    const value: unknown = JSON.parse(line.startsWith(byteOrderMark) ? line.slice(1) : line)
    return isTable(value) ? value : undefined
  } catch {
    return undefined
  }
}

function rewriteLine(line: string, table: Table): string {
  const mark = line.startsWith(byteOrderMark) ? byteOrderMark : ''
  return `${mark}${JSON.stringify(table)}${line.endsWith('\r') ? '\r' : ''}`
}

/** Without these keys and userdb fields. */
function without(table: Table, unset: readonly string[]): Table {
  const fields = unset.flatMap(key => (key.startsWith('userdb.') ? key.slice('userdb.'.length) : []))
  const kept = Object.entries(table).filter(([key]) => !unset.includes(key))
  return Object.fromEntries(
    kept.flatMap(([key, value]) => {
      if (key !== 'userdb' || fields.length === 0 || !isTable(value)) return [[key, value]]
      const rest = Object.entries(value).filter(([field]) => !fields.includes(field))
      return rest.length === 0 ? [] : [[key, Object.fromEntries(rest)]]
    }),
  )
}

function patchAliases(before: unknown, added: readonly string[], removed: readonly string[]): unknown[] {
  const gone = new Set(removed.map(canonicalName))
  // Junk stays, and is complained of where the result is checked.
  const kept = (Array.isArray(before) ? before : []).filter(alias => !gone.has(canonicalName(alias)))
  const names = new Set(kept.map(canonicalName))
  for (const alias of added) {
    if (names.has(canonicalName(alias))) continue
    names.add(canonicalName(alias))
    kept.push(alias)
  }
  return kept
}

/** Of an address or a catch-all. */
function canonicalName(name: unknown): unknown {
  return typeof name === 'string' ? (canonicalAddress(name) ?? canonicalCatchAll(name) ?? name) : name
}
