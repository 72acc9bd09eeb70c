/**
 * Config: what bearerd.toml says, decoded and checked. Types only; `load.ts` makes one, everybody else reads it.
 *
 * Durations are milliseconds, sizes bytes, paths absolute. Nothing here is mutable after loading.
 */
import type { Secret } from '../secret.ts'

export type Protocol = 'dovecot-auth' | 'dovecot-master' | 'postfix-sasl' | 'postfix-policy' | 'postfix-socketmap'

/** `[listen.NAME]`: one socket, one protocol. */
export type ListenerConfig = {
  readonly name: string
  readonly protocol: Protocol
  /** Absolute, at most 107 bytes (sun_path). */
  readonly path: string
  /** Permission bits; 0o660 unless set, 0o600 for `dovecot-master`. */
  readonly mode: number
  readonly group: string | undefined
  /**
   * Whether a rejected XOAUTH2 login gets the JSON challenge before the failure. `auto`: over SMTP yes, over IMAP, POP3
   * and Sieve no, because Thunderbird answers it by repeating its command and shows "Invalid base64".
   */
  readonly xoauth2Challenge: 'auto' | 'always' | 'never'
}

/** How bearerd proves itself to an introspection endpoint (RFC 7662 section 2.1, RFC 6749 section 2.3, RFC 7523). */
export type ClientAuth =
  /** `username`: the client id of a public client. */
  | { readonly method: 'none'; readonly username: string | undefined }
  /** `form`: id and secret form-encoded first, as RFC 6749 section 2.3.1 asks; `raw`: as many providers expect. */
  | {
      readonly method: 'basic'
      readonly username: string
      readonly secret: Secret
      readonly encoding: 'form' | 'raw'
    }
  | { readonly method: 'post'; readonly username: string; readonly secret: Secret }
  /** A fixed bearer token of our own. */
  | { readonly method: 'token'; readonly token: Secret }
  /** The user's own token serves as the bearer token too. */
  | { readonly method: 'user-token' }
  /** RFC 7523; `key` is a PKCS #8 PEM. */
  | {
      readonly method: 'private-key-jwt'
      readonly username: string
      readonly key: Secret
      readonly keyId: string | undefined
    }

/**
 * How a token is judged: by the issuer's keys (RFC 9068), or by asking the provider: RFC 7662 introspection, Google's
 * tokeninfo, OpenID Connect's userinfo.
 */
export type Method = 'jwt' | 'introspect' | 'tokeninfo' | 'userinfo'

/** The provider itself is asked about each token. */
export type Asked = Exclude<Method, 'jwt'>

/** `[directory.NAME]`: one OpenID provider and how its answers map to accounts. */
export type DirectoryConfig = {
  readonly name: string
  /** Whole budget of one lookup, at most 8 s: Postfix hangs up at 10. */
  readonly timeoutMs: number
  readonly issuer: string | undefined
  readonly endpoint: {
    /** In the order in which they are used (`oidc/chain.ts`); at least one. */
    readonly methods: readonly Method[]
    /** Where an endpoint isn't the one that the issuer publishes. */
    readonly urls: { readonly [Name in Asked | 'jwks']?: string | undefined }
    /** Whether the provider is asked about JWTs too that were found good here: it may have revoked them. */
    readonly alwaysAsk: boolean
  }
  readonly auth: ClientAuth
  /** Each a list of claim paths ("email", "ext.email"); the first one present counts. */
  readonly fields: {
    readonly email: readonly string[]
    readonly username: readonly string[]
    readonly fullName: readonly string[]
  }
  /** Login domains (A-labels, lower case) that go to this directory; empty: a default directory. */
  readonly domains: readonly string[]
  readonly require: {
    /** The token must be meant for one of these; empty: not checked. */
    readonly audience: readonly string[]
    /** The token must carry all of these. */
    readonly scopes: readonly string[]
    /** The token must have been issued to one of these clients; empty: not checked. */
    readonly clients: readonly string[]
    readonly emailVerified: 'always' | 'if-present' | 'never'
    /** Claim path → values of which the claim must have one. */
    readonly claim: Readonly<Record<string, readonly string[]>>
  }
  /** For JWTs that are judged here. */
  readonly jwt: {
    /** `alg` (RFC 7518 section 3.1), never "none" or HMAC. */
    readonly algorithms: readonly string[]
    /** `typ`, in lower case, without "application/"; an absent one counts as "jwt". */
    readonly types: readonly string[]
  }
  /** The issuer's keys: fetched so often, and used for so long while that fails. */
  readonly keys: { readonly refreshMs: number; readonly maxAgeMs: number }
  /** By how much the provider's clock may differ from ours. */
  readonly leewayMs: number
  /** Whether the provider's `sub` is bound to an account when its owner first logs in. */
  readonly bind: 'never' | 'first-login'
  readonly tls: {
    readonly caFile: string | undefined
    readonly certFile: string | undefined
    readonly keyFile: string | undefined
  }
  /** Connections kept to the provider at most. */
  readonly connections: number
  /** What `check` warns of: that tokens meant for mail can't be told from others. */
  readonly warnings: readonly string[]
}

