/**
 * `bearerd account add|set|enable|disable|remove`: one account of the managed file.
 *
 * Exit code 1 where the answer is no: there is no such account, it stands in a file that is edited by hand, or the result
 * would not be sound. The app passwords of an account that is removed go first, so that none is left for the next owner. It
 * is unbound last, so that no login binds it meanwhile.
 */
import { canonicalAddress, splitExtension } from '../accounts/address.ts'
import { unbindAddress } from '../accounts/binding-edit.ts'
import { bindingFile } from '../accounts/binding-file.ts'
import { type Patch, patchTable, tableAt } from '../accounts/edit.ts'
import type { Table } from '../accounts/fields.ts'
import { newTable } from '../accounts/merge.ts'
import { placeOfAccount } from '../accounts/survey.ts'
import type { Config } from '../config/config.ts'
import { quote } from '../config/values.ts'
import { removePasswordsOf } from '../passwords/edit.ts'
import { passwordFile } from '../passwords/paths.ts'
import { type Current, changeAccounts, type Plan } from './account-change.ts'
import { confirm } from './account-confirm.ts'
import { type AccountOptions, isEmptyPatch, readPatch } from './account-options.ts'
import { exit } from './exit.ts'
import { complain, kickAll, reportProblems, type Terminal, tellWait } from './terminal.ts'
import { plural } from './words.ts'

export type WriteOptions = { readonly config: string; readonly dryRun: boolean }

export async function runAdd(address: string, options: WriteOptions & AccountOptions, io: Terminal) {
  const { patch, complaints } = readPatch(options)
  const canonical = canonicalAddress(address)
  if (canonical === undefined) return complain(io, exit.usage, notAnAddress(address))
  if (complaints.length > 0) return complain(io, exit.usage, complaints.join('\nbearerd: '))
  if (options.receive && !options.disabled) return complain(io, exit.usage, receiveAlone)
  const plan = async ({ config, document, file, survey }: Current): Promise<Plan> => {
    const position = document.positions.get(canonical)
    if (position !== undefined)
      return no(`${canonical} is an account already, at ${file}:${position + 1}; "account set" changes it`)
    const base = splitExtension(canonical, config.accounts.recipientDelimiter)?.base
    const owner = base === undefined ? undefined : (await survey()).index.byName(base)?.address
    if (owner !== undefined) io.error.write(`warning: mail to ${canonical} has gone to ${owner}, as an extension\n`)
    const table = newTable(address, patch, new Date(io.now()).toISOString())
    return { ok: true, edits: [{ address: canonical, table, place: { file: 'account add', line: undefined } }] }
  }
  return changeAccounts({ ...base(options), mayCreate: true, plan }, io)
}

export async function runSet(address: string, options: KickOptions & AccountOptions, io: Terminal) {
  const { patch, complaints } = readPatch(options)
  if (options.kick && !options.disabled) complaints.push('--kick goes with --disabled')
  if (complaints.length > 0) return complain(io, exit.usage, complaints.join('\nbearerd: '))
  if (isEmptyPatch(patch)) return complain(io, exit.usage, 'nothing to set; add --help for the options')
  const mayPatch = ({ enabled }: Table): Plan | undefined =>
    options.receive && !options.disabled && enabled !== false
      ? { ok: false, complaints: [`bearerd: ${receiveAlone}`], code: exit.usage }
      : undefined
  return kickAfter(await patchAccount(address, patch, options, io, mayPatch), address, options, io)
}

export function runEnable(address: string, options: WriteOptions, io: Terminal): Promise<number> {
  return patchAccount(address, { unset: ['enabled', 'receive'] }, options, io)
}

export type KickOptions = WriteOptions & { readonly kick: boolean }

export async function runDisable(
  address: string,
  options: KickOptions & { readonly receive: boolean },
  io: Terminal,
): Promise<number> {
  const { patch } = readPatch({ disabled: true, receive: options.receive })
  return kickAfter(await patchAccount(address, patch, options, io), address, options, io)
}

