/**
 * Mechanism: a SASL mechanism seen from the server (RFC 4422): bytes in, challenge or credentials out. Types only.
 *
 * A mechanism parses; it decides nothing. What it can't parse it calls malformed and says why, in words that never
 * contain what the client sent: a token or a password may be in it.
 */

export type Credentials = TokenCredentials | PasswordCredentials

export type TokenCredentials = {
  readonly kind: 'token'
  /** RFC 6750 b64token, within the size limit. */
  readonly token: string
  /** The name that the client asked for; undefined where the mechanism allows none. Never a proof of anything. */
  readonly authzid: string | undefined
}

export type PasswordCredentials = {
  readonly kind: 'password'
  /** Whose password it is (RFC 4616), as sent: UTF-8, no control characters, not empty. */
  readonly authcid: string
  /** As sent: UTF-8, not empty, no NUL, within the size limit of a token. */
  readonly password: string
  /** Who she wants to be; undefined: herself. */
  readonly authzid: string | undefined
}

export type Malformed = {
  readonly kind: 'malformed'
  readonly why: string
  /** The message was cut off by Postfix's line_length_limit, as far as its length tells. */
  readonly truncated?: boolean
}

export type Challenge = { readonly kind: 'challenge'; readonly data: Buffer }

/** One authentication exchange under way. `response` is undefined if the client sent no initial response. */
export type Exchange = (response: Buffer | undefined) => Challenge | Credentials | Malformed

export type MechanismOptions = { readonly tokenBytes: number }

export type Mechanism = {
  /** As registered, upper case. */
  readonly name: string
  /**
   * Flags of the MECH line. All of ours carry `plaintext`, as real Dovecot's do: a bearer token on an open wire is as
   * good as a password to whoever listens, and `noplaintext` must exclude it.
   */
  readonly flags: readonly string[]
  /** Told a failure as a challenge before the exchange fails (RFC 7628 section 3.2.3); undefined: never. */
  readonly failure: 'oauthbearer' | 'xoauth2' | undefined
  start(options: MechanismOptions): Exchange
}
