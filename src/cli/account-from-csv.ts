/**
 * Accounts from and to CSV: the cells of a table whose header row has the keys of the account file. PURE.
 *
 * `userdb.NAME` is a column for one userdb field. Lists (aliases, send-as) are separated by blanks, commas or semicolons
 * inside their cell. An empty cell says nothing: a new account doesn't get the key, an existing one keeps it. How cells
 * become text is `account-csv.ts`'s part.
 *
 * A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and full names come from people. Such a
 * cell is written with an apostrophe before it, which is taken off again when it is read; an apostrophe alone is an empty
 * text (OWASP, "CSV Injection").
 */
import { accountKeys, isTable, type Table } from '../accounts/fields.ts'
import type { AccountRow, Imported, RowComplaint } from '../accounts/merge.ts'
import { nearest } from '../config/suggest.ts'
import { quote } from '../config/values.ts'

export type Row = { readonly line: number; readonly cells: readonly string[] }

const lists: readonly string[] = ['aliases', 'send-as']
const flags: readonly string[] = ['enabled', 'receive']
const columns: readonly string[] = accountKeys.filter(key => key !== 'userdb')
const yes = ['true', 'yes', '1']
const no = ['false', 'no', '0']
const risky = /^[=+\-@\t\r']/

export function readCsvAccounts(rows: readonly Row[]): Imported {
  const [header, ...body] = rows
  const accounts: AccountRow[] = []
  const complaints: RowComplaint[] = header === undefined ? [] : checkHeader(header)
  const names = header?.cells.map(columnName) ?? []
  for (const { line, cells } of complaints.length > 0 ? [] : body) {
    if (cells.every(cell => cell.trim() === '')) continue
    if (cells.length !== names.length) {
      complaints.push({ line, message: `${cells.length} cells, and the header has ${names.length}` })
      continue
    }
    const row = readRow(line, names, cells, complaints)
    if (row !== undefined) accounts.push(row)
  }
  return { accounts, aliases: [], complaints, notes: [] }
}

/** In any case, but for the names of userdb fields, which are Dovecot's. */
function columnName(cell: string): string {
  const name = cell.trim()
  const [prefix = ''] = /^userdb\./i.exec(name) ?? []
  return prefix === '' ? name.toLowerCase() : prefix.toLowerCase() + name.slice(prefix.length)
}

function checkHeader({ line, cells }: Row): RowComplaint[] {
  const seen = new Set<string>()
  const complaints = cells.flatMap(cell => {
    const name = columnName(cell)
    if (seen.has(name)) return { line, message: `the column ${quote(name)} stands there twice` }
    seen.add(name)
    if (columns.includes(name) || /^userdb\../.test(name)) return []
    const meant = name === 'userdb' ? 'userdb.NAME' : nearest(name.slice(0, 64), columns)
    const hint = meant === undefined ? `there are ${columns.join(', ')}, userdb.NAME` : `did you mean ${quote(meant)}?`
    return { line, message: `unknown column ${quote(name)}; ${hint}` }
  })
  if (seen.has('address')) return complaints
  return [...complaints, { line, message: 'no column "address"; the first row has the names of the columns' }]
}

function readRow(
  line: number,
  names: readonly string[],
  cells: readonly string[],
  complaints: RowComplaint[],
): AccountRow | undefined {
  const set: Record<string, unknown> = {}
  const userdb: [string, string][] = []
  let address = ''
  let sound = true
  for (const [index, name] of names.entries()) {
    const cell = cells[index] ?? ''
    const text = unprotect(cell)
    if (cell === '') continue
    if (name === 'address') address = text.trim()
    else if (name.startsWith('userdb.')) userdb.push([name.slice('userdb.'.length), text])
    else {
      const value = readCell(name, text)
      if (value === undefined) {
        complaints.push({ line, path: name, message: 'expected true or false' })
        sound = false
      } else set[name] = value
    }
  }
  return sound ? { line, address, patch: { set, userdb: Object.fromEntries(userdb) } } : undefined
}

function readCell(name: string, text: string): unknown {
  if (lists.includes(name)) return text.split(/[\s,;]+/).filter(item => item !== '')
  if (flags.includes(name)) {
    const word = text.trim().toLowerCase()
    return yes.includes(word) ? true : no.includes(word) ? false : undefined
  }
  return name === 'quota' && /^\d{1,16}$/.test(text) ? Number(text) : text
}

/** Header and rows of accounts in the spelling of their file. */
export function writeCsvAccounts(tables: readonly Table[]): string[][] {
  const fields = new Set<string>()
  const keys = new Set<string>(['address'])
  for (const table of tables)
    for (const [key, value] of Object.entries(table)) {
      if (key !== 'userdb') keys.add(key)
      else if (isTable(value)) for (const field of Object.keys(value)) fields.add(field)
    }
  const used = columns.filter(name => keys.has(name))
  const sorted = [...fields].sort()
  const rows = tables.map(table => {
    const userdb = isTable(table.userdb) ? table.userdb : {}
    return [...used.map(name => writeCell(table[name])), ...sorted.map(field => writeCell(userdb[field]))]
  })
  return [[...used, ...sorted.map(field => `userdb.${field}`)], ...rows]
}

function writeCell(value: unknown): string {
  if (value === undefined) return ''
  const text = Array.isArray(value) ? value.join(' ') : String(value)
  return text === '' || risky.test(text) ? `'${text}` : text
}

function unprotect(cell: string): string {
  return cell === "'" || (cell.startsWith("'") && risky.test(cell.slice(1))) ? cell.slice(1) : cell
}
