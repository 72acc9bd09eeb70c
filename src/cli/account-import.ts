/**
 * `bearerd account import`: accounts from a file or standard input into the managed file, all or none of them. Every problem
 * is named with its file and line.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { canonicalDomain } from '../accounts/address.ts'
import { type Imported, mergeRows } from '../accounts/merge.ts'
import { codeOf } from '../accounts/stamp.ts'
import { formatProblem } from '../config/problem.ts'
import { type Current, changeAccounts, type Plan } from './account-change.ts'
import { confirm } from './account-confirm.ts'
import type { WriteOptions } from './account-edit.ts'
import { type Format, formatOf } from './account-format.ts'
import { readCsvAccounts } from './account-from-csv.ts'
import { readJsonlAccounts } from './account-from-jsonl.ts'
import { readPasswdAccounts } from './account-from-passwd.ts'
import { readVirtualAliases, readVirtualMailboxes } from './account-from-postfix.ts'
import { createProgress } from './account-progress.ts'
import { complain, type Terminal } from './app-password.ts'
import { exit } from './exit.ts'

export type ImportOptions = WriteOptions & {
  readonly format?: Format
  readonly domain?: string
  readonly update: boolean
  readonly disableMissing: boolean
  readonly yes: boolean
}

const maxBytes = 512 * 1024 ** 2
/** More than half of so many are not disabled unasked: most often the import is only a part of what there is. */
const manyToDisable = 10

export async function runImport(file: string, options: ImportOptions, io: Terminal): Promise<number> {
  const source = file === '-' ? 'standard input' : file
  const domain = options.domain === undefined ? undefined : canonicalDomain(options.domain)
  if (options.domain !== undefined && domain === undefined)
    return complain(io, exit.usage, '--domain: expected a domain such as example.org')
  const read = await readSource(file, io)
  if (!read.ok) return complain(io, exit.usage, `${source}: ${read.message}`)
  const broken = lineOfBrokenUtf8(read.bytes)
  if (broken !== undefined)
    return complain(
      io,
      exit.no,
      `${source}:${broken}: not UTF-8; "iconv -f latin1 -t utf8" may help. Nothing was changed`,
    )
  const text = read.bytes.toString()
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
  const progress = await createProgress('Checking accounts')
  const plan = async (current: Current): Promise<Plan> => {
    const { document, file } = current
    // Only aliases need to know whose an address is.
    const survey = rows.aliases.length > 0 ? await current.survey() : undefined
    const { edits, problems } = mergeRows(rows, {
      document,
      file,
      source,
      owner: name => survey?.index.byName(name)?.address,
      placeOf: address => survey?.listed.find(({ account }) => account.address === address)?.place,
      update: options.update,
      disableMissing: options.disableMissing,
      now: new Date(io.now()).toISOString(),
    })
    if (problems.length > 0) return { ok: false, complaints: problems.map(formatProblem) }
    const disabled = edits.filter(({ place }) => place.file === file).length
    if (disabled >= manyToDisable && disabled > document.positions.size / 2 && !options.yes && !options.dryRun) {
      const sure = await confirm(io, `Disable ${disabled} of ${document.positions.size} accounts?`)
      const what = `${disabled} of ${document.positions.size} accounts would be disabled; add --yes if that is meant`
      if (sure !== true) return { ok: false, complaints: [what] }
    }
    return { ok: true, edits, notes: rows.notes }
  }
  try {
    const { config, dryRun } = options
    const change = { configFile: config, dryRun, mayCreate: true, verbose: false, plan, progress: progress.update }
    return await changeAccounts(change, io)
  } finally {
    progress.stop()
  }
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

type Source = { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly message: string }

async function readSource(file: string, { input, error }: Terminal): Promise<Source> {
  if (file !== '-') {
    try {
      const bytes = await readFile(file)
      return bytes.length > maxBytes ? tooLarge : { ok: true, bytes }
    } catch (problem) {
      return { ok: false, message: `can't be read (${codeOf(problem)})` }
    }
  }
  if (input.isTTY) error.write('Reading accounts from the terminal; Ctrl-D ends them.\n')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > maxBytes) return tooLarge
    chunks.push(bytes)
  }
  return { ok: true, bytes: Buffer.concat(chunks) }
}

const tooLarge = { ok: false, message: 'over 512 MiB; import it in parts' } as const

function lineOfBrokenUtf8(bytes: Buffer): number | undefined {
  if (isUtf8(bytes)) return undefined
  for (let line = 1, start = 0; ; line++) {
    const end = bytes.indexOf(10, start)
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line
    start = end + 1
  }
}
