/**
 * `bearerd check`: reads configuration, accounts and app passwords as `serve` would and prints every problem, one a line,
 * errors and warnings. Exit code 0 without errors, else 78.
 */
import type { AccountIndex } from '../accounts/account.ts'
import { domainOf } from '../accounts/address.ts'
import { bindingFile, readBindings } from '../accounts/binding-file.ts'
import { createRouting } from '../auth/routing.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { fileProblem, formatProblem, isError, type Problem } from '../config/problem.ts'
import { loadPasswords } from '../passwords/load.ts'
import { orphanReason } from '../passwords/orphans.ts'
import type { PasswordIndex } from '../passwords/password.ts'
import { passwordFile } from '../passwords/paths.ts'
import { checkStateDir } from '../passwords/state-dir.ts'
import { loadAccounts } from './config.ts'
import { checkOwners } from './daemon-user.ts'
import { exit } from './exit.ts'
import { plural } from './words.ts'

export async function runCheck(file: string, json: boolean): Promise<number> {
  const { config, problems } = await loadConfig(file, process.env)
  const all: Problem[] = [...problems]
  let accounts: number | undefined
  let passwords = 0
  if (config !== undefined) {
    const loaded = await loadAccounts(config)
    all.push(...loaded.problems, ...unreachable(config, loaded.index))
    accounts = loaded.index?.size
    all.push(...(await checkOwners(config)))
    if (config.directories.some(({ bind }) => bind === 'first-login'))
      all.push(...(await readBindings(bindingFile(config.stateDir))).problems)
    if (config.appPasswords.enabled) {
      const found = await checkPasswords(config, loaded.index)
      all.push(...found.problems)
      passwords = found.count
    }
  }
  const errors = all.filter(isError).length
  for (const problem of all) process.stdout.write(`${json ? JSON.stringify(problem) : formatProblem(problem)}\n`)
  if (!json) process.stdout.write(`${summary(file, errors, all.length - errors, accounts, passwords)}\n`)
  return errors === 0 ? exit.done : exit.config
}

async function checkPasswords(
  { stateDir }: Config,
  accounts: AccountIndex | undefined,
): Promise<{ count: number; problems: Problem[] }> {
  const file = passwordFile(stateDir)
  const missing = await checkStateDir(stateDir)
  const { index, problems } = await loadPasswords(file)
  const orphans = accounts === undefined ? [] : orphaned(file, index, accounts)
  return { count: index.size, problems: [...(missing === undefined ? [] : [missing]), ...problems, ...orphans] }
}

/** Accounts that no provider may vouch for, one warning a domain: they get mail, and can't log in with a token. */
function unreachable({ file, directories, appPasswords }: Config, index: AccountIndex | undefined): Problem[] {
  const { ofAccount } = createRouting(directories)
  const lost = new Set<string>()
  for (const account of directories.length > 0 ? (index?.all() ?? []) : [])
    if (ofAccount(account) === undefined) lost.add(domainOf(account.address))
  const login = appPasswords.enabled ? 'can log in with an app password only' : "can't log in"
  const cure = 'add the domain to "domains" of a directory, or leave that out of one'
  return [...lost].slice(0, 10).map(domain => fileProblem(file, `accounts of ${domain} ${login}: ${cure}`, 'warning'))
}

/** Passwords that are of no use to anybody, which only the accounts tell. */
function orphaned(file: string, passwords: PasswordIndex, accounts: AccountIndex): Problem[] {
  const orphans = [...passwords.all()].filter(record => orphanReason(record, accounts) !== undefined).length
  if (orphans === 0) return []
  const belong = orphans === 1 ? '1 app password belongs' : `${orphans} app passwords belong`
  const message = `${belong} to no account; if all accounts are there, "bearerd app-password revoke --orphaned" removes what "list" calls orphaned`
  return [fileProblem(file, message, 'warning')]
}

function summary(
  file: string,
  errors: number,
  warnings: number,
  accounts: number | undefined,
  passwords: number,
): string {
  const found = [plural(errors, 'error'), plural(warnings, 'warning')]
  if (accounts !== undefined) found.push(plural(accounts, 'account'))
  if (passwords > 0) found.push(plural(passwords, 'app password'))
  return `${file}: ${found.join(', ')}`
}
