/** What is found out about a token, and by whom. Types only. */

/** JSON object as the provider sent it: every value is of unknown type until looked at. */
export type Claims = Readonly<Record<string, unknown>>

export type Jwt = { readonly header: Claims; readonly payload: Claims }

/** What is known of a token once its provider has vouched for it, by its word or by its signature. */
export type Evidence = {
  /** Who it is: where names and gates are read. */
  readonly claims: Claims
  /** What it is: where audience, client, scopes and expiry are read. */
  readonly token: Claims
  /** The token's own content, if it is a JWT. */
  readonly jwt: Jwt | undefined
  /** Whether nothing but the JWT's signature speaks for it: then all of RFC 9068 section 4 is asked of it. */
  readonly verified: boolean
}

/** Why a token isn't good, before anybody looks at what it claims. Reason codes of `auth/reason.ts`. */
export type RefusalReason =
  /** By the provider, with or without a reason of its own. */
  | 'token_refused'
  | 'insufficient_scope'
  /** By what stands in it. */
  | 'opaque_token'
  | 'wrong_issuer'
  | 'token_malformed'
  | 'algorithm_not_allowed'
  | 'unsupported_header'
  | 'not_an_access_token'
  | 'unknown_key'
  | 'bad_signature'
  /** Two answers about it name two people. */
  | 'subject_conflict'

export type Refused = { readonly kind: 'refused'; readonly reason: RefusalReason; readonly detail: string }

export type TokenVerdict = (
  | {
      readonly kind: 'active'
      readonly evidence: Evidence
      /** What is known is enough to refuse the token, so that not all of the chain was asked. Good for nothing else. */
      readonly isPartial?: boolean
    }
  | Refused
  /** Anything else. The cause has been logged by the provider where its state changed. */
  | { readonly kind: 'unavailable' }
) & {
  /** The methods that led here: "jwt", "introspect+userinfo". */
  readonly source: string
}

/** One check on the way to a verdict, in words that are fit for a terminal and hold no secret. */
export type Step = {
  /** "audience", "signature", "userinfo" … */
  readonly check: string
  readonly outcome: 'ok' | 'failed' | 'note'
  readonly seen: string
  readonly expected?: string | undefined
  readonly cure?: string | undefined
}

/** Is told of each step, for those who want to see how a verdict comes about. */
export type Observe = (step: Step) => void

/** One OpenID provider, ready to be asked. */
export type Provider = {
  /** Finds out about a token, within the directory's timeout. Never rejects. */
  lookup(token: string, observe?: Observe): Promise<TokenVerdict>
  /** URL of the discovery document, where an issuer is known. */
  readonly openidConfiguration: string | undefined
  close(): Promise<void>
}
