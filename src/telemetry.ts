/**
 * Telemetry: what happens, told to whoever counts it. Types only. What is told is safe to show: no token, no password, no
 * user's name. Every text is one of a bounded set, or made so by whoever counts. Listening must be quick and not throw.
 */
import type { Asked } from './config/config.ts'

/** A login has been decided on, as its line in the log says. */
export type LoginEvent = {
  readonly listener: string
  /** As the mail server calls it: "imap", "smtp". */
  readonly service: string
  /** In capitals, of those on offer. */
  readonly mechanism: string
  readonly directory: string | undefined
  readonly verdict: 'accept' | 'reject' | 'unavailable'
  /** "ok", or a code of `auth/reason.ts`. */
  readonly reason: string
  /** How it was found out: "cache", "jwt", "introspect+userinfo", "app-password" …; undefined where nobody was asked. */
  readonly source: string | undefined
  readonly ms: number
}

/** What a provider is asked for. */
export type ProviderRequest = Asked | 'discovery' | 'keys'

export type ProviderEvent = {
  readonly directory: string
  readonly request: ProviderRequest
  /** `answered`: with a verdict on the token, a document, keys. `failed`: anything else. `skipped`: by the breaker. */
  readonly outcome: 'answered' | 'failed' | 'skipped'
  /** Zero where it was skipped. */
  readonly ms: number
}

/** A mail server has asked about an address: a map, a policy request, a userdb entry. */
export type LookupEvent = {
  readonly listener: string
  readonly answer: 'found' | 'not-found' | 'unavailable'
}

export type Telemetry = {
  login(event: LoginEvent): void
  /** A request to a provider begins; what is returned tells how it ended. */
  asking(directory: string, request: ProviderRequest): (outcome: 'answered' | 'failed') => void
  /** The breaker let nobody through. */
  skipped(directory: string, request: ProviderRequest): void
  lookup(event: LookupEvent): void
}
