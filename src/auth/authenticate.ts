/**
 * Authenticate: THE decision. Every login, over every protocol, comes to a verdict here and nowhere else.
 *
 * In order: a well-formed message; loaded accounts; a directory; the provider's word on the token; its claims; whose it
 * is; whether that is who the client asked for; whether she may log in. The first that fails decides. Each login ends in
 * one log line with a stable reason code (`reason.ts`): of the decision, also where the client has given up or the deadline
 * of its protocol has passed meanwhile. A fault that nobody expected is `unavailable`, never an accept.
 */
import { performance } from 'node:perf_hooks'
import type { Account, AccountIndex, AccountStore, NewAccount } from '../accounts/account.ts'
import { canonicalAddress, domainOf } from '../accounts/address.ts'
import type { AccountsConfig, DirectoryConfig } from '../config/config.ts'
import { describeError, type Log } from '../log.ts'
import type { Claims } from '../oidc/token-verdict.ts'
import { checkClaims } from './claims.ts'
import { type Identity, resolveIdentity } from './identity.ts'
import { type RejectReason, rejectReasons, type UnavailableReason, unavailableReasons } from './reason.ts'
import type { Routing } from './routing.ts'
import type { Lookup, TokenSource } from './token.ts'
import type { Authenticate, LoginRequest, OAuthFailure, Reject, Unavailable, Verdict } from './verdict.ts'

/** A directory at work. */
export type Directory = {
  readonly config: DirectoryConfig
  readonly tokens: TokenSource
  readonly openidConfiguration: string | undefined
}

export type AuthenticateOptions = {
  readonly directories: ReadonlyMap<string, Directory>
  readonly routing: Routing
  readonly accounts: AccountStore
  readonly unknown: AccountsConfig['unknown']
  readonly log: Log
  readonly now?: () => number
}

/** What is learnt on the way to a verdict, for the log line. */
type Trace = {
  asked?: string
  directory?: Directory
  source?: Lookup['source']
  account?: string
  detail?: string
}

export function createAuthenticate({
  directories,
  routing,
  accounts,
  unknown,
  log,
  now = Date.now,
}: AuthenticateOptions): Authenticate {
  function decide({ credentials }: LoginRequest, trace: Trace): Verdict | Promise<Verdict> {
    if (credentials.kind === 'malformed')
      return reject(credentials.truncated ? 'truncated' : 'malformed', credentials.why, trace)
    const asked = credentials.authzid
    if (asked !== undefined) trace.asked = printable(asked)

    const index = accounts.current()
    if (index === undefined) return unavailable('accounts_unavailable', trace)
    const directory = directories.get(routing.forLogin(asked, index) ?? '')
    if (directory === undefined) return reject('no_directory', 'no directory for this login, and no default', trace)
    trace.directory = directory

    const looked = directory.tokens.lookup(credentials.token)
    return looked instanceof Promise
      ? looked.then(token => judge(token, directory, asked, trace))
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
      const wanted = unknown === 'create' ? accountFor(identity, directory, index) : undefined
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
   * The account to be made for somebody whose address nobody has, in a domain that is ours already. Never one in a
   * foreign domain, whose mail we would begin to claim; never one that is the extension of a neighbour's address.
   */
  function accountFor(
    { email, fullName, subject }: Extract<Identity, { kind: 'unknown' }>,
    directory: DirectoryConfig,
    index: AccountIndex,
  ): NewAccount | undefined {
    const address = email === undefined ? undefined : canonicalAddress(email)
    if (address === undefined) return undefined
    const domain = domainOf(address)
    if (!index.hasDomain(domain) && !directory.domains.includes(domain)) return undefined
    const taken = index.recipient(address)
    if (taken !== undefined && taken.kind !== 'catch-all') return undefined
    if (routing.ofAccount({ address, directory: undefined }) !== directory.name) return undefined
    return { address, fullName, subject, directory: directory.name }
  }

  async function create(wanted: NewAccount, trace: Trace): Promise<Verdict> {
    trace.account = wanted.address
    try {
      return unlessDisabled(await accounts.create(wanted), trace)
    } catch {
      // The store has logged why.
      return unavailable('account_not_created', trace)
    }
  }

  function fault(error: unknown, trace: Trace): Verdict {
    log.error({ event: 'fault', ...describeError(error) }, unavailableReasons.internal_error.meaning)
    return unavailable('internal_error', trace)
  }

  return request => {
    const started = performance.now()
    const trace: Trace = {}
    const conclude = (verdict: Verdict): Verdict => {
      logLogin(log, request, verdict, trace, performance.now() - started)
      return verdict
    }
    try {
      const verdict = decide(request, trace)
      if (!(verdict instanceof Promise)) return conclude(verdict)
      return verdict.catch(error => fault(error, trace)).then(conclude)
    } catch (error) {
      return conclude(fault(error, trace))
    }
  }
}

/** The client may call an account by any of its own names; never by one that is another account's. */
function isNameOf(asked: string, account: Account, index: AccountIndex): boolean {
  if (asked === account.address) return true
  const owner = index.byName(asked)
  if (owner !== undefined) return owner === account
  if (asked === account.username) return true
  const address = canonicalAddress(asked)
  return address !== undefined && account.sendAs.includes(address)
}

function reject(reason: RejectReason, detail: string, trace: Trace): Reject {
  trace.detail = detail
  const user = trace.asked ?? trace.account
  return {
    kind: 'reject',
    reason,
    oauth: failure(reason, trace.directory),
    code: undefined,
    userMessage: undefined,
    user,
  }
}

function unavailable(reason: UnavailableReason, trace: Trace): Unavailable {
  return { kind: 'unavailable', reason, user: trace.asked }
}

function failure(reason: RejectReason, directory: Directory | undefined): OAuthFailure {
  const wanted = directory?.config.require.scopes ?? []
  return {
    status:
      reason === 'insufficient_scope'
        ? 'insufficient_scope'
        : reason === 'malformed' || reason === 'truncated'
          ? 'invalid_request'
          : 'invalid_token',
    scope: directory === undefined ? undefined : wanted.length > 0 ? wanted.join(' ') : 'openid email',
    openidConfiguration: directory?.openidConfiguration,
  }
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

function logLogin(log: Log, request: LoginRequest, verdict: Verdict, trace: Trace, ms: number): void {
  const fields = {
    event: 'login',
    listener: request.listener,
    service: request.service,
    mechanism: request.mechanism,
    account: trace.account,
    asked: trace.asked,
    directory: trace.directory?.config.name,
    verdict: verdict.kind,
    reason: verdict.kind === 'accept' ? 'ok' : verdict.reason,
    detail: trace.detail,
    source: trace.source,
    remote: request.remoteAddress,
    session: request.session,
    ms: Math.round(ms * 10) / 10,
  }
  if (verdict.kind === 'accept') log.info(fields, 'login accepted')
  else if (verdict.kind === 'reject')
    log.info({ ...fields, cure: rejectReasons[verdict.reason].cure }, rejectReasons[verdict.reason].meaning)
  else
    log.warn({ ...fields, cure: unavailableReasons[verdict.reason].cure }, unavailableReasons[verdict.reason].meaning)
}

/** What came from the network, fit for a log: control characters and line separators escaped, at most 256 characters. */
function printable(text: string): string {
  return text.slice(0, 256).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, char => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}
