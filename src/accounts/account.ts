/**
 * Account: one mail account, and the questions that can be asked of all of them. Types only.
 *
 * Addresses are canonical everywhere behind the file parser: local part lower-cased and in NFC, domain in lower-case
 * A-labels (`address.ts`). `directory` in this file is the name of a `[directory.NAME]`, an OpenID provider.
 */

export type Account = {
  /** The login name, the Dovecot user and the delivery address. */
  readonly address: string
  /** Further addresses; `@domain` is a catch-all. */
  readonly aliases: readonly string[]
  readonly fullName: string | undefined
  /** Her name at the provider, compared as the provider spells it, for providers whose claims give no address. */
  readonly username: string | undefined
  /** The provider's immutable id. Once set, only a token with this `sub` is this account. */
  readonly subject: string | undefined
  /** The directory that vouches for her, where it isn't the one of her domain. */
  readonly directory: string | undefined
  /** False: no login. */
  readonly enabled: boolean
  /** Whether mail is accepted: always while enabled, and for a disabled account if the file says `receive = true`. */
  readonly receives: boolean
  /** Addresses she may send from beside her own. */
  readonly sendAs: readonly string[]
  /** Bytes. */
  readonly quota: number | undefined
  /** userdb fields of her own, templates not yet filled in; uid and gid are numbers already. */
  readonly userdb: Readonly<Record<string, string>>
  /** When the account was made, in milliseconds since 1970. A password from before is a former owner's. */
  readonly created: number | undefined
}

/** How an address came to an account. */
export type Recipient = {
  readonly account: Account
  readonly kind: 'mailbox' | 'alias' | 'catch-all'
  /** `+tag`, with its delimiter, or empty. Always empty for a catch-all. */
  readonly extension: string
}

/**
 * All accounts at one moment. Every argument may come from the network as it is: names are brought into canonical form
 * inside, and what isn't an address is simply nobody's.
 */
export type AccountIndex = {
  readonly size: number
  /** By address or alias, exactly: no extension, no catch-all. The only lookup that an identity may rest on. */
  byName(name: string): Account | undefined
  /** By the `username` key, exactly as spelled. Several, when several directories have an "alice". */
  byUsername(username: string): readonly Account[]
  bySubject(subject: string): readonly Account[]
  /** Postfix's order: the address, the address without its extension, `@domain`. Disabled accounts are found too. */
  recipient(address: string): Recipient | undefined
  /** Accounts that may send from an address: its owner, whose alias or catch-all it is, and by `send-as`. */
  senders(address: string): readonly Account[]
  /** Whether an account's own address or a catch-all is in this domain. A single alias doesn't make a domain ours. */
  hasDomain(domain: string): boolean
  all(): Iterable<Account>
  /** The userdb fields of an account, templates filled in, defaults added. */
  userdb(account: Account): Readonly<Record<string, string>>
}

/**
 * What is needed to add an account for somebody who logged in and had none (`accounts.unknown = "create"`). Not her
 * username: she may have chosen it to be taken for somebody else.
 */
export type NewAccount = {
  readonly address: string
  readonly fullName: string | undefined
  readonly subject: string | undefined
  readonly directory: string
}

/** The accounts as they change over time. */
export type AccountStore = {
  /** Undefined until a load has succeeded: then the honest answer to everything is "temporarily unavailable". */
  current(): AccountIndex | undefined
  /**
   * Resolves when the account is on disk (fsync) and in `current()`. Rejects, and changes nothing, otherwise: with a
   * CreateLimitError if enough have been created for this hour.
   */
  create(account: NewAccount): Promise<Account>
}

/** `accounts.create.per-hour` accounts have been created within the last hour. */
export class CreateLimitError extends Error {
  override readonly name = 'CreateLimitError'
}
