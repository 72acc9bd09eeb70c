/**
 * Outcome: what is learnt on the way to a verdict, for the log line, and the verdicts made of it.
 */
import { escaped } from '../escape.ts'
import type { Observe } from '../oidc/token-verdict.ts'
import type { RejectReason, UnavailableReason } from './reason.ts'
import type { Directory } from './token.ts'
import type { OAuthFailure, Reject, Unavailable } from './verdict.ts'

export type Trace = {
  asked?: string
  directory?: Directory
  /** How it was found out: "cache", "jwt", "introspect+userinfo", "app-password" … */
  source?: string
  account?: string
  /** Id and label of the password that was presented. */
  password?: string
  label?: string
  detail?: string
  /** Where there is more to say than stands in `reason.ts`. */
  cure?: string | undefined
  /** Is told of each step of the decision on a token. */
  observe?: Observe | undefined
}

export function reject(reason: RejectReason, detail: string, trace: Trace): Reject {
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

export function unavailable(reason: UnavailableReason, trace: Trace): Unavailable {
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

/** What came from the network, fit for a log: control characters and line separators escaped, at most 256 characters. */
export function printable(text: string): string {
  return escaped(text.slice(0, 256))
}
