/**
 * Token login: the decision on a bearer token.
 *
 * In order: loaded accounts; a directory; the provider's word on the token; its claims; whose it is; whether that is who
 * the client asked for; whether she may log in. The first that fails decides. Last, where the directory says so, the
 * account is bound to its user at the provider.
 */
import {
  type Account,
  type AccountIndex,
  type AccountStore,
  CreateLimitError,
  type NewAccount,
} from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/address.ts'
import type { Bindings } from '../accounts/bindings.ts'
import type { DirectoryConfig } from '../config/config.ts'
import { peekJwt } from '../oidc/jwt.ts'
import type { Claims, Refused } from '../oidc/token-verdict.ts'
import { checkClaims, explainClaims, suspect } from './claims.ts'
import { resolveIdentity } from './identity.ts'
import { isNameOf, namesOf } from './names.ts'
import { type Newcomer, type Newcomers, planNewcomer } from './newcomer.ts'
import { printable, reject, type Trace, unavailable } from './outcome.ts'
import { rejectReasons } from './reason.ts'
import type { Routing } from './routing.ts'
import {
  accountsStep,
  directoryStep,
  enabledStep,
  failedStep,
  identityStep,
  nameStep,
  newcomerStep,
  tokenStep,
} from './steps.ts'
import type { Directory, Lookup } from './token.ts'
import { isRefreshToken } from './token-kind.ts'
import type { Accept, Reject, Verdict } from './verdict.ts'

export type TokenLoginOptions = {
  readonly directories: ReadonlyMap<string, Directory>
  readonly routing: Routing
  readonly accounts: AccountStore
  /** Undefined where no directory has `bind = "first-login"`. */
  readonly bindings?: Bindings | undefined
  /** What becomes of somebody who has no account. */
  readonly newcomers: Newcomers
  readonly now: () => number
}

/** `asked`: the name that the client asked for, if any. */
export type TokenLogin = (token: string, asked: string | undefined, trace: Trace) => Verdict | Promise<Verdict>

export function createTokenLogin({
  directories,
  routing,
  accounts,
  bindings,
  newcomers,
  now,
}: TokenLoginOptions): TokenLogin {
  function begin(token: string, asked: string | undefined, trace: Trace): Verdict | Promise<Verdict> {
    if (asked !== undefined) trace.asked = printable(asked)
    const { observe } = trace
    const index = accounts.current()
    observe?.(accountsStep(index?.size))
    if (index === undefined) return unavailable('accounts_unavailable', trace)
    observe?.(tokenStep(token, peekJwt(token)))
    const directory = directories.get(routing.forLogin(asked, index, token) ?? '')
    observe?.(directoryStep(asked, directory?.config.name))
    if (directory === undefined) return reject('no_directory', 'no directory for this login, and no default', trace)
    trace.directory = directory
    if (isRefreshToken(token)) {
      const detail = 'its form is that of a refresh token'
      observe?.(failedStep('kind of token', 'refresh_token', detail))
      return reject('refresh_token', detail, trace)
    }

    const decide = (known: Lookup): Verdict | Promise<Verdict> => {
      trace.source = known.source
      return known.kind === 'refused' ? refuse(known, token, directory, trace) : judge(known, directory, asked, trace)
    }
    const looked = directory.tokens.lookup(token, observe)
    return looked instanceof Promise ? looked.then(decide) : decide(looked)
  }

  /** A JWT may tell why, where its provider doesn't. */
  function refuse({ reason, detail }: Refused, token: string, { config }: Directory, trace: Trace): Reject {
    // Keycloak signs refresh tokens with a secret of its own.
    const isUnexplained = reason === 'token_refused' || reason === 'algorithm_not_allowed'
    const jwt = isUnexplained ? peekJwt(token) : undefined
    const suspicion = jwt && suspect(jwt, config, now())
    if (suspicion === undefined) return reject(reason, detail, trace)
    trace.observe?.({ check: 'token itself', outcome: 'note', seen: suspicion.detail })
    trace.cure = rejectReasons[suspicion.reason].cure
    return reject(reason, `${detail}; the token itself: ${suspicion.detail}`, trace)
  }

  /** The provider has spoken. Is the token one for mail? */
  function judge(
    token: Exclude<Lookup, { readonly kind: 'refused' }>,
    directory: Directory,
    asked: string | undefined,
    trace: Trace,
  ): Verdict | Promise<Verdict> {
    if (token.kind === 'unavailable') return unavailable('provider_unavailable', trace)

    if (trace.observe !== undefined)
      for (const step of explainClaims(token.evidence, directory.config, now())) trace.observe(step)
    const problem = checkClaims(token.evidence, directory.config, now())
    if (problem !== undefined) return reject(problem.reason, problem.detail, trace)
    // A moment ago it was no good yet, so that those who come later in the chain have not had their say.
    if (token.isPartial) return unavailable('provider_unavailable', trace)

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
    const bound = directory.bind === 'first-login' ? bindings?.current() : undefined
    if (directory.bind === 'first-login' && bound === undefined) {
      trace.observe?.(failedStep('bindings', 'bindings_unavailable', 'bindings.jsonl could not be read'))
      return unavailable('bindings_unavailable', trace)
    }
    const context = { directory, accounts: index, bindings: bound, directoryOf: routing.ofAccount }
    const identity = resolveIdentity(claims, context)
    if (identity.kind === 'unknown') {
      const newcomer = planNewcomer(identity, { newcomers, directory, index }, routing.ofAccount)
      trace.observe?.(newcomerStep(identity.detail, newcomer))
      return welcome(newcomer, identity.detail, asked, trace)
    }
    trace.observe?.(identityStep(identity, claims, directory.fields))
    if (identity.kind === 'reject') return reject(identity.reason, identity.detail, trace)
    const account = identity.account
    trace.account = account.address
    const isHers = asked === undefined || isNameOf(asked, account, index)
    trace.observe?.(nameStep(asked, namesOf(account), isHers))
    if (asked !== undefined && !isHers) return notHers(asked, account.address, trace)
    trace.observe?.(enabledStep(account))
    const verdict = unlessDisabled(account, trace)
    return verdict.kind === 'accept' ? onceBound(verdict, identity.bind, directory, trace) : verdict
  }

  /** In one go with the question who is bound to what: of two logins at once only one can bind. */
  function onceBound(
    verdict: Accept,
    subject: string | undefined,
    { name }: DirectoryConfig,
    trace: Trace,
  ): Verdict | Promise<Verdict> {
    const written = subject === undefined ? undefined : bindings?.bind(verdict.account, name, subject)
    if (written === undefined) return verdict
    // Why it failed has been logged.
    return written.then(
      () => verdict,
      () => unavailable('binding_not_written', trace),
    )
  }

  function welcome(
    newcomer: Newcomer,
    who: string,
    asked: string | undefined,
    trace: Trace,
  ): Verdict | Promise<Verdict> {
    if (!newcomer.ok) {
      trace.cure = newcomer.cure
      return reject('unknown_account', `${who}; ${newcomer.why}`, trace)
    }
    const { address } = newcomer.account
    const isHers = asked === undefined || canonicalAddress(asked) === address
    trace.observe?.(nameStep(asked, [address], isHers))
    return asked === undefined || isHers ? create(newcomer.account, trace) : notHers(asked, address, trace)
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

function unlessDisabled(account: Account, trace: Trace): Accept | Reject {
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
