/**
 * `bearerd check`: reads configuration and accounts as `serve` would and prints every problem, one a line, errors and
 * warnings. Exit code 0 without errors, else 78.
 */
import { createAccountStore } from '../accounts/store.ts'
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
    store.close()
  }
  const errors = all.filter(({ severity }) => severity === 'error').length
  for (const problem of all) process.stdout.write(`${json ? JSON.stringify(problem) : formatProblem(problem)}\n`)
  if (!json) process.stdout.write(`${summary(file, errors, all.length - errors, accounts)}\n`)
  return errors === 0 ? exit.done : exit.config
}

function summary(file: string, errors: number, warnings: number, accounts: number | undefined): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
  const found = `${count(errors, 'error')}, ${count(warnings, 'warning')}`
  return accounts === undefined ? `${file}: ${found}` : `${file}: ${found}, ${count(accounts, 'account')}`
}
