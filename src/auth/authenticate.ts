/**
 * Authenticate: THE decision. Every login, over every protocol, comes to a verdict here and nowhere else.
 *
 * In order: a well-formed message; loaded accounts; a directory; the provider's word on the token; its claims; whose it
 * is; whether that is who the client asked for; whether she may log in. The first that fails decides. Each login ends in
 * one log line with a stable reason code (`reason.ts`). A fault that nobody expected is `unavailable`, never an accept.
 */
import { performance } from 'node:perf_hooks'
import type { Account, AccountIndex, AccountStore } from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/address.ts'
import type { AccountsConfig, DirectoryConfig } from '../config/config.ts'
import { describeError, type Log } from '../log.ts'
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
  account?: Account
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
  async function decide({ credentials }: LoginRequest, trace: Trace): Promise<Verdict> {
    if (credentials.kind === 'malformed')
      return reject(credentials.truncated ? 'truncated' : 'malformed', credentials.why, trace)
    const asked = credentials.authzid
    if (asked !== undefined) trace.asked = printable(asked)

    const before = accounts.current()
    if (before === undefined) return unavailable('accounts_unavailable', trace)
    const directory = directories.get(routing.forLogin(asked, before) ?? '')
    if (directory === undefined) return reject('no_directory', 'no directory for this login, and no default', trace)
    trace.directory = directory

    const looked = directory.tokens.lookup(credentials.token)
    const token = looked instanceof Promise ? await looked : looked
    trace.source = token.source
    if (token.kind === 'unavailable') return unavailable('provider_unavailable', trace)
    if (token.kind === 'refused')
      return reject(token.error === 'insufficient_scope' ? token.error : 'token_refused', 'by the provider', trace)

    const problem = checkClaims(token.evidence, directory.config, now())
    if (problem !== undefined) return reject(problem.reason, problem.detail, trace)

    // Accounts may have been reloaded while the provider was asked: what counts is how they stand now.
    const index = accounts.current() ?? before
    const identity = resolveIdentity(token.evidence.claims, {
      directory: directory.config,
      accounts: index,
      directoryOf: routing.ofAccount,
    })
    if (identity.kind === 'reject') return reject(identity.reason, identity.detail, trace)
    const account = identity.kind === 'account' ? identity.account : await provision(identity, directory.config, index)
    if (account === 'failed') return unavailable('account_not_created', trace)
    if (account === undefined)
      return reject('unknown_account', identity.kind === 'unknown' ? identity.detail : '', trace)
    trace.account = account

    if (asked !== undefined && !isNameOf(asked, account, index)) {
      const verdict = reject('authz_fail', `asked for ${printable(asked)}, the token is ${account.address}'s`, trace)
      return { ...verdict, code: 'authz_fail', userMessage: signedInAs(account, asked) }
    }
    if (!account.enabled) return { ...reject('account_disabled', 'enabled = false', trace), code: 'user_disabled' }
    return { kind: 'accept', account }
  }

  /**
   * `unknown = "create"`: an account for somebody whose address nobody has, in a domain that is ours already. Never one
   * in a foreign domain, whose mail we would begin to claim; never one that is an extension or catch-all of a neighbour.
   */
  async function provision(
    { email, username, fullName, subject }: Extract<Identity, { kind: 'unknown' }>,
    directory: DirectoryConfig,
    index: AccountIndex,
  ): Promise<Account | 'failed' | undefined> {
    const address = email === undefined ? undefined : canonicalAddress(email)
    if (unknown !== 'create' || address === undefined) return undefined
    const domain = address.slice(address.lastIndexOf('@') + 1)
    if (!index.hasDomain(domain) && !directory.domains.includes(domain)) return undefined
    const taken = index.recipient(address)
    if (taken !== undefined && taken.kind !== 'catch-all') return undefined
    if (routing.ofAccount({ address, directory: undefined }) !== directory.name) return undefined
    try {
      return await accounts.create({ address, fullName, username, subject, directory: directory.name })
    } catch (error) {
      log.error({ event: 'account', address, ...describeError(error) }, 'an account could not be created')
      return 'failed'
    }
  }

  return async request => {
    const started = performance.now()
    const trace: Trace = {}
    let verdict: Verdict
    try {
      verdict = await decide(request, trace)
    } catch (error) {
      log.error({ event: 'fault', ...describeError(error) }, unavailableReasons.internal_error.meaning)
      verdict = unavailable('internal_error', trace)
    }
    logLogin(log, request, verdict, trace, performance.now() - started)
    return verdict
  }
}

/** The client may call an account by any of its own names; never by one that is another account's. */
function isNameOf(asked: string, account: Account, index: AccountIndex): boolean {
  const owner = index.byName(asked)
  if (owner !== undefined) return owner === account
  if (asked === account.username) return true
  const address = canonicalAddress(asked)
  return address !== undefined && account.sendAs.includes(address)
}

function reject(reason: RejectReason, detail: string, trace: Trace): Reject {
  trace.detail = detail
  const user = trace.account?.address ?? trace.asked
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

/** Thunderbird shows this as it is; she can mend it by signing in again. */
function signedInAs(account: Account, asked: string): string {
  return `Signed in as ${account.address}, but this account is ${printable(asked)}. Sign in again as the right user.`
}

function logLogin(log: Log, request: LoginRequest, verdict: Verdict, trace: Trace, ms: number): void {
  const fields = {
    event: 'login',
    listener: request.listener,
    service: request.service,
    mechanism: request.mechanism,
    account: trace.account?.address,
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
