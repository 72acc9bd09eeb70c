/**
 * `bearerd account list|show|export`: the accounts of all account files as they stand now. Exit code 78 if the files have a
 * problem, 1 if there is no such account or the file to export to is in the way.
 */
import { lstat } from 'node:fs/promises'
import type { Account } from '../accounts/account.ts'
import { canonicalDomain, domainOf } from '../accounts/address.ts'
import { asOwnerOf } from '../accounts/as-owner.ts'
import type { Binding } from '../accounts/binding.ts'
import { bindingFile, readBindings } from '../accounts/binding-file.ts'
import { rewriteFile } from '../accounts/durable.ts'
import { showValue } from '../accounts/edit.ts'
import { commandWaitMs, withLock } from '../accounts/lock.ts'
import { codeOf } from '../accounts/stamp.ts'
import { type Survey, survey } from '../accounts/survey.ts'
import { accountTable } from '../accounts/table.ts'
import type { Config } from '../config/config.ts'
import { formatPlace, isError } from '../config/problem.ts'
import { quote } from '../config/values.ts'
import { loadPasswords } from '../passwords/load.ts'
import { passwordFile } from '../passwords/paths.ts'
import { bindingsOf, formatBound } from './account-rebind.ts'
import { loadConfigOrReport } from './config.ts'
import { exit } from './exit.ts'
import { whyNotTarget } from './export-target.ts'
import { complain, reportProblems, type Terminal, tellWait } from './terminal.ts'
import { plural } from './words.ts'

type ListOptions = {
  readonly config: string
  readonly domain?: string
  readonly disabled: boolean
  readonly json: boolean
}

export async function runList(options: ListOptions, io: Terminal): Promise<number> {
  const read = await readAll(options.config, io)
  if (read === undefined) return exit.config
  const inDomain = domainFilter(options.domain)
  if (inDomain === undefined) return complain(io, exit.usage, badDomain)
  const listed = read.listed.filter(({ account }) => inDomain(account) && !(options.disabled && account.enabled))
  const lines = options.json
    ? listed.map(({ account }) => JSON.stringify(accountTable(account)))
    : inColumns(
        listed.map(({ account, place }) => [account.address, state(account), aliases(account), formatPlace(place)]),
      )
  writeLines(io, lines)
  return exit.done
}

export async function runShow(
  name: string,
  options: { readonly config: string; readonly json: boolean },
  io: Terminal,
): Promise<number> {
  const read = await readAll(options.config, io)
  if (read === undefined) return exit.config
  const address = read.index.byName(name)?.address
  const found = read.listed.find(({ account }) => account.address === address)
  if (found === undefined) return complain(io, exit.no, `no account has the address ${quote(name)}`)
  const { account, place } = found
  const table = accountTable(account)
  const passwords = await countPasswords(account.address, read.config)
  const bindings = await readBindingsOf(account, read.config)
  if (options.json) {
    const bound = bindings?.map(({ directory, subject, bound }) => ({ directory, subject, bound: new Date(bound) }))
    const shown = {
      ...table,
      ...place,
      'app-passwords': passwords,
      ...(bound?.length === 0 ? {} : { bindings: bound }),
    }
    io.output.write(`${JSON.stringify(shown)}\n`)
    return exit.done
  }
  const { address: _, userdb: __, enabled: ___, receive: ____, ...others } = table
  const rows = [
    ['state', state(account)],
    ...Object.entries(others).map(([key, value]) => [key, showValue(value)]),
    ...Object.entries(account.userdb).map(([key, value]) => [`userdb ${key}`, showValue(value)]),
    ...(bindings?.map(binding => ['bound to', formatBound(binding)]) ?? [['bound to', "can't be read"]]),
    ['app passwords', passwords === undefined ? "can't be read" : String(passwords)],
    ['stands at', formatPlace(place)],
  ]
  writeLines(io, [account.address, ...inColumns(rows).map(row => `  ${row}`)])
  return exit.done
}

