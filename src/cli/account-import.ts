/**
 * `bearerd account import`: accounts from a file or standard input into the managed file, all or none of them. Every problem
 * is named with its file and line.
 */
import { canonicalAddress, canonicalDomain } from '../accounts/address.ts'
import { asOwnerOf } from '../accounts/as-owner.ts'
import { type Document, type Edit, tableAt } from '../accounts/edit.ts'
import { parseTime } from '../accounts/fields.ts'
import { type AccountRow, type Imported, mergeRows } from '../accounts/merge.ts'
import { isError } from '../config/problem.ts'
import { loadPasswords } from '../passwords/load.ts'
import { passwordFile } from '../passwords/paths.ts'
import { type Current, changeAccounts, type Plan } from './account-change.ts'
import { confirm } from './account-confirm.ts'
import type { WriteOptions } from './account-edit.ts'
import { type Format, formatOf } from './account-format.ts'
import { readCsvAccounts } from './account-from-csv.ts'
import { readJsonlAccounts } from './account-from-jsonl.ts'
import { readPasswdAccounts } from './account-from-passwd.ts'
import { readVirtualAliases, readVirtualMailboxes } from './account-from-postfix.ts'
import { createProgress } from './account-progress.ts'
import { exit } from './exit.ts'
import { readInput } from './input.ts'
import { complain, kickAll, type Terminal } from './terminal.ts'
import { plural } from './words.ts'

export type ImportOptions = WriteOptions & {
  readonly format?: Format
  readonly domain?: string
  readonly update: boolean
  readonly disableMissing: boolean
  readonly kick: boolean
  readonly yes: boolean
}

const maxBytes = 512 * 1024 ** 2
/** More than half of so many are not disabled unasked: most often the import is only a part of what there is. */
const manyToDisable = 10
const maxNotes = 10

export async function runImport(file: string, options: ImportOptions, io: Terminal): Promise<number> {
  const domain = options.domain === undefined ? undefined : canonicalDomain(options.domain)
  if (options.domain !== undefined && domain === undefined)
    return complain(io, exit.usage, '--domain: expected a domain such as example.org')
  const read = await readInput(file, maxBytes, io)
  if (!read.ok) return complain(io, read.why === 'unreadable' ? exit.usage : exit.no, read.message)
  const { name: source, text } = read
  if (text.trim() === '') return complain(io, exit.no, `${source}: nothing in it to import`)
  const format = options.format ?? formatOf(file, text)
  if (format === undefined)
    return complain(io, exit.usage, `${source}: can't tell its format; give --format (add --help for the formats)`)
  if (format === 'postfix-virtual' && options.disableMissing)
    return complain(io, exit.usage, '--disable-missing: virtual aliases say nothing about which accounts there are')
  const rows = await readRows(format, text, domain)
  if (rows.accounts.length + rows.aliases.length + rows.complaints.length === 0)
    return complain(io, exit.no, `${source}: nothing in it to import`)
  return merge(source, rows, options, io)
}

async function merge(source: string, rows: Imported, options: ImportOptions, io: Terminal): Promise<number> {
  const progress = await createProgress('Checking accounts', io.error)
  let ended: readonly string[] = []
  const plan = async (current: Current): Promise<Plan> => {
    const { document, file } = current
    // A look at all files is dear, and mostly not needed.
    const isElsewhere = ({ address }: AccountRow): boolean => !document.positions.has(canonicalAddress(address) ?? '')
    const needed = rows.aliases.length > 0 || (options.update && rows.accounts.some(isElsewhere))
    const survey = needed ? await current.survey() : undefined
    const others = survey?.listed.filter(({ place }) => place.file !== file) ?? []
    const elsewhere = new Map(others.map(listed => [listed.account.address, listed]))
    const { edits, problems, passedOver } = mergeRows(rows, {
      document,
      file,
      source,
      owner: name => survey?.index.byName(name)?.address,
      elsewhere: address => elsewhere.get(address),
      update: options.update,
      disableMissing: options.disableMissing,
      now: new Date(io.now()).toISOString(),
    })
    if (problems.length > 0) return { ok: true, edits, problems }
    ended = edits.filter(edit => isEnd(edit, document)).map(({ address }) => address)
    const disabled = edits.filter(({ place }) => place.file === file).length
    if (disabled >= manyToDisable && disabled > document.positions.size / 2 && !options.yes && !options.dryRun) {
      const sure = await confirm(io, `Disable ${disabled} of ${document.positions.size} accounts?`)
      const what = `${disabled} of ${document.positions.size} accounts would be disabled; add --yes if that is meant`
      if (sure !== true) return { ok: false, complaints: [what], code: sure === undefined ? exit.usage : exit.no }
    }
    const notes = [...passedOver].map(([file, count]) => `${count} as they stand in ${file}`)
    return { ok: true, edits, notes: [...notes, ...rows.notes, ...(await describeRevived(edits, current))] }
  }
  const { config, dryRun } = options
  const code = await changeAccounts({ configFile: config, dryRun, mayCreate: true, verbose: false, plan, progress }, io)
  if (code === exit.done && options.kick && !dryRun) await kickAll(new Set(ended), io)
  return code
}

/** Whether somebody who could log in can't any more. */
function isEnd({ address, table }: Edit, document: Document): boolean {
  const before = tableAt(document, address)
  return before !== undefined && before.enabled !== false && table?.enabled === false
}

/** New accounts as old as the import says (`created`): passwords from after that time are good again. */
async function describeRevived(edits: readonly Edit[], { document, config }: Current): Promise<string[]> {
  const added = edits.filter(({ address }) => !document.positions.has(address))
  if (added.length === 0) return []
  const file = passwordFile(config.stateDir)
  const { index, problems } = await asOwnerOf(file, () => loadPasswords(file))
  if (problems.some(isError))
    return [`${file} has problems; passwords in it that are older than this import may work again`]
  const notes = added.flatMap(({ address, table }) => {
    const created = parseTime(table?.created) ?? 0
    const count = index.of(address).filter(record => record.created >= created).length
    const [work, them] = count === 1 ? ['works', 'it'] : ['work', 'them']
    const cure = `revoke ${them} with "bearerd app-password revoke ${address} --all"`
    const what = `${plural(count, 'app password')} of ${address}, older than this import, ${work} again; ${cure}`
    return count === 0 ? [] : [what]
  })
  const more = notes.length - maxNotes
  return [...notes.slice(0, maxNotes), ...(more > 0 ? [`and so with ${plural(more, 'account')} more`] : [])]
}

async function readRows(format: Format, text: string, domain: string | undefined): Promise<Imported> {
  if (format === 'jsonl') return readJsonlAccounts(text)
  if (format === 'dovecot-passwd') return readPasswdAccounts(text, domain)
  if (format === 'postfix-virtual') return readVirtualAliases(text, domain)
  if (format === 'postfix-mailbox') return readVirtualMailboxes(text, domain)
  const { readCsv } = await import('./account-csv.ts')
  const read = await readCsv(text)
  if (read.ok) return readCsvAccounts(read.rows)
  return { accounts: [], aliases: [], complaints: [{ line: read.line, message: read.message }], notes: [] }
}
