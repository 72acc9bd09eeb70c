/**
 * Export target: whether a file that somebody wants to write to is one that bearerd lives on, by whatever name: another
 * path, a symbolic link, a hard link. A look beforehand, against slips of the hand, not against an enemy.
 */
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { bindingFile } from '../accounts/binding-file.ts'
import { targetOf } from '../accounts/way.ts'
import type { Config } from '../config/config.ts'
import { lastUsedFile, passwordFile } from '../passwords/paths.ts'

/** Why it must not be written to. */
export async function whyNotTarget(file: string, config: Config): Promise<string | undefined> {
  const { accounts, stateDir } = config
  const target = await identify(file)
  for (const [what, own] of [
    ...accounts.files.map(own => ['one of the account files', own] as const),
    ['the app-password file', passwordFile(stateDir)] as const,
    ['the file of last uses', lastUsedFile(stateDir)] as const,
    ['the file of bindings', bindingFile(stateDir)] as const,
    ['the configuration', config.file] as const,
  ])
    if (isSame(await identify(own), target)) return `is ${what}`
  return [file, target.path].some(name => /\.toml$/i.test(name))
    ? 'ends in .toml, as files do that are edited by hand; an export is .jsonl or .csv'
    : undefined
}

type Identity = { readonly path: string; readonly status: Stats | undefined }

async function identify(file: string): Promise<Identity> {
  // What the way can't be found to will not be written to either.
  const path = await targetOf(file).catch(() => resolve(file))
  return { path, status: await stat(path).catch(() => undefined) }
}

function isSame(a: Identity, b: Identity): boolean {
  if (a.path === b.path) return true
  return a.status !== undefined && a.status.ino === b.status?.ino && a.status.dev === b.status.dev
}
