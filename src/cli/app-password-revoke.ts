/**
 * `bearerd app-password revoke ADDRESS ID...`: ends passwords, all or none of those that are named.
 *
 * Works by the account's own address even while the account files have errors: a lost phone doesn't wait. Exit code 1 if
 * there is no such password.
 */
import type { Config } from '../config/config.ts'
import { quote } from '../config/values.ts'
import { type Change, changePasswords } from '../passwords/edit.ts'
import { orphanReason } from '../passwords/orphans.ts'
import type { PasswordIndex, PasswordRecord } from '../passwords/password.ts'
import { passwordFile } from '../passwords/paths.ts'
import { loadAccountsOrReport, loadConfigOrReport } from './config.ts'
import { exit } from './exit.ts'
import { accountNamed, complain, kickAll, printable, reportProblems, type Terminal, tellWait } from './terminal.ts'

export type RevokeOptions = {
  readonly config: string
  readonly all: boolean
  readonly orphaned: boolean
  readonly kick: boolean
}

/** Which passwords are meant. */
type Aim =
  | { readonly kind: 'named'; readonly address: string; readonly ids: readonly string[] }
  | { readonly kind: 'all'; readonly address: string }
  | { readonly kind: 'orphaned' }

/** The passwords that were revoked; or why there are none. */
type Revoked = { readonly gone: readonly PasswordRecord[]; readonly code: number }

export async function runRevoke(
  address: string | undefined,
  ids: readonly string[],
  options: RevokeOptions,
  terminal: Terminal,
): Promise<number> {
  const aim = readAim(address, ids, options)
  if (typeof aim === 'string') return complain(terminal, exit.usage, aim)
  const loaded = await loadConfigOrReport(options.config)
  if (loaded === undefined) return exit.config
  const { config } = loaded
  const changed = await changePasswords(
    passwordFile(config.stateDir),
    passwords => decide(aim, passwords, config, terminal),
    tellWait(terminal),
  )
  if (changed.kind === 'broken') return reportProblems(terminal, changed.problems)
  const { gone, code } = changed.result
  if (gone.length === 0 && code === exit.done) terminal.error.write('no password is orphaned\n')
  for (const { account, id, label } of gone) terminal.output.write(`revoked ${account} ${id}  ${printable(label)}\n`)
  if (options.kick) await kickAll(new Set(gone.map(({ account }) => account)), terminal)
  return code
}

function readAim(address: string | undefined, ids: readonly string[], options: RevokeOptions): Aim | string {
  if (options.orphaned)
    return address === undefined && !options.all
      ? { kind: 'orphaned' }
      : '--orphaned goes with no address and not with --all'
  if (address === undefined) return 'expected an address and the ids of its passwords, or --orphaned'
  if (options.all) return ids.length === 0 ? { kind: 'all', address } : 'either ids or --all, not both'
  // They are the first letters of a password, and typed like one.
  const given = new Set(ids.map(id => id.toLowerCase()))
  return given.size > 0
    ? { kind: 'named', address, ids: [...given] }
    : 'which? Give ids, as "list" shows them, or --all'
}

async function decide(
  aim: Aim,
  passwords: PasswordIndex,
  config: Config,
  terminal: Terminal,
): Promise<Change<Revoked>> {
  const accounts = await loadAccountsOrReport(config, terminal)
  const none = (code: number, message: string): Change<Revoked> => ({
    result: { gone: [], code: complain(terminal, code, message) },
  })
  if (aim.kind === 'orphaned') {
    if (accounts === undefined || accounts.size === 0)
      return none(exit.config, 'nothing is revoked: without accounts, all passwords would be orphaned')
    return revoke([...passwords.all()].filter(record => orphanReason(record, accounts) !== undefined))
  }
  const account = accountNamed(aim.address, accounts) ?? ''
  const own = passwords.of(account)
  if (own.length === 0) return none(exit.no, `there is no app password of ${quote(aim.address)}`)
  if (aim.kind === 'all') return revoke(own)
  const unknown = aim.ids.filter(id => !own.some(record => record.id === id))
  if (unknown.length === 0) return revoke(own.filter(({ id }) => aim.ids.includes(id)))
  const known = own.map(({ id }) => id).join(', ')
  return none(exit.no, `${account} has no password ${unknown.map(quote).join(', ')}, but ${known}; nothing is revoked`)
}

function revoke(gone: readonly PasswordRecord[]): Change<Revoked> {
  return { gone, result: { gone, code: exit.done } }
}