export async function runRemove(
  address: string,
  options: KickOptions & { readonly yes: boolean },
  io: Terminal,
): Promise<number> {
  const canonical = canonicalAddress(address)
  if (canonical === undefined) return complain(io, exit.usage, notAnAddress(address))
  const sure = options.yes || options.dryRun || (await confirm(io, `Remove ${canonical} and its app passwords?`))
  if (sure !== true) return sure === undefined ? complain(io, exit.usage, 'no terminal to ask at; add --yes') : exit.no
  const plan = (current: Current): Promise<Plan> =>
    edit(canonical, current, () => ({ ok: true, edits: [{ address: canonical, table: undefined, place }] }))
  const place = { file: 'account remove', line: undefined }
  const around = async (config: Config, write: () => Promise<unknown>): Promise<boolean> => {
    if (!(await removePasswords(canonical, config, io))) return false
    await write()
    await unbind(canonical, config, io)
    return true
  }
  const code = await changeAccounts({ ...base(options), plan, around }, io)
  return kickAfter(code, address, options, io)
}

async function removePasswords(address: string, { stateDir }: Config, io: Terminal): Promise<boolean> {
  const changed = await removePasswordsOf(passwordFile(stateDir), new Set([address]), tellWait(io))
  if (changed.kind === 'broken') {
    reportProblems(io, changed.problems)
    return false
  }
  const count = changed.result.length
  if (count > 0) io.output.write(`${plural(count, 'app password')} of ${address} removed\n`)
  return true
}

/** What is left does little harm: it counts for no account that is made later, by a command or by itself. */
async function unbind(address: string, { stateDir }: Config, io: Terminal): Promise<void> {
  try {
    const count = await unbindAddress(bindingFile(stateDir), address, io.now(), tellWait(io))
    if (count > 0) io.output.write(`${address} unbound from its user at the provider\n`)
  } catch (error) {
    const why = error instanceof Error ? error.message : ''
    io.error.write(`warning: ${address} stays bound to its user at the provider: ${why}\n`)
  }
}

/** `refuse`: what is wrong with the patch for the account as it stands. */
function patchAccount(
  address: string,
  patch: Patch,
  options: WriteOptions,
  io: Terminal,
  refuse?: (table: Table) => Plan | undefined,
): Promise<number> {
  const canonical = canonicalAddress(address)
  if (canonical === undefined) return Promise.resolve(complain(io, exit.usage, notAnAddress(address)))
  const place = { file: 'the command line', line: undefined }
  const plan = (current: Current): Promise<Plan> =>
    edit(canonical, current, () => {
      const before = tableAt(current.document, canonical) ?? {}
      const edits = [{ address: canonical, table: patchTable(before, patch), place }]
      return refuse?.(before) ?? { ok: true, edits }
    })
  return changeAccounts({ ...base(options), plan }, io)
}

export function base({ config, dryRun }: WriteOptions) {
  return { configFile: config, dryRun, mayCreate: false, verbose: true }
}

/** The plan, if the account stands in the managed file; else why it can't be edited. */
export async function edit(
  address: string,
  { document, survey }: Current,
  plan: () => Plan | Promise<Plan>,
): Promise<Plan> {
  if (document.positions.has(address)) return plan()
  const known = await survey()
  const owner = known.index.byName(address)?.address
  if (owner === undefined) return no(`no account has the address ${address}`)
  if (owner !== address) return no(`${address} is an alias of ${owner}; give that address`)
  return no(`${address} stands at ${placeOfAccount(known, address)}; edit it there`)
}

export async function kickAfter(code: number, address: string, options: KickOptions, io: Terminal): Promise<number> {
  if (code === exit.done && options.kick && !options.dryRun)
    await kickAll(new Set([canonicalAddress(address) ?? address]), io)
  return code
}

export function no(complaint: string): Plan {
  return { ok: false, complaints: [complaint] }
}

const receiveAlone = '--receive goes with --disabled: an enabled account receives mail anyway'

export function notAnAddress(text: string): string {
  return `${quote(text)} is not an address such as alice@example.org`
}
