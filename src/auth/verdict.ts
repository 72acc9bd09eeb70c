/** Verdict: the one outcome of a login, before any protocol turns it into bytes. Types only. */
import type { Account } from '../accounts/account.ts'
import type { Credentials, Malformed } from '../sasl/mechanism.ts'
import type { RejectReason, UnavailableReason } from './reason.ts'

export type LoginRequest = {
  readonly listener: string
  /** `service=` or `protocol=` as the mail server said it: imap, pop3, smtp, submission, sieve, doveadm … */
  readonly service: string
  readonly mechanism: string
  readonly credentials: Credentials | Malformed
  readonly remoteAddress: string | undefined
  /** The mail server's session id, to find the login again in its log. */
  readonly session: string | undefined
}

/** RFC 7628 section 3.2.2: what a client is told about a failed token. */
export type OAuthFailure = {
  readonly status: 'invalid_token' | 'insufficient_scope' | 'invalid_request'
  readonly scope: string | undefined
  /** URL of the external provider's discovery document. */
  readonly openidConfiguration: string | undefined
}

export type Accept = { readonly kind: 'accept'; readonly account: Account }

export type Reject = {
  readonly kind: 'reject'
  readonly reason: RejectReason
  readonly oauth: OAuthFailure
  /** Dovecot's `code=` (lib-auth auth-client.h); undefined: a plain failure. */
  readonly code: 'authz_fail' | 'user_disabled' | undefined
  /** Shown to the user verbatim by Thunderbird: only what she can mend herself. */
  readonly userMessage: string | undefined
  /** The name for the mail server's log, and who reads it (fail2ban): the one asked for, or else the account's. */
  readonly user: string | undefined
  /** Not to be told before, by performance.now(). Undefined: at once. */
  readonly dueMs?: number | undefined
}

export type Unavailable = {
  readonly kind: 'unavailable'
  readonly reason: UnavailableReason
  readonly user: string | undefined
}

export type Verdict = Accept | Reject | Unavailable

/**
 * Never throws or rejects: whatever nobody expected is `unavailable`. A verdict that needs no waiting, on a cached token
 * mostly, comes at once.
 */
export type Authenticate = (request: LoginRequest) => Verdict | Promise<Verdict>
