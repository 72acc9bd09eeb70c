/**
 * `bearerd account rename OLD NEW`: another address for an account that stays the same otherwise. The old one becomes an
 * alias. Mail isn't moved: a place that follows from the address is written into the account as it was.
 *
 * App passwords and bindings are kept by address. They stand under both before the account has the new one, and those
 * under the old one go last, once a running bearerd has read of the change: no login fails meanwhile, nobody else is bound,
 * and a crash leaves useless ones at worst (of passwords `check` names them). Exit code 1 if the new address is taken.
 */
import type { Account, AccountIndex } from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/address.ts'
import { asOwnerOf } from '../accounts/as-owner.ts'
import { carryBindings, unbindAddress } from '../accounts/binding-edit.ts'
import { bindingFile, readBindings } from '../accounts/binding-file.ts'
import { patchTable, showValue, tableAt } from '../accounts/edit.ts'
import { placeOfAccount } from '../accounts/survey.ts'
import { createRouting } from '../auth/routing.ts'
import type { Config } from '../config/config.ts'
import { type Changed, copyPasswords, removeRecords } from '../passwords/edit.ts'
import type { PasswordRecord } from '../passwords/password.ts'
import { passwordFile } from '../passwords/paths.ts'
import { type Current, changeAccounts, type Plan } from './account-change.ts'
import { base, edit, type KickOptions, kickAfter, no, notAnAddress } from './account-edit.ts'
import { exit } from './exit.ts'
import { complain, reportProblems, settleMs, type Terminal, tellWait } from './terminal.ts'
import { plural } from './words.ts'

/** `alias`: as commander has it, true but for --no-alias. */
export type RenameOptions = KickOptions & { readonly alias: boolean }

type Rename = { readonly from: string; readonly to: string; readonly spelled: string; readonly alias: boolean }

/** A running bearerd has read the copies by then. Not longer: it can't create accounts meanwhile, for which it waits 1.8 s. */
const copiedMs = 1_000
const orphansCure = '"bearerd app-password revoke --orphaned" removes them'

/** Fields that say where mail is, in Dovecot 2.3 and 2.4. */
const places = ['home', 'mail', 'mail_location', 'mail_path']

export async function runRename(old: string, next: string, options: RenameOptions, io: Terminal): Promise<number> {
  const [from, to] = [canonicalAddress(old), canonicalAddress(next)]
  if (from === undefined || to === undefined)
    return complain(io, exit.usage, notAnAddress(from === undefined ? old : next))
  if (from === to) return complain(io, exit.usage, `${from} is the same address`)
  let left: { readonly stateDir: string; readonly records: readonly PasswordRecord[] } | undefined
  const rename = { from, to, spelled: next, alias: options.alias }
  const plan = (current: Current): Promise<Plan> => edit(from, current, () => planRename(rename, current))
  const around = async ({ stateDir }: Config, write: () => Promise<unknown>): Promise<boolean> => {
    try {
      const changed = await carry({ from, to, stateDir, write }, io)
      if (changed.kind === 'done') left = { stateDir, records: changed.result }
      else reportProblems(io, changed.problems)
      return changed.kind === 'done'
    } catch (error) {
      // Not taken back: if it is only not known whether the rename will last, they are needed.
      io.error.write(`app passwords may stand under ${to} too; without another try, ${orphansCure}\n`)
      throw error
    }
  }
  const code = await changeAccounts({ ...base(options), plan, around }, io)
  if (left !== undefined) await clear(from, left.stateDir, left.records, io)
  return kickAfter(code, from, options, io)
}

type CarryOptions = Pick<Rename, 'from' | 'to'> & {
  readonly stateDir: string
  /** Writes the account. */
  readonly write: () => Promise<unknown>
}

/** Passwords and bindings stand under both names, and a running bearerd has read so; then the account gets the new one. */
async function carry(
  { from, to, stateDir, write }: CarryOptions,
  io: Terminal,
): Promise<Changed<readonly PasswordRecord[]>> {
  const bindings = bindingFile(stateDir)
  const bindAlike = (commit?: () => Promise<unknown>): Promise<boolean> =>
    carryBindings(bindings, { from, to, nowMs: io.now(), ...(commit && { commit }) }, tellWait(io))
  let known = await bindAlike()
  const copied = async (): Promise<void> => {
    await io.pause(copiedMs)
    known = true
  }
  const commit = async (): Promise<void> => {
    if (!known) await copied()
    // She may have logged in for the first time meanwhile.
    while (!(await bindAlike(write))) await copied()
  }
  return copyPasswords(passwordFile(stateDir), { from, to, copied, commit }, tellWait(io))
}

