/**
 * Routing: which directory vouches for a login, and which for an account. PURE.
 *
 * By the account's own `directory`, else by domain, else the default: the first directory without `domains`. Where no name
 * was given, the issuer that a JWT names picks the directory: nothing is verified yet, so this only picks who verifies.
 */
import type { Account, AccountIndex } from '../accounts/account.ts'
import { canonicalAddress, domainOf } from '../accounts/address.ts'
import type { DirectoryConfig } from '../config/config.ts'
import { peekJwt } from '../oidc/jwt.ts'

export type Routing = {
  /** Name of the directory to ask about a login. `asked` and `token` are what the client sent: they pick who verifies. */
  forLogin(asked: string | undefined, accounts: AccountIndex, token: string): string | undefined
  /** Name of the only directory that may vouch for an account. */
  ofAccount(account: Pick<Account, 'address' | 'directory'>): string | undefined
}

export function createRouting(directories: readonly DirectoryConfig[]): Routing {
  const byDomain = new Map(directories.flatMap(({ name, domains }) => domains.map(domain => [domain, name])))
  const only = directories.length === 1 ? directories[0]?.name : undefined
  const fallback = directories.find(({ domains }) => domains.length === 0)?.name
  const ofAddress = (address: string): string | undefined => byDomain.get(domainOf(address)) ?? fallback
  const ofAccount: Routing['ofAccount'] = account => account.directory ?? ofAddress(account.address)

  function byIssuer(token: string): string | undefined {
    const issuer = peekJwt(token)?.payload.iss
    const named = directories.filter(directory => directory.issuer !== undefined && directory.issuer === issuer)
    return (named.find(({ name }) => name === fallback) ?? named[0])?.name
  }

  return {
    ofAccount,
    forLogin(asked, accounts, token) {
      if (fallback !== undefined && fallback === only) return only
      if (asked === undefined) return byIssuer(token) ?? fallback ?? only
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
