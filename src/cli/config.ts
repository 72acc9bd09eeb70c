/**
 * What the commands share: reading the configuration and the accounts, and saying what is wrong with them.
 */
import type { AccountIndex } from '../accounts/account.ts'
import { createAccountStore } from '../accounts/store.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import type { Problem } from '../config/problem.ts'
import { errorOutput, silentLog } from '../log.ts'
import { complain, ourTerminal, reportProblems, type Terminal } from './terminal.ts'

/** The configuration and its warnings; or undefined, with every problem on standard error. */
export async function loadConfigOrReport(
  file: string,
): Promise<{ config: Config; problems: readonly Problem[] } | undefined> {
  const { config, problems } = await loadConfig(file, process.env)
  if (config !== undefined) return { config, problems }
  const terminal = { ...ourTerminal, error: errorOutput() }
  const code = reportProblems(terminal, problems)
  complain(terminal, code, `mend the errors of ${file} first; "bearerd check" tells when they are gone`)
  return undefined
}

/** All accounts as they stand on disk now; no index where a file has errors. */
export async function loadAccounts({
  accounts,
  directories,
}: Config): Promise<{ index: AccountIndex | undefined; problems: readonly Problem[] }> {
  const names = directories.map(({ name }) => name)
  const store = createAccountStore(accounts, names, silentLog)
  const problems = await store.load()
  const index = store.current()
  store.close()
  return { index, problems }
}

/** All accounts; or undefined, with every problem on standard error. */
export async function loadAccountsOrReport(config: Config, terminal: Terminal): Promise<AccountIndex | undefined> {
  const { index, problems } = await loadAccounts(config)
  if (index === undefined) reportProblems(terminal, problems)
  return index
}
