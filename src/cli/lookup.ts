/**
 * `bearerd lookup ADDRESS`: whose an address is and what Postfix and Dovecot are told about it, from the files as they
 * stand now. Exit code 0 if mail to it is accepted, 1 if not, 78 if the files have a problem.
 */
import type { Account, AccountIndex } from '../accounts/account.ts'
import { isError } from '../config/problem.ts'
import { loadPasswords } from '../passwords/load.ts'
import { orphanReason } from '../passwords/orphans.ts'
import type { PasswordIndex, PasswordRecord } from '../passwords/password.ts'
import { passwordFile } from '../passwords/paths.ts'
import { loadAccountsOrReport, loadConfigOrReport } from './config.ts'
import { exit } from './exit.ts'
import { ourTerminal, reportProblems } from './terminal.ts'

export async function runLookup(file: string, address: string, json: boolean): Promise<number> {
  const loaded = await loadConfigOrReport(file)
  if (loaded === undefined) return exit.config
  const { directories, appPasswords, stateDir } = loaded.config
  const index = await loadAccountsOrReport(loaded.config, ourTerminal)
  if (index === undefined) return exit.config
  const passwords = appPasswords.enabled ? await readPasswords(stateDir) : undefined
  const found = describe(index, address, passwords)
  process.stdout.write(json ? `${JSON.stringify(found)}\n` : print(found, directories.length > 0))
  return found.accepted ? exit.done : exit.no
}

type Description = {
  readonly address: string
  readonly accepted: boolean
  readonly why: string
  readonly account: string | undefined
  readonly mayLogIn: boolean
  /** Of the account, those that have not expired; undefined where there is no telling. */
  readonly appPasswords: number | undefined
  readonly senders: readonly string[]
  readonly userdb: Readonly<Record<string, string>> | undefined
}

/** What is wrong with their file is said, but mail doesn't depend on it. */
async function readPasswords(stateDir: string): Promise<PasswordIndex | undefined> {
  const { index, problems } = await loadPasswords(passwordFile(stateDir))
  reportProblems(ourTerminal, problems)
  return problems.some(isError) ? undefined : index
}

function countUsable(account: Account | undefined, index: AccountIndex, passwords: PasswordIndex): number {
  const isUsable = (record: PasswordRecord): boolean =>
    orphanReason(record, index) === undefined && (record.expires === undefined || record.expires > Date.now())
  return account?.enabled ? passwords.of(account.address).filter(isUsable).length : 0
}

function describe(index: AccountIndex, address: string, passwords: PasswordIndex | undefined): Description {
  const recipient = index.recipient(address)
  const owner = index.byName(address)
  const domain = address.slice(address.lastIndexOf('@') + 1)
  return {
    address,
    accepted: recipient?.account.receives ?? false,
    why:
      recipient === undefined
        ? index.hasDomain(domain)
          ? 'no account has it'
          : 'no account is in this domain'
        : `${recipient.account.receives ? '' : 'disabled: '}${recipient.kind} of ${recipient.account.address}`,
    account: recipient?.account.address,
    mayLogIn: owner?.enabled ?? false,
    appPasswords: passwords && countUsable(owner, index, passwords),
    senders: index.senders(address).map(account => account.address),
    userdb: recipient === undefined ? undefined : index.userdb(recipient.account),
  }
}

function print({ address, accepted, why, senders, userdb, ...login }: Description, takesTokens: boolean): string {
  const lines = [
    ['mail', `${accepted ? 'accepted' : 'refused'} (${why})`],
    ['login', describeLogin(login, takesTokens)],
    ['may send as it', senders.length === 0 ? 'nobody' : senders.join(', ')],
    ...Object.entries(userdb ?? {}).map(([name, value]) => [`userdb ${name}`, value]),
  ]
  const width = Math.max(...lines.map(([name = '']) => name.length))
  return [address, ...lines.map(([name = '', value]) => `  ${name.padEnd(width)}  ${value}`), ''].join('\n')
}

function describeLogin(
  { mayLogIn, appPasswords = 0 }: Pick<Description, 'mayLogIn' | 'appPasswords'>,
  takesTokens: boolean,
): string {
  const passwords = appPasswords === 1 ? 'an app password' : `one of ${appPasswords} app passwords`
  const ways = [takesTokens ? 'with a token of her provider' : [], appPasswords > 0 ? `with ${passwords}` : []].flat()
  return mayLogIn ? ways.join(', or ') || 'no: she has no app password' : 'no'
}