type ExportOptions = {
  readonly config: string
  readonly domain?: string
  readonly format?: 'jsonl' | 'csv'
  readonly force: boolean
}

export async function runExport(file: string, options: ExportOptions, io: Terminal): Promise<number> {
  const read = await readAll(options.config, io)
  if (read === undefined) return exit.config
  const inDomain = domainFilter(options.domain)
  if (inDomain === undefined) return complain(io, exit.usage, badDomain)
  const tables = read.listed.map(({ account }) => account).filter(inDomain)
  const format = options.format ?? (/\.csv$/i.test(file) ? 'csv' : 'jsonl')
  const text = format === 'csv' ? await toCsv(tables) : toJsonl(tables)
  if (file === '-') {
    io.output.write(text)
    return exit.done
  }
  const why = await whyNotTarget(file, read.config)
  if (why !== undefined) return complain(io, exit.no, `${file} ${why}; nothing was written`)
  try {
    return await asOwnerOf(file, () =>
      withLock(
        file,
        async lock => {
          if (!options.force && (await exists(lock.target)))
            return complain(io, exit.no, `${file} exists; --force replaces it. Nothing was written`)
          await rewriteFile(file, [text], lock, { mode: 0o600 })
          io.error.write(`${plural(tables.length, 'account')} written to ${file}\n`)
          return exit.done
        },
        { waitMs: commandWaitMs, onWait: tellWait(io) },
      ),
    )
  } catch (error) {
    codeOf(error)
    return complain(io, exit.config, error instanceof Error ? error.message : '')
  }
}

function toJsonl(accounts: readonly Account[]): string {
  return accounts.map(account => `${JSON.stringify(accountTable(account))}\n`).join('')
}

async function toCsv(accounts: readonly Account[]): Promise<string> {
  const { writeCsv } = await import('./account-csv.ts')
  const { writeCsvAccounts } = await import('./account-from-csv.ts')
  return writeCsv(writeCsvAccounts(accounts.map(accountTable)))
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    error => codeOf(error) !== 'ENOENT',
  )
}

async function readAll(file: string, io: Terminal): Promise<(Survey & { readonly config: Config }) | undefined> {
  const config = (await loadConfigOrReport(file))?.config
  if (config === undefined) return undefined
  const directories = config.directories.map(({ name }) => name)
  const read = await survey({ config: config.accounts, directories })
  const errors = read.problems.filter(isError)
  reportProblems(io, errors)
  return errors.length > 0 ? undefined : { ...read, config }
}

const badDomain = '--domain: expected a domain such as example.org'

function domainFilter(given: string | undefined): ((account: Account) => boolean) | undefined {
  if (given === undefined) return () => true
  const domain = canonicalDomain(given)
  return domain === undefined ? undefined : ({ address }) => domainOf(address) === domain
}

function state({ enabled, receives }: Account): string {
  return enabled ? 'enabled' : receives ? 'disabled, receives mail' : 'disabled'
}

function aliases({ aliases }: Account): string {
  return plural(aliases.length, 'alias', 'es')
}

function inColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  return rows.map(row =>
    row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  '),
  )
}

function writeLines({ output }: Terminal, lines: readonly string[]): void {
  if (lines.length > 0) output.write(`${lines.join('\n')}\n`)
}

/** Undefined: the file can't be read. */
async function readBindingsOf(account: Account, { stateDir }: Config): Promise<readonly Binding[] | undefined> {
  const file = bindingFile(stateDir)
  const { table, problems } = await asOwnerOf(file, () => readBindings(file))
  return problems.some(isError) ? undefined : bindingsOf(table, account)
}

/** Undefined: the file can't be read, or has problems. */
async function countPasswords(address: string, { stateDir }: Config): Promise<number | undefined> {
  const passwords = passwordFile(stateDir)
  const { index, problems } = await asOwnerOf(passwords, () => loadPasswords(passwords))
  return problems.some(isError) ? undefined : index.of(address).length
}
