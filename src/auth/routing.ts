/**
 * Routing: which directory vouches for a login, and which for an account. PURE.
 *
 * By the account's own `directory`, else by domain, else the default: the first directory without `domains`.
 */
import type { Account, AccountIndex } from '../accounts/account.ts'
import { canonicalAddress, domainOf } from '../accounts/address.ts'
import type { DirectoryConfig } from '../config/config.ts'

export type Routing = {
  /** Name of the directory to ask about a login. `asked` is what the client sent: it picks who verifies, no more. */
  forLogin(asked: string | undefined, accounts: AccountIndex): string | undefined
  /** Name of the only directory that may vouch for an account. */
  ofAccount(account: Pick<Account, 'address' | 'directory'>): string | undefined
}

export function createRouting(directories: readonly DirectoryConfig[]): Routing {
  const byDomain = new Map(directories.flatMap(({ name, domains }) => domains.map(domain => [domain, name])))
  const only = directories.length === 1 ? directories[0]?.name : undefined
  const fallback = directories.find(({ domains }) => domains.length === 0)?.name
  const ofAddress = (address: string): string | undefined => byDomain.get(domainOf(address)) ?? fallback
  const ofAccount: Routing['ofAccount'] = account => account.directory ?? ofAddress(account.address)

  return {
    ofAccount,
    forLogin(asked, accounts) {
      if (fallback !== undefined && fallback === only) return only
      if (asked === undefined) return fallback ?? only
      const account = accounts.byName(asked) ?? onlyOne(accounts.byUsername(asked))
      if (account !== undefined) return ofAccount(account)
      const address = canonicalAddress(asked)
      return address === undefined ? (fallback ?? only) : ofAddress(address)
    },
  }
}

function onlyOne<T>(values: readonly T[]): T | undefined {
  return values.length === 1 ? values[0] : undefined
}
