/**
 * Authenticate: THE decision. Every login, over every protocol, comes to a verdict here and nowhere else.
 *
 * A well-formed message is decided on by what it carries: a token (`token-login.ts`) or a password (`password-login.ts`).
 * Each login ends in one log line with a stable reason code (`reason.ts`): of the decision, also where the client has given
 * up or the deadline of its protocol has passed meanwhile. The verdict comes then, too; when a refused password is to be
 * answered stands in it (`refusals.ts`). A fault that nobody expected is `unavailable`, never an accept.
 */
import { performance } from 'node:perf_hooks'
import type { AppPasswordsConfig } from '../config/config.ts'
import { describeError, type Log } from '../log.ts'
import type { Observe } from '../oidc/token-verdict.ts'
import type { PasswordStore, Verifier } from '../passwords/password.ts'
import { passwordMechanisms } from '../sasl/mechanisms.ts'
import type { LoginEvent, Telemetry } from '../telemetry.ts'
import { reject, type Trace, unavailable } from './outcome.ts'
import { createPasswordLogin } from './password-login.ts'
import { createPenalty, type Penalty } from './penalty.ts'
import { rejectReasons, unavailableReasons } from './reason.ts'
import { createRefusals } from './refusals.ts'
import { failedStep } from './steps.ts'
import { createTokenLogin, type TokenLoginOptions } from './token-login.ts'
import type { TokenSizes } from './token-sizes.ts'
import type { Authenticate, LoginRequest, Verdict } from './verdict.ts'

export type AuthenticateOptions = Omit<TokenLoginOptions, 'now'> & {
  /** Undefined where PLAIN and LOGIN are not offered. */
  readonly passwords:
    | (Pick<AppPasswordsConfig, 'acceptTokens' | 'failureDelayMs'> & {
        readonly store: PasswordStore
        readonly verifier: Verifier
      })
    | undefined
  /** Is told of accepted tokens. */
  readonly sizes?: Pick<TokenSizes, 'note'>
  /** Who has failed before; by default nobody. */
  readonly penalty?: Penalty
  readonly log: Log
  /** Is told of each login. */
  readonly telemetry?: Pick<Telemetry, 'login'> | undefined
  /** Is told of each step of a decision on a token. */
  readonly observe?: Observe
  /**
   * Of a configuration that has come into force meanwhile, by which the login is decided on anew if this one would accept:
   * what a reload has taken away, nobody gets who asked before.
   */
  readonly successor?: () => Authenticate | undefined
  readonly now?: () => number
}

export function createAuthenticate({
  passwords,
  sizes,
  penalty = createPenalty(),
  log,
  telemetry,
  observe,
  successor,
  now = Date.now,
  ...options
}: AuthenticateOptions): Authenticate {
  const tokenLogin = createTokenLogin({ ...options, now })
  const passwordLogin =
    passwords &&
    createPasswordLogin({
      accounts: options.accounts,
      passwords: passwords.store,
      verifier: passwords.verifier,
      tokenLogin: passwords.acceptTokens ? tokenLogin : undefined,
      now,
    })
  const refusals = createRefusals(passwords?.failureDelayMs ?? 0, penalty)

  function decide(request: LoginRequest, trace: Trace): Verdict | Promise<Verdict> {
    const { credentials } = request
    if (credentials.kind === 'malformed') {
      const reason = credentials.truncated ? 'truncated' : 'malformed'
      observe?.(failedStep('message', reason, credentials.why))
      return reject(reason, credentials.why, trace)
    }
    if (credentials.kind === 'token') return tokenLogin(credentials.token, credentials.authzid, trace)
    if (passwordLogin === undefined) return reject('password_not_offered', 'app-passwords.enabled = false', trace)
    return passwordLogin(request, credentials, trace)
  }

  function fault(error: unknown, trace: Trace): Verdict {
    log.error({ event: 'fault', ...describeError(error) }, unavailableReasons.internal_error.meaning)
    return unavailable('internal_error', trace)
  }

  function noteSize({ credentials }: LoginRequest, verdict: Verdict, { directory }: Trace): void {
    if (verdict.kind !== 'accept' || credentials.kind !== 'token' || directory === undefined) return
    sizes?.note(directory.config.name, credentials.token.length)
  }

  return request => {
    const started = performance.now()
    const trace: Trace = { observe }
    const settle = isPasswordLogin(request) ? refusals.begin(request, started) : undefined
    const conclude = (verdict: Verdict): Verdict => {
      const ms = performance.now() - started
      logLogin(log, request, verdict, trace, ms)
      telemetry?.login(loginEvent(request, verdict, trace, ms))
      noteSize(request, verdict, trace)
      // Mail clients come back with an expired token by themselves: it counts as no failure where a directory was asked.
      return settle === undefined ? verdict : settle(verdict, trace.directory === undefined)
    }
    const handOver = (verdict: Verdict): Verdict | Promise<Verdict> => {
      const next = verdict.kind === 'accept' ? successor?.() : undefined
      if (next === undefined) return conclude(verdict)
      settle?.(verdict, false)
      return next(request)
    }
    try {
      const verdict = decide(request, trace)
      if (!(verdict instanceof Promise)) return conclude(verdict)
      return verdict.catch(error => fault(error, trace)).then(handOver)
    } catch (error) {
      return conclude(fault(error, trace))
    }
  }
}

/** Also of a message that couldn't be parsed, and so has neither. */
function isPasswordLogin({ credentials, mechanism }: LoginRequest): boolean {
  return credentials.kind === 'malformed'
    ? passwordMechanisms.some(({ name }) => name === mechanism)
    : credentials.kind === 'password'
}

function loginEvent(
  { listener, service, mechanism }: LoginRequest,
  verdict: Verdict,
  { directory, source }: Trace,
  ms: number,
): LoginEvent {
  const reason = verdict.kind === 'accept' ? 'ok' : verdict.reason
  return { listener, service, mechanism, directory: directory?.config.name, verdict: verdict.kind, reason, source, ms }
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
    password: trace.password,
    label: trace.label,
    remote: request.remoteAddress,
    session: request.session,
    ms: Math.round(ms * 10) / 10,
  }
  if (verdict.kind === 'accept') log.info(fields, 'login accepted')
  else if (verdict.kind === 'reject')
    log.info(
      { ...fields, cure: trace.cure ?? rejectReasons[verdict.reason].cure },
      rejectReasons[verdict.reason].meaning,
    )
  else
    log.warn({ ...fields, cure: unavailableReasons[verdict.reason].cure }, unavailableReasons[verdict.reason].meaning)
}
