/**
 * `bearerd lookup ADDRESS`: whose an address is and what Postfix and Dovecot are told about it, from the files as they
 * stand now. Exit code 0 if mail to it is accepted, 1 if not, 78 if the files have a problem.
 */
import type { AccountIndex } from '../accounts/account.ts'
import { createAccountStore } from '../accounts/store.ts'
import { formatProblem } from '../config/problem.ts'
import { silentLog } from '../log.ts'
import { loadConfigOrReport } from './config.ts'
import { exit } from './exit.ts'

export async function runLookup(file: string, address: string, json: boolean): Promise<number> {
  const loaded = await loadConfigOrReport(file)
  if (loaded === undefined) return exit.config
  const { accounts, directories } = loaded.config
  const store = createAccountStore(
    accounts,
    directories.map(({ name }) => name),
    silentLog,
  )
  const problems = await store.load()
  const index = store.current()
  store.close()
  if (index === undefined) {
    for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`)
    return exit.config
  }
  const found = describe(index, address)
  process.stdout.write(json ? `${JSON.stringify(found)}\n` : print(found))
  return found.accepted ? exit.done : exit.no
}

type Description = {
  readonly address: string
  readonly accepted: boolean
  readonly why: string
  readonly account: string | undefined
  readonly mayLogIn: boolean
  readonly senders: readonly string[]
  readonly userdb: Readonly<Record<string, string>> | undefined
}

function describe(index: AccountIndex, address: string): Description {
  const recipient = index.recipient(address)
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
    mayLogIn: index.byName(address)?.enabled ?? false,
    senders: index.senders(address).map(account => account.address),
    userdb: recipient === undefined ? undefined : index.userdb(recipient.account),
  }
}

function print({ address, accepted, why, mayLogIn, senders, userdb }: Description): string {
  const lines = [
    ['mail', `${accepted ? 'accepted' : 'refused'} (${why})`],
    ['login', mayLogIn ? 'with a token of her provider' : 'no'],
    ['may send as it', senders.length === 0 ? 'nobody' : senders.join(', ')],
    ...Object.entries(userdb ?? {}).map(([name, value]) => [`userdb ${name}`, value]),
  ]
  const width = Math.max(...lines.map(([name = '']) => name.length))
  return [address, ...lines.map(([name = '', value]) => `  ${name.padEnd(width)}  ${value}`), ''].join('\n')
}
