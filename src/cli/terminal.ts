/**
 * Terminal: what commands talk to, and how they say what is and what went wrong.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { AccountIndex } from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/address.ts'
import type { Holder } from '../accounts/lock.ts'
import { formatProblem, type Problem } from '../config/problem.ts'
import { quote } from '../config/values.ts'
import { escaped } from '../escape.ts'
import { isImportedHash } from '../passwords/hash.ts'
import type { PasswordRecord } from '../passwords/password.ts'
import { exit } from './exit.ts'
import { kick } from './kick.ts'
import { formatTime } from './words.ts'

/** What a command has of the world beside files. */
export type Terminal = {
  readonly input: AsyncIterable<Buffer | string> & { readonly isTTY?: boolean | undefined }
  readonly output: { write(text: string): unknown }
  readonly error: { write(text: string): unknown }
  /** Milliseconds since 1970. */
  now(): number
  pause(ms: number): Promise<unknown>
  /** Resolves with a warning, if there is one. */
  kick(address: string): Promise<string | undefined>
}

export const ourTerminal: Terminal = {
  input: process.stdin,
  output: process.stdout,
  error: process.stderr,
  now: Date.now,
  pause,
  kick,
}

/** Says why a command ends, and with which exit code. */
export function complain({ error }: Terminal, code: number, message: string): number {
  error.write(`bearerd: ${message}\n`)
  return code
}

/** Answers with the exit code for it. */
export function reportProblems({ error }: Terminal, problems: readonly Problem[]): number {
  for (const problem of problems) error.write(`${escaped(formatProblem(problem))}\n`)
  return exit.config
}

/** More than anybody reads: of thousands, the first screen says it. A pipe leads to somebody who may. */
const maxLines = { terminal: 20, elsewhere: 1_000 }

export function tellComplaints({ error }: Terminal, complaints: readonly string[]): void {
  const max = 'isTTY' in error && error.isTTY === true ? maxLines.terminal : maxLines.elsewhere
  const more = complaints.length - max
  error.write(
    [...complaints.slice(0, max), ...(more > 0 ? [`and ${more} more`] : [])].map(line => `${line}\n`).join(''),
  )
}

/** Longer than a running bearerd takes to read the files again: whoever is kicked earlier would be let in again. */
export const settleMs = 2_000

/** Dovecot keeps whoever is logged in; that it couldn't be asked to end sessions undoes nothing. */
export async function kickAll(addresses: ReadonlySet<string>, { error, pause, kick }: Terminal): Promise<void> {
  if (addresses.size > 0) await pause(settleMs)
  for (const address of addresses) {
    const warning = await kick(address)
    if (warning !== undefined) error.write(`${warning}\n`)
  }
}

/** Whose passwords an address means: its account's; or, where that is gone, those that were left over. */
export function accountNamed(address: string, accounts: AccountIndex | undefined): string | undefined {
  return accounts?.byName(address)?.address ?? canonicalAddress(address)
}

/** Of an imported password its scheme, `{BLF-CRYPT}`, which is all that is told of a hash. */
export function schemeOf({ hash }: Pick<PasswordRecord, 'hash'>): string | undefined {
  return isImportedHash(hash) ? hash.slice(0, hash.indexOf('}') + 1) : undefined
}

/** For whoever waits with us behind another writer. */
export function tellWait({ error }: Terminal): (holder: Holder) => void {
  return ({ directory, since }) =>
    error.write(`waiting: another process holds ${directory} since ${formatTime(since.getTime())}\n`)
}

/** Runs a command to its exit code. What files can do to it is said in a line; a fault of ours keeps its stack. */
export async function settle(terminal: Terminal, work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error && ['Error', 'FileError'].includes(error.name))) throw error
    return complain(terminal, exit.config, error.message)
  }
}

/** A text from a file, fit for a terminal. */
export function printable(text: string): string {
  return /[\p{C}\p{Zl}\p{Zp}]/u.test(text) ? quote(text) : text
}
