/**
 * `bearerd app-password create ADDRESS`: makes an app password. The password alone goes to standard output, to be piped or
 * copied, and only when its record is on disk; what else there is to know goes to standard error.
 *
 * Exit code 1 if there is no such account.
 */
import type { Account } from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/address.ts'
import type { Config } from '../config/config.ts'
import { quote } from '../config/values.ts'
import { type Change, changePasswords } from '../passwords/edit.ts'
import { generateAppPassword } from '../passwords/generate.ts'
import type { PasswordIndex, PasswordRecord } from '../passwords/password.ts'
import { passwordFile } from '../passwords/paths.ts'
import { readWish, type Wish, type WishOptions } from './app-password-options.ts'
import { loadAccountsOrReport, loadConfigOrReport } from './config.ts'
import { warningOfNew } from './daemon-user.ts'
import { exit } from './exit.ts'
import { complain, printable, reportProblems, type Terminal, tellWait } from './terminal.ts'
import { formatTime } from './words.ts'

export type CreateOptions = WishOptions & { readonly config: string; readonly json: boolean }

/** `shown` is the password itself. */
type Created = { readonly kind: 'created'; readonly shown: string; readonly record: PasswordRecord }
type Refused = { readonly kind: 'refused'; readonly code: number }

export async function runCreate(address: string, options: CreateOptions, terminal: Terminal): Promise<number> {
  const wish = readWish(options, terminal.now(), message => complain(terminal, exit.usage, message))
  if (wish === undefined) return exit.usage
  const loaded = await loadConfigOrReport(options.config)
  if (loaded === undefined) return exit.config
  const { config } = loaded
  const file = passwordFile(config.stateDir)
  const changed = await warningOfNew(file, config.stateDir, terminal, () =>
    changePasswords(file, passwords => decide(address, wish, passwords, config, terminal), tellWait(terminal)),
  )
  if (changed.kind === 'broken') return reportProblems(terminal, changed.problems)
  if (changed.result.kind === 'refused') return changed.result.code
  print(changed.result, options.json, terminal)
  return exit.done
}

/** Under the lock, so that an account that is removed meanwhile takes the new password with it. */
async function decide(
  address: string,
  wish: Wish,
  passwords: PasswordIndex,
  config: Config,
  terminal: Terminal,
): Promise<Change<Created | Refused>> {
  const accounts = await loadAccountsOrReport(config, terminal)
  if (accounts === undefined) return { result: { kind: 'refused', code: exit.config } }
  const account = accounts.byName(address)
  if (account === undefined)
    return {
      result: { kind: 'refused', code: complain(terminal, exit.no, `no account has the address ${quote(address)}`) },
    }
  if (account.address !== canonicalAddress(address))
    terminal.error.write(
      `note: ${printable(address)} is an alias; the password is for the account ${account.address}\n`,
    )
  warn(account, config, terminal)
  const created = make(account, wish, passwords, terminal.now())
  return { added: [created.record], result: created }
}

function warn(account: Account, { appPasswords }: Config, { error }: Terminal): void {
  if (!account.enabled) error.write(`warning: ${account.address} is disabled: it works once the account is enabled\n`)
  if (!appPasswords.enabled)
    error.write('warning: it works once bearerd.toml has no "enabled = false" in [app-passwords]\n')
}

function make(account: Account, wish: Wish, passwords: PasswordIndex, nowMs: number): Created {
  const { id, hash, shown } = generateAppPassword(passwords.of(account.address).map(record => record.id))
  // Never older than its account, wherever the clock was when that was made.
  const created = Math.max(nowMs, account.created ?? 0)
  return { kind: 'created', shown, record: { id, account: account.address, ...wish, hash, created } }
}

function print({ shown, record }: Created, json: boolean, { output, error }: Terminal): void {
  const { id, account, label, created, expires, services, networks } = record
  if (json) {
    const times = { created: new Date(created), expires: expires === undefined ? null : new Date(expires) }
    output.write(`${JSON.stringify({ password: shown, account, id, label, ...times, services, networks })}\n`)
    return
  }
  const all = (names: readonly string[]): string => (names.length === 0 ? 'all' : names.join(', '))
  const lines = [
    ['account', account],
    ['id', id],
    ['label', label],
    ['expires', expires === undefined ? 'never' : formatTime(expires)],
    ['services', all(services)],
    ['networks', all(networks)],
  ]
  for (const [name = '', value] of lines) error.write(`${name.padEnd(8)}  ${value}\n`)
  error.write('The password is shown this once. Dashes, spaces and capitals make no difference.\n')
  output.write(`${shown}\n`)
}
