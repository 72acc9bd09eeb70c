/**
 * `bearerd check`: reads configuration and accounts as `serve` would and prints every problem, one a line, errors and
 * warnings. Exit code 0 without errors, else 78.
 */
import type { AccountIndex } from '../accounts/account.ts'
import { domainOf } from '../accounts/address.ts'
import { createAccountStore } from '../accounts/store.ts'
import { createRouting } from '../auth/routing.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblem, type Problem } from '../config/problem.ts'
import { silentLog } from '../log.ts'
import { exit } from './exit.ts'

export async function runCheck(file: string, json: boolean): Promise<number> {
  const { config, problems } = await loadConfig(file, process.env)
  const all: Problem[] = [...problems]
  let accounts: number | undefined
  if (config !== undefined) {
    const names = config.directories.map(({ name }) => name)
    const store = createAccountStore(config.accounts, names, silentLog)
    all.push(...(await store.load()))
    accounts = store.current()?.size
    all.push(...unreachable(config, store.current()))
    store.close()
  }
  const errors = all.filter(({ severity }) => severity === 'error').length
  for (const problem of all) process.stdout.write(`${json ? JSON.stringify(problem) : formatProblem(problem)}\n`)
  if (!json) process.stdout.write(`${summary(file, errors, all.length - errors, accounts)}\n`)
  return errors === 0 ? exit.done : exit.config
}

/** Accounts that no provider may vouch for, one warning a domain: they get mail, and can't log in. */
function unreachable({ file, directories }: Config, index: AccountIndex | undefined): Problem[] {
  const { ofAccount } = createRouting(directories)
  const lost = new Set<string>()
  for (const account of directories.length > 0 ? (index?.all() ?? []) : [])
    if (ofAccount(account) === undefined) lost.add(domainOf(account.address))
  return [...lost].slice(0, 10).map(domain => ({
    severity: 'warning',
    file,
    line: undefined,
    path: undefined,
    message: `accounts of ${domain} can't log in: add the domain to "domains" of a directory, or leave that out of one`,
  }))
}

function summary(file: string, errors: number, warnings: number, accounts: number | undefined): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
  const found = `${count(errors, 'error')}, ${count(warnings, 'warning')}`
  return accounts === undefined ? `${file}: ${found}` : `${file}: ${found}, ${count(accounts, 'account')}`
}
