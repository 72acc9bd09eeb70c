/**
 * Accounts: what a store of many accounts costs, in memory, in time and in pauses; each size in a process of its own.
 */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { AccountFigures, Change } from './accounts-process.ts'

const program = fileURLToPath(new URL('accounts-process.ts', import.meta.url))

export const accountsHead = [
  ['accounts', 'file, MiB', 'load, ms', 'stall, ms', 'memory, MiB'],
  ['one line changed: in force, ms', 'stall, ms', 'peak, MiB'],
  ['every line changed: in force, ms', 'stall, ms', 'peak, MiB'],
].flat()

export const lookupsHead = ['accounts', 'by address', 'by alias', 'with an extension', 'unknown']

/** A line for each of the two tables. */
export async function measureAccounts(count: number, folder: string): Promise<[string[], string[]]> {
  process.stderr.write(`bench: accounts: ${count}\n`)
  const file = join(folder, `accounts-${count}.jsonl`)
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, String(count), file])
  rmSync(file)
  const { bytes, load, edit, rewrite, lookups }: AccountFigures = JSON.parse(stdout)
  const whole = (value: number) => value.toFixed(0)
  const change = ({ ms, stallMs, peakMiB }: Change) => [whole(ms), whole(stallMs), whole(peakMiB)]
  const { address, alias, extension, unknown } = lookups
  return [
    [String(count), whole(bytes / 1024 ** 2), whole(load.ms), whole(load.stallMs), whole(load.restMiB)].concat(
      change(edit),
      change(rewrite),
    ),
    [String(count), ...[address, alias, extension, unknown].map(whole)],
  ]
}
