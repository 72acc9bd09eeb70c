/**
 * Password: what is kept of the passwords that mail clients may log in with, and what can be asked of them. Types only.
 *
 * Two kinds. App passwords are made by bearerd: random, so that a fast hash is enough, and with their `id` in the first
 * letters, so that one hash is computed whatever their number. Imported ones are hashes of passwords that people chose
 * elsewhere; an account has one at most. They are told apart by the scheme of `hash`: {SHA256} is ours alone.
 */

/** What a password may be restricted to. `smtp` is submission, by Postfix or by Dovecot. */
export type Service = 'imap' | 'pop3' | 'smtp' | 'sieve'

export type PasswordRecord = {
  /** Unique within its account. Of an app password its first letters, the selector. */
  readonly id: string
  /** Canonical address of its account. */
  readonly account: string
  /** For people. */
  readonly label: string
  /** `{SCHEME}…` as Dovecot spells it (doc/wiki/Authentication.PasswordSchemes). Never logged. */
  readonly hash: string
  /** Milliseconds since 1970. */
  readonly created: number
  /** Milliseconds since 1970. */
  readonly expires: number | undefined
  /** Empty: all. */
  readonly services: readonly Service[]
  /** CIDR (RFC 4632, RFC 4291); a single address has its full length. Empty: all. */
  readonly networks: readonly string[]
}

/** All passwords at one moment. */
export type PasswordIndex = {
  readonly size: number
  /** The imported ones, in the order of the file. */
  readonly imported: readonly PasswordRecord[]
  /** Those of an account, by its canonical address. */
  of(account: string): readonly PasswordRecord[]
  all(): Iterable<PasswordRecord>
}

/** The passwords as they change over time. */
export type PasswordStore = {
  /** Undefined until the file has been read without a problem. A file that never existed is an empty one. */
  current(): PasswordIndex | undefined
  /** Notes that a password was good for a login. Written in batches; the only thing that a crash may lose. */
  used(record: PasswordRecord, remoteAddress: string | undefined): void
}

export type LastUse = {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly from: string | undefined
}

/** What a password is, tried on an account's records. */
export type Match =
  | { readonly kind: 'match'; readonly record: PasswordRecord }
  /**
   * `foreign`: not in the form of an app password, and the account has no imported one that it could be. `unknown`: in
   * that form, but the account has none with this id. `mismatch`: the hash of the one record that it could be is another.
   */
  | { readonly kind: 'none'; readonly why: 'foreign' | 'unknown' | 'mismatch' }
  /** Too many imported hashes are being checked. */
  | { readonly kind: 'busy' }

export type Attempt = {
  /** One spelling of it: for an account, its address. */
  readonly name: string
  readonly password: string
  readonly records: readonly PasswordRecord[]
  /** All that there are. */
  readonly imported: readonly PasswordRecord[]
  readonly remoteAddress: string | undefined
}

export type Verifier = {
  /**
   * Computes one hash, whatever is given, and none of an imported kind on the event loop. `records` are an account's; for
   * somebody who has none, []. `remoteAddress` is who asks: nobody gets all the capacity. Never rejects.
   */
  verify(
    password: string,
    records: readonly PasswordRecord[],
    remoteAddress: string | undefined,
  ): Match | Promise<Match>
  /**
   * For what `verify` answered at once and is to be refused: as much work, and waiting for it, as a wrong password is where
   * there is an imported hash. Returns the given match at once if there are no such hashes, or the password is too long
   * for them; otherwise that match or `busy`, later. Never rejects.
   */
  disguise(match: Match, attempt: Attempt): Match | Promise<Match>
  close(): Promise<void>
}
