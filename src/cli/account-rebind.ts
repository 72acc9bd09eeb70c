/**
 * `bearerd account rebind ADDRESS`: forgets which user at the provider an account is bound to (`bind = "first-login"`), so
 * that her next login binds it anew; or binds it to one by hand, so that no login decides.
 *
 * Works for accounts of every file, since bindings are in the state directory. Exit code 1 if there is no such account, or
 * if there is nothing that a binding could decide: the account has a `subject`, or its directory binds nobody.
 */
import type { Account, AccountIndex } from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/address.ts'
import { asOwnerOf } from '../accounts/as-owner.ts'
import { type Binding, type BindingLine, isBindable } from '../accounts/binding.ts'
import { type BindingChange, changeBindings, unbindings } from '../accounts/binding-edit.ts'
import { bindingFile, readBindings } from '../accounts/binding-file.ts'
import type { BindingIndex } from '../accounts/binding-table.ts'
import { createRouting } from '../auth/routing.ts'
import type { Config } from '../config/config.ts'
import { isError } from '../config/problem.ts'
import { confirm } from './account-confirm.ts'
import { type KickOptions, kickAfter, notAnAddress } from './account-edit.ts'
import { loadAccountsOrReport, loadConfigOrReport } from './config.ts'
import { exit } from './exit.ts'
import { complain, printable, reportProblems, settle, type Terminal, tellWait } from './terminal.ts'
import { formatTime } from './words.ts'

export type RebindOptions = KickOptions & { readonly subject?: string; readonly yes: boolean }

/** What is to become of whose bindings. */
type Aim = {
  readonly account: Account
  readonly accounts: AccountIndex
  /** Undefined: unbind. */
  readonly wanted: Binding | undefined
  readonly nowMs: number
}

export async function runRebind(address: string, options: RebindOptions, io: Terminal): Promise<number> {
  const canonical = canonicalAddress(address)
  if (canonical === undefined) return complain(io, exit.usage, notAnAddress(address))
  if (options.subject !== undefined && !isBindable(options.subject))
    return complain(io, exit.usage, '--subject: expected a text without control characters, of 1024 characters at most')
  const loaded = await loadConfigOrReport(options.config)
  if (loaded === undefined) return exit.config
  const { config } = loaded
  const accounts = await loadAccountsOrReport(config, io)
  if (accounts === undefined) return exit.config
  const aim = aimAt(canonical, options.subject, accounts, config, io.now())
  if (typeof aim === 'string') return complain(io, exit.no, aim)
  return settle(io, async () =>
    kickAfter(await rebind(aim, bindingFile(config.stateDir), options, io), canonical, options, io),
  )
}

/** What to do, or why it can't be done. */
function aimAt(
  address: string,
  subject: string | undefined,
  accounts: AccountIndex,
  { directories }: Config,
  nowMs: number,
): Aim | string {
  const set = `"bearerd account set ${address} --subject SUB"`
  const account = accounts.byName(address)
  if (account === undefined) return `no account has the address ${address}`
  if (account.address !== address) return `${address} is an alias of ${account.address}; give that address`
  if (account.subject !== undefined)
    return `${address} has a subject in the account file, and is not bound otherwise; ${set} changes it`
  if (subject === undefined) return { account, accounts, wanted: undefined, nowMs }
  const { ofAccount } = createRouting(directories)
  const directory = directories.find(({ name }) => name === ofAccount(account))
  if (directory?.bind !== 'first-login')
    return `the directory of ${address} has no bind = "first-login", and looks at no bindings; ${set} does it`
  const owner = accounts.bySubject(subject).find(other => ofAccount(other) === directory.name)
  if (owner !== undefined) return `${owner.address} has this subject in the account file`
  const bound = Math.max(nowMs, account.created ?? 0)
  return { account, accounts, wanted: { account: address, directory: directory.name, subject, bound }, nowMs }
}

async function rebind(aim: Aim, file: string, options: RebindOptions, io: Terminal): Promise<number> {
  const { table, problems } = await asOwnerOf(file, () => readBindings(file))
  reportProblems(io, problems)
  if (problems.some(isError)) return exit.config
  const before = describe(table, aim)
  if (!options.yes && !options.dryRun) {
    const sure = await confirm(io, `${before}. ${aim.wanted === undefined ? 'Unbind it' : 'Bind it otherwise'}?`)
    if (sure !== true)
      return sure === undefined ? complain(io, exit.usage, 'no terminal to ask at; add --yes') : exit.no
  }
  const plan = (bindings: BindingIndex): BindingChange<string | undefined> => decide(bindings, aim)
  const why = options.dryRun ? plan(table).result : await changeBindings(file, plan, tellWait(io))
  if (why !== undefined) return complain(io, exit.no, why)
  const after =
    aim.wanted === undefined
      ? 'unbound now: with bind = "first-login" the next login binds it'
      : `bound to ${printable(aim.wanted.subject)} now`
  io.output.write(`${before}; ${after}\n${options.dryRun ? 'dry run: nothing was written\n' : ''}`)
  return exit.done
}

/** What to write, or why nothing. */
function decide(bindings: BindingIndex, { account, accounts, wanted, nowMs }: Aim): BindingChange<string | undefined> {
  if (wanted === undefined) return { lines: unbindings(bindings, account.address, nowMs), result: undefined }
  const { directory, subject } = wanted
  const owner = bindings
    .addressesOf(subject, directory)
    .map(address => accounts.byName(address))
    .find(other => other !== undefined && other.address !== account.address && counts(bindings, other, wanted))
  if (owner !== undefined) return { lines: [], result: `${owner.address} is bound to this subject; rebind it first` }
  const lines: BindingLine[] = bindings.subjectOf(account, directory) === subject ? [] : [wanted]
  return { lines, result: undefined }
}

function counts(bindings: BindingIndex, account: Account, { directory, subject }: Binding): boolean {
  return account.subject === undefined && bindings.subjectOf(account, directory) === subject
}

function describe(bindings: BindingIndex, { account }: Pick<Aim, 'account'>): string {
  const bound = bindingsOf(bindings, account).map(formatBound).join(', ')
  return `${account.address} is ${bound === '' ? 'not bound' : `bound to ${bound}`}`
}

export function formatBound({ directory, subject, bound }: Binding): string {
  return `${printable(subject)} of ${directory}, since ${formatTime(bound)}`
}

/** Those of an account that count, by directory. */
export function bindingsOf(bindings: BindingIndex, account: Account): readonly Binding[] {
  if (account.subject !== undefined) return []
  return bindings.of(account.address).filter(({ directory }) => bindings.subjectOf(account, directory) !== undefined)
}
