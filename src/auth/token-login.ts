/**
 * Token login: the decision on a bearer token.
 *
 * In order: loaded accounts; a directory; the provider's word on the token; its claims; whose it is; whether that is who
 * the client asked for; whether she may log in. The first that fails decides.
 */
import {
  type Account,
  type AccountIndex,
  type AccountStore,
  CreateLimitError,
  type NewAccount,
} from '../accounts/account.ts'
import { canonicalAddress, domainOf } from '../accounts/address.ts'
import type { AccountsConfig, DirectoryConfig } from '../config/config.ts'
import type { Claims } from '../oidc/token-verdict.ts'
import { checkClaims } from './claims.ts'
import { type Identity, resolveIdentity } from './identity.ts'
import { isNameOf } from './names.ts'
import { printable, reject, type Trace, unavailable } from './outcome.ts'
import type { Routing } from './routing.ts'
import type { Directory, Lookup } from './token.ts'
import type { Reject, Verdict } from './verdict.ts'

export type TokenLoginOptions = {
  readonly directories: ReadonlyMap<string, Directory>
  readonly routing: Routing
  readonly accounts: AccountStore
  /** What becomes of somebody who has no account. */
  readonly newcomers: Pick<AccountsConfig, 'unknown' | 'create'>
  readonly now: () => number
}

/** `asked`: the name that the client asked for, if any. */
export type TokenLogin = (token: string, asked: string | undefined, trace: Trace) => Verdict | Promise<Verdict>

export function createTokenLogin({ directories, routing, accounts, newcomers, now }: TokenLoginOptions): TokenLogin {
  function begin(token: string, asked: string | undefined, trace: Trace): Verdict | Promise<Verdict> {
    if (asked !== undefined) trace.asked = printable(asked)
    const index = accounts.current()
    if (index === undefined) return unavailable('accounts_unavailable', trace)
    const directory = directories.get(routing.forLogin(asked, index) ?? '')
    if (directory === undefined) return reject('no_directory', 'no directory for this login, and no default', trace)
    trace.directory = directory

    const looked = directory.tokens.lookup(token)
    return looked instanceof Promise
      ? looked.then(known => judge(known, directory, asked, trace))
      : judge(looked, directory, asked, trace)
  }

  /** The provider has spoken. Is the token one for mail? */
  function judge(
    token: Lookup,
    directory: Directory,
    asked: string | undefined,
    trace: Trace,
  ): Verdict | Promise<Verdict> {
    trace.source = token.source
    if (token.kind === 'unavailable') return unavailable('provider_unavailable', trace)
    if (token.kind === 'refused')
      return reject(token.error === 'insufficient_scope' ? token.error : 'token_refused', 'by the provider', trace)

    const problem = checkClaims(token.evidence, directory.config, now())
    if (problem !== undefined) return reject(problem.reason, problem.detail, trace)

    // Accounts may have been reloaded while the provider was asked: what counts is how they stand now.
    const index = accounts.current()
    if (index === undefined) return unavailable('accounts_unavailable', trace)
    return admit(token.evidence.claims, directory.config, index, asked, trace)
  }

  /** The token is good for mail. Whose is it, is that who was asked for, and may she log in? */
  function admit(
    claims: Claims,
    directory: DirectoryConfig,
    index: AccountIndex,
    asked: string | undefined,
    trace: Trace,
  ): Verdict | Promise<Verdict> {
    const identity = resolveIdentity(claims, { directory, accounts: index, directoryOf: routing.ofAccount })
    if (identity.kind === 'reject') return reject(identity.reason, identity.detail, trace)
    if (identity.kind === 'unknown') {
      const wanted = newcomers.unknown === 'create' ? accountFor(identity, directory, index) : undefined
      if (wanted === undefined) return reject('unknown_account', identity.detail, trace)
      if (asked !== undefined && canonicalAddress(asked) !== wanted.address)
        return notHers(asked, wanted.address, trace)
      return create(wanted, trace)
    }
    const account = identity.account
    trace.account = account.address
    if (asked !== undefined && !isNameOf(asked, account, index)) return notHers(asked, account.address, trace)
    return unlessDisabled(account, trace)
  }

  /**
   * The account to be made for somebody whose address nobody has, in a domain that is open to newcomers. Never one whose
   * directory would be another; never one that is the extension of a neighbour's address.
   */
  function accountFor(
    { email, fullName, subject }: Extract<Identity, { kind: 'unknown' }>,
    directory: DirectoryConfig,
    index: AccountIndex,
  ): NewAccount | undefined {
    const address = email === undefined ? undefined : canonicalAddress(email)
    if (address === undefined || !isOpen(domainOf(address), directory, index)) return undefined
    const taken = index.recipient(address)
    if (taken !== undefined && taken.kind !== 'catch-all') return undefined
    if (routing.ofAccount({ address, directory: undefined }) !== directory.name) return undefined
    return { address, fullName, subject, directory: directory.name }
  }

  /** Unless the administrator has listed domains, those that are ours already: not to begin to claim foreign mail. */
  function isOpen(domain: string, directory: DirectoryConfig, index: AccountIndex): boolean {
    const listed = newcomers.create.domains
    if (listed.length > 0) return listed.includes(domain)
    return index.hasDomain(domain) || directory.domains.includes(domain)
  }

  async function create(wanted: NewAccount, trace: Trace): Promise<Verdict> {
    trace.account = wanted.address
    try {
      return unlessDisabled(await accounts.create(wanted), trace)
    } catch (error) {
      // The store has logged why.
      return unavailable(error instanceof CreateLimitError ? 'create_limit' : 'account_not_created', trace)
    }
  }

  return begin
}

function unlessDisabled(account: Account, trace: Trace): Verdict {
  if (account.enabled) return { kind: 'accept', account }
  return { ...reject('account_disabled', 'enabled = false', trace), code: 'user_disabled' }
}

/** She can mend this by signing in as the right user; Thunderbird shows it to her as it is. */
function notHers(asked: string, address: string, trace: Trace): Reject {
  trace.account = address
  const name = printable(asked)
  return {
    ...reject('authz_fail', `asked for ${name}, the token is ${address}'s`, trace),
    code: 'authz_fail',
    userMessage: `Signed in as ${address}, but this account is ${name}. Sign in again as the right user.`,
  }
}