export type AccountsConfig = {
  /** bearerd.toml, to be named where `defaults` turn out to be wrong. */
  readonly configFile: string
  /** Read in order; `.toml` or `.jsonl` by their ending. */
  readonly files: readonly string[]
  readonly unknown: 'reject' | 'create'
  /** Characters as in Postfix's `recipient_delimiter`; empty: no extensions. */
  readonly recipientDelimiter: string
  /** userdb fields of accounts that don't set their own; `{address}`, `{local}`, `{domain}` are replaced. */
  readonly defaults: Readonly<Record<string, string>>
  /** For `unknown = "create"`. */
  readonly create: {
    /** Domains in which accounts are created; empty: any that is ours already. */
    readonly domains: readonly string[]
    /** Accounts created in any hour, at most. */
    readonly perHour: number
  }
}

/** `[app-passwords]`: logins by PLAIN and LOGIN. */
export type AppPasswordsConfig = {
  /** False: PLAIN and LOGIN are not offered. */
  readonly enabled: boolean
  /** Whether an access token may be sent in place of a password. */
  readonly acceptTokens: boolean
  /** A refused password is answered so long after it came, whatever was wrong with it. */
  readonly failureDelayMs: number
  /** Imported hashes being checked at once. */
  readonly verifications: number
}

export type CacheConfig = {
  readonly ttlMs: number
  readonly negativeTtlMs: number
  /** Per directory; as many bad verdicts again are kept apart. */
  readonly maxTokens: number
}

/** Per listener. */
export type LimitsConfig = {
  readonly connections: number
  /** Requests being worked on, per connection; more wait unread. */
  readonly requests: number
  /** Longest bearer token, in bytes. */
  readonly tokenBytes: number
}

export type LogConfig = {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly format: 'json' | 'pretty'
}

/** `[http]`: where metrics and health are asked for. */
export type HttpConfig =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** Absolute, at most 107 bytes. */
  | { readonly kind: 'unix'; readonly path: string }

/** `[control]`: the socket of `bearerd status`, for root and bearerd's own user. */
export type ControlConfig = {
  /** Absolute, at most 107 bytes. */
  readonly path: string
}

export type Config = {
  /** The file it came from. */
  readonly file: string
  /** Absolute. What bearerd writes by itself is here: app passwords and when they were used. */
  readonly stateDir: string
  readonly accounts: AccountsConfig
  readonly appPasswords: AppPasswordsConfig
  readonly listeners: readonly ListenerConfig[]
  /** In the file's order; the first one without `domains` is the default. */
  readonly directories: readonly DirectoryConfig[]
  readonly cache: CacheConfig
  readonly limits: LimitsConfig
  readonly log: LogConfig
  /** Undefined: not served. */
  readonly http: HttpConfig | undefined
  readonly control: ControlConfig
}
