/** What a provider says of a token. Types only. */

/** JSON object as the provider sent it: every value is of unknown type until looked at. */
export type Claims = Readonly<Record<string, unknown>>

export type TokenVerdict =
  /** The provider vouches for the token. */
  | { readonly kind: 'active'; readonly claims: Claims }
  /** The provider's own word that the token is not good. `error` is an RFC 6750 section 3.1 code. */
  | { readonly kind: 'refused'; readonly error: 'invalid_token' | 'insufficient_scope' }
  /** Anything else. The cause has been logged by the provider where its state changed. */
  | { readonly kind: 'unavailable' }

/** One OpenID provider, ready to be asked. */
export type Provider = {
  /** Asks about a token, within the directory's timeout. Never rejects. `token` must be an RFC 6750 b64token. */
  lookup(token: string): Promise<TokenVerdict>
  /** URL of the discovery document, where an issuer is known. */
  readonly openidConfiguration: string | undefined
  close(): Promise<void>
}
