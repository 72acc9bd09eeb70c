/**
 * `bearerd app-password list [ADDRESS]`: which passwords there are, and when they were used. Never a hash.
 *
 * Exit code 1 if ADDRESS is nobody's and no password is left of it.
 */
import type { AccountIndex } from '../accounts/account.ts'
import { asOwnerOf } from '../accounts/as-owner.ts'
import { isError } from '../config/problem.ts'
import { quote } from '../config/values.ts'
import { type LastUses, readLastUses } from '../passwords/last-use.ts'
import { loadPasswords } from '../passwords/load.ts'
import { orphanReason } from '../passwords/orphans.ts'
import type { LastUse, PasswordRecord } from '../passwords/password.ts'
import { lastUsedFile, passwordFile } from '../passwords/paths.ts'
import { loadAccountsOrReport, loadConfigOrReport } from './config.ts'
import { exit } from './exit.ts'
import { accountNamed, complain, printable, reportProblems, schemeOf, type Terminal } from './terminal.ts'
import { formatTime } from './words.ts'

export type ListOptions = { readonly config: string; readonly json: boolean }

type Row = {
  readonly record: PasswordRecord
  readonly expired: boolean
  readonly orphan: string | undefined
  readonly lastUse: LastUse | undefined
}

export async function runList(address: string | undefined, options: ListOptions, terminal: Terminal): Promise<number> {
  const loaded = await loadConfigOrReport(options.config)
  if (loaded === undefined) return exit.config
  const { config } = loaded
  const accounts = await loadAccountsOrReport(config, terminal)
  if (accounts === undefined) return exit.config
  const file = passwordFile(config.stateDir)
  const { index, problems } = await asOwnerOf(file, () => loadPasswords(file))
  reportProblems(terminal, problems)
  if (problems.some(isError)) return exit.config
  const chosen = address === undefined ? [...index.all()] : index.of(accountNamed(address, accounts) ?? '')
  if (chosen.length === 0) return tellNone(address, accounts, terminal)
  const lastUses = await asOwnerOf(file, () => readLastUses(lastUsedFile(config.stateDir)))
  const rows = [...chosen].sort(compare).map(record => describe(record, accounts, lastUses, terminal.now()))
  terminal.output.write(options.json ? rows.map(toJson).join('') : toText(rows))
  return exit.done
}

function describe(record: PasswordRecord, accounts: AccountIndex, lastUses: LastUses, nowMs: number): Row {
  const lastUse = lastUses.of(record)
  return {
    record,
    expired: record.expires !== undefined && record.expires <= nowMs,
    orphan: orphanReason(record, accounts),
    // One from before is of a password that had the same id.
    lastUse: lastUse !== undefined && lastUse.at >= record.created ? lastUse : undefined,
  }
}

function tellNone(address: string | undefined, accounts: AccountIndex, terminal: Terminal): number {
  if (address !== undefined && accounts.byName(address) === undefined)
    return complain(terminal, exit.no, `no account has the address ${quote(address)}`)
  terminal.error.write(`no app passwords${address === undefined ? '' : ` of ${address}`}\n`)
  return exit.done
}

function compare(a: PasswordRecord, b: PasswordRecord): number {
  return a.account === b.account ? a.created - b.created : a.account < b.account ? -1 : 1
}

function toJson({ record, expired, orphan, lastUse }: Row): string {
  const { account, id, label, created, expires, services, networks } = record
  const time = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : new Date(ms).toISOString()
  return `${JSON.stringify({
    account,
    id,
    label,
    imported: schemeOf(record),
    created: time(created),
    expires: time(expires),
    expired,
    lastUsed: time(lastUse?.at),
    lastUsedFrom: lastUse?.from,
    services,
    networks,
    orphan,
  })}\n`
}

/** By account; of each password its id and label, and beneath what else there is to say. */
function toText(rows: readonly Row[]): string {
  const lines: string[] = []
  let account: string | undefined
  for (const row of rows) {
    if (row.record.account !== account) lines.push(row.record.account)
    account = row.record.account
    lines.push(`  ${row.record.id}  ${printable(row.record.label)}`, ...details(row).map(text => `       ${text}`))
  }
  return `${lines.join('\n')}\n`
}

function details({ record, expired, orphan, lastUse }: Row): string[] {
  const { created, expires, services, networks } = record
  const scheme = schemeOf(record)
  const from = lastUse?.from === undefined ? '' : ` from ${printable(lastUse.from)}`
  return [
    scheme === undefined ? [] : [`imported ${scheme}`],
    orphan === undefined ? [] : [`ORPHANED: ${orphan}`],
    expires === undefined || !expired ? [] : [`EXPIRED ${formatTime(expires)}`],
    [
      `created ${formatTime(created)}, ${lastUse === undefined ? 'never used' : `last used ${formatTime(lastUse.at)}${from}`}`,
    ],
    expires === undefined || expired ? [] : [`expires ${formatTime(expires)}`],
    services.length === 0 ? [] : [`only for ${services.join(', ')}`],
    networks.length === 0 ? [] : [`only from ${networks.join(', ')}`],
  ].flat()
}
