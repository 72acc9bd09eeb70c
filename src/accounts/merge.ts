/**
 * Merge: the rows of an import, whatever they were read from, to edits of the managed account file. PURE.
 *
 * Two kinds of row: an account with the keys that are given, and an alias with the address that it leads to, as Postfix's
 * virtual(5) maps have them; an alias may lead to another alias of the import. All or nothing: with any complaint the edits
 * are not to be used. What accounts get wrong beside each other is found when the result is checked (`survey.ts`).
 */
import { formatPlace, type Place, type Problem } from '../config/problem.ts'
import { quote } from '../config/values.ts'
import type { Account } from './account.ts'
import { canonicalAddress, canonicalCatchAll } from './address.ts'
import { type Document, type Edit, type Patch, patchTable, tableAt } from './edit.ts'
import { decodeAccount, type Table } from './fields.ts'
import { accountTable } from './table.ts'

export type AccountRow = { readonly line: number; readonly address: string; readonly patch: Patch }
export type AliasRow = { readonly line: number; readonly alias: string; readonly target: string }

/** What was read from a file that is imported. */
export type Imported = {
  readonly accounts: readonly AccountRow[]
  readonly aliases: readonly AliasRow[]
  readonly complaints: readonly RowComplaint[]
  /** What wasn't taken, for people. */
  readonly notes: readonly string[]
}

export type RowComplaint = { readonly line: number; readonly path?: string; readonly message: string }

export type MergeOptions = {
  readonly document: Document
  /** The managed file, and the one that is imported. */
  readonly file: string
  readonly source: string
  /** Whose a name is now, in all account files. */
  readonly owner: (name: string) => string | undefined
  /** An account of another file than the managed one. */
  readonly elsewhere: (address: string) => Elsewhere | undefined
  /** Existing accounts may be changed. */
  readonly update: boolean
  /** Accounts of the managed file that the import doesn't have are disabled. */
  readonly disableMissing: boolean
  /** The `created` of new accounts. */
  readonly now: string
}

export type Elsewhere = { readonly account: Account; readonly place: Place }

export type Merged = {
  /** Of sound rows. */
  readonly edits: Edit[]
  /** Of the others. */
  readonly problems: Problem[]
  /** Rows that say what another file says already, by file. */
  readonly passedOver: ReadonlyMap<string, number>
}

export function mergeRows(rows: Imported, options: MergeOptions): Merged {
  const { document, file, source } = options
  const passedOver = new Map<string, number>()
  const edits = new Map<string, Edit>()
  const problems: Problem[] = []
  const complain = ({ line, path, message }: RowComplaint): void => {
    problems.push({ severity: 'error', file: source, line, path, message })
  }
  rows.complaints.forEach(complain)
  mergeAccounts(rows.accounts, options, edits, passedOver, complain)
  mergeAliases(rows.aliases, options, edits, complain)
  for (const [address, position] of options.disableMissing ? document.positions : []) {
    const table = edits.has(address) ? undefined : tableAt(document, address)
    if (table !== undefined && table.enabled !== false) {
      const place = { file, line: position + 1 }
      edits.set(address, { address, table: patchTable(table, { set: { enabled: false } }), place })
    }
  }
  const flawed = new Set(rows.complaints.map(({ line }) => line))
  const isSound = ({ place }: Edit): boolean => place.file !== source || !flawed.has(place.line ?? 0)
  problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
  return { edits: [...edits.values()].filter(isSound), problems, passedOver }
}

type Complain = (complaint: RowComplaint) => void