async function planRename({ from, to, spelled, alias }: Rename, current: Current): Promise<Plan> {
  const survey = await current.survey()
  const { index } = survey
  const account = index.byName(from)
  if (account?.address !== from) return no(`${from} stands there more than once`)
  const taker = index.byName(to)
  if (taker !== undefined && taker !== account) {
    const what = taker.address === to ? 'an account' : `an alias of ${taker.address}`
    return no(`${to} is ${what} already, at ${placeOfAccount(survey, taker.address)}`)
  }
  const kept = keptFields(account, to, index)
  const lost = Object.keys(kept).find(
    name => index.userdb({ ...account, address: to, userdb: { ...account.userdb, ...kept } })[name] !== kept[name],
  )
  if (lost !== undefined) return no(`userdb.${lost} of ${from} can't be kept: its value looks like a template`)
  const aliases = { removeAliases: [to], addAliases: alias ? [from] : [] }
  const table = patchTable(tableAt(current.document, from) ?? {}, {
    set: { address: spelled },
    userdb: kept,
    ...aliases,
  })
  const edits = [{ address: from, table, place: { file: 'account rename', line: undefined } }]
  return { ok: true, edits, notes: [...describePlaces(account, kept, index), ...describeRoute(account, to, current)] }
}

/** userdb fields that would be others under the new address, as they are. */
function keptFields(account: Account, to: string, index: AccountIndex): Record<string, string> {
  const after = index.userdb({ ...account, address: to })
  return Object.fromEntries(Object.entries(index.userdb(account)).filter(([name, value]) => after[name] !== value))
}

function describePlaces(account: Account, kept: Readonly<Record<string, string>>, index: AccountIndex): string[] {
  if (Object.keys(kept).length > 0) return [`her mail stays where it is: ${showValue(kept)}, now in her account`]
  if (places.some(name => index.userdb(account)[name] !== undefined)) return []
  return ['bearerd tells Dovecot no home: if a setting of Dovecot has %u, %n or %d in it, her mail has to be moved']
}

/** Another domain may be another directory's. */
function describeRoute(account: Account, to: string, { config }: Current): string[] {
  const { ofAccount } = createRouting(config.directories)
  const [before, after] = [ofAccount(account), ofAccount({ ...account, address: to })]
  if (before === after) return []
  const cure =
    before === undefined ? '' : `; for "${before}" as before: bearerd account set ${to} --directory ${before}`
  return [`${after === undefined ? 'no directory vouches' : `"${after}" vouches`} for her tokens now${cure}`]
}

/** What can't be removed does no harm. */
async function clear(from: string, stateDir: string, records: readonly PasswordRecord[], io: Terminal): Promise<void> {
  const passwords = passwordFile(stateDir)
  const bindings = bindingFile(stateDir)
  const bound = await isBound(bindings, from)
  if (records.length > 0) io.output.write(`${plural(records.length, 'app password')} kept\n`)
  if (bound) io.output.write('bound to the same user at the provider as before\n')
  if (records.length > 0 || bound) await io.pause(settleMs)
  const why = records.length > 0 ? await failure(removeAll(passwords, records, io)) : undefined
  if (why !== undefined)
    io.error.write(
      `warning: her passwords stand there under the old address too, and are of no use: ${why}; ${orphansCure}\n`,
    )
  const whyBound = bound ? await failure(unbindAddress(bindings, from, io.now(), tellWait(io))) : undefined
  if (whyBound !== undefined)
    io.error.write(
      `warning: the old address stays bound too, and its next account may need "account rebind": ${whyBound}\n`,
    )
}

async function isBound(file: string, address: string): Promise<boolean> {
  const { table } = await asOwnerOf(file, () => readBindings(file))
  return table.of(address).length > 0
}

async function removeAll(file: string, records: readonly PasswordRecord[], io: Terminal): Promise<void> {
  const { kind } = await removeRecords(file, records, tellWait(io))
  if (kind !== 'done') throw new Error(`${file} has problems`)
}

function failure(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : ''),
  )
}