function mergeAccounts(
  rows: readonly AccountRow[],
  { document, file, source, elsewhere, update, now }: MergeOptions,
  edits: Map<string, Edit>,
  passedOver: Map<string, number>,
  complain: Complain,
): void {
  for (const { line, address: given, patch } of rows) {
    const address = canonicalAddress(given)
    const path = 'address'
    if (address === undefined) {
      complain({ line, path, message: 'expected an address such as "alice@example.org"' })
      continue
    }
    const before = tableAt(document, address)
    const other = before === undefined ? elsewhere(address) : undefined
    const twin = edits.get(address)
    if (twin !== undefined) complain({ line, path, message: `${address} stands in line ${twin.place.line} too` })
    else if (before !== undefined && !update) {
      const place = `${file}:${(document.positions.get(address) ?? 0) + 1}`
      complain({ line, path, message: `${address} is an account already, at ${place}; --update changes it` })
    } else if (other !== undefined && isAsItStands(other.account, patch)) {
      passedOver.set(other.place.file, (passedOver.get(other.place.file) ?? 0) + 1)
    } else if (other !== undefined) {
      const cure = 'which is edited by hand; change it there or leave the row out'
      complain({ line, path, message: `${address} stands at ${formatPlace(other.place)}, ${cure}` })
    } else {
      const table = before === undefined ? newTable(given, patch, now) : updateTable(before, patch)
      edits.set(address, { address, table, place: { file: source, line } })
    }
  }
}

/**
 * The account as it stands, if only the spelling would be another ("5GiB" for as many bytes). When it was made stays: an
 * earlier time from an old export would bring a former owner's passwords back to life.
 */
function updateTable(before: Table, patch: Patch): Table {
  const patched = patchTable(before, patch)
  const after = 'created' in before ? { ...patched, created: before.created } : patched
  return spell(after) === spell(before) ? before : after
}

function isAsItStands(account: Account, patch: Patch): boolean {
  const table = accountTable(account)
  return updateTable(table, patch) === table
}

function spell(table: Table): string {
  const account = decodeAccount(table, () => {})
  return JSON.stringify(account === undefined ? table : accountTable(account))
}

export function newTable(address: string, patch: Patch, now: string): Table {
  const table = patchTable({ address }, patch)
  return 'created' in table ? table : { ...table, created: now }
}

function mergeAliases(
  rows: readonly AliasRow[],
  { document, source, owner, elsewhere }: MergeOptions,
  edits: Map<string, Edit>,
  complain: Complain,
): void {
  const named = readAliases(rows, complain)
  const isOurs = (address: string): boolean => edits.has(address) || document.positions.has(address)

  /** The account at the end of the way, or why there is none. */
  function follow(target: string): { readonly address: string } | { readonly message: string } {
    const passed = new Set<string>()
    for (
      let name = canonicalAddress(target);
      name !== undefined;
      name = canonicalAddress(named.get(name)?.target ?? '')
    ) {
      if (isOurs(name)) return { address: name }
      const found = owner(name)
      if (found !== undefined && isOurs(found)) return { address: found }
      const other = found === undefined ? undefined : elsewhere(found)
      if (other !== undefined)
        return { message: `its account stands at ${formatPlace(other.place)}; add the alias there` }
      if (passed.has(name)) return { message: 'leads back to itself' }
      passed.add(name)
    }
    return { message: `leads to ${quote([...passed].at(-1) ?? target)}, an address that no account has` }
  }

  const wanted = new Map<string, { readonly names: string[]; readonly line: number }>()
  for (const [name, { line, target }] of named) {
    const end = follow(target)
    if ('message' in end) complain({ line, message: end.message })
    else if (end.address !== name) {
      const entry = wanted.get(end.address) ?? { names: [], line }
      entry.names.push(name)
      wanted.set(end.address, entry)
    }
  }
  for (const [address, { names, line }] of wanted) {
    const edit = edits.get(address)
    const table = edit?.table ?? tableAt(document, address) ?? { address }
    const patched = patchTable(table, { addAliases: names })
    edits.set(address, { address, table: patched, place: edit?.place ?? { file: source, line } })
  }
}

/** By canonical name. The identity is no alias. */
function readAliases(rows: readonly AliasRow[], complain: Complain): Map<string, AliasRow> {
  const named = new Map<string, AliasRow>()
  for (const row of rows) {
    const name = canonicalAddress(row.alias) ?? canonicalCatchAll(row.alias)
    const twin = name === undefined ? undefined : named.get(name)
    const { line } = row
    if (name === undefined) complain({ line, message: 'expected an address or "@domain" before the blank' })
    else if (canonicalAddress(row.target) === name) continue
    else if (twin !== undefined) complain({ line, message: `${name} stands in line ${twin.line} too` })
    else named.set(name, row)
  }
  return named
}
