/**
 * Identity: which account do these claims belong to? PURE.
 *
 * The `sub` that an account has, or is bound to, wins; else the email claim, as address or alias; else, where the provider
 * gives no email, the username claim: users can often choose that themselves, so it must not overrule an address. What the
 * client sent is not looked at here: it can't make anybody somebody. An account of another directory is out of reach, so
 * that one provider can't vouch for the users of another.
 *
 * With `bind = "first-login"` an account without a `subject` of its own is bound to the first `sub` that it is found for.
 * From then on it is that user's, whatever her address becomes, and nobody's who is given her address. Without it, bindings
 * from former times say nothing.
 */
import type { Account, AccountIndex } from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/address.ts'
import type { BindingIndex } from '../accounts/binding-table.ts'
import type { DirectoryConfig } from '../config/config.ts'
import { claimAt, valueAt } from '../oidc/claim-path.ts'
import { list, quote } from '../oidc/quote.ts'
import type { Claims } from '../oidc/token-verdict.ts'
import type { RejectReason } from './reason.ts'

export type Identity =
  | {
      readonly kind: 'account'
      readonly account: Account
      readonly by: 'subject' | 'email' | 'username'
      /** The `sub` that the account is bound to, or has to be before it is hers; undefined: nothing is bound here. */
      readonly bind: string | undefined
    }
  /** A good token of somebody who has no account. `email` may be believed. */
  | {
      readonly kind: 'unknown'
      readonly email: string | undefined
      readonly fullName: string | undefined
      readonly subject: string | undefined
      readonly detail: string
    }
  | { readonly kind: 'reject'; readonly reason: RejectReason; readonly detail: string }

export type IdentityContext = {
  readonly directory: DirectoryConfig
  readonly accounts: AccountIndex
  /** Who is bound to what, where the directory binds at the first login; undefined: it doesn't. */
  readonly bindings: BindingIndex | undefined
  /** Name of the directory that vouches for an account. */
  readonly directoryOf: (account: Account) => string | undefined
}

export function resolveIdentity(claims: Claims, context: IdentityContext): Identity {
  const { directory, bindings } = context
  const subject = nameClaim(claims, ['sub'], isSubject)
  if (subject === unusable) return reject('bad_identity', 'the claim "sub" is not a name')

  const [owner, twin] = subject === undefined ? [] : accountsOf(subject, context)
  if (twin !== undefined) return reject('ambiguous_identity', 'several accounts have this subject')
  if (owner !== undefined) return found(owner, 'subject', subject, context)

  const named = byName(claims, context)
  if (named.kind === 'reject') return named
  if (named.kind === 'account') return unlessBound(named.account, named.by, subject, context)
  // Else she would be let in once, when her account is made, and never again.
  if (bindings !== undefined && subject === undefined) return noSubject
  const name = nameClaim(claims, directory.fields.fullName, isText)
  // It is only shown: an odd one is left out instead of refused.
  return { ...named, fullName: name === unusable ? undefined : name, subject }
}

/** Whose a `sub` is: by the account file, or by a binding. */
function accountsOf(subject: string, { accounts, bindings, directory, directoryOf }: IdentityContext): Account[] {
  const owners = accounts.bySubject(subject)
  const bound = (bindings?.addressesOf(subject, directory.name) ?? []).flatMap(address => {
    const account = accounts.byName(address)
    // By an alias it would be somebody else's; and what the account file says is not for a binding to change.
    if (account?.address !== address || account.subject !== undefined) return []
    return bindings?.subjectOf(account, directory.name) === subject ? account : []
  })
  return [...owners, ...bound].filter(account => directoryOf(account) === directory.name)
}

type Named =
  | { readonly kind: 'account'; readonly account: Account; readonly by: 'email' | 'username' }
  | { readonly kind: 'unknown'; readonly email: string | undefined; readonly detail: string }
  | Extract<Identity, { kind: 'reject' }>

function byName(claims: Claims, context: IdentityContext): Named {
  const { directory, accounts, directoryOf } = context
  const { fields } = directory
  const email = nameClaim(claims, fields.email, isAddress)
  if (email === unusable) return notAName(fields.email, 'an address that an account can have')
  if (email !== undefined) {
    if (!isTrusted(claims, directory))
      return reject('email_not_verified', `email_verified is not true for ${quote(email)}`)
    const owner = accounts.byName(email)
    if (owner === undefined) return { kind: 'unknown', email, detail: `email ${quote(email)}` }
    if (directoryOf(owner) !== directory.name) return reject('wrong_directory', belongsElsewhere(owner, context))
    return { kind: 'account', account: owner, by: 'email' }
  }

  const username = nameClaim(claims, fields.username, isUsername)
  if (username === unusable) return notAName(fields.username, 'a name')
  if (username === undefined) return reject('no_identity', describeFields(directory))
  const [named, another] = accounts.byUsername(username).filter(account => directoryOf(account) === directory.name)
  if (another !== undefined) return reject('ambiguous_identity', 'several accounts have this username')
  if (named === undefined) return { kind: 'unknown', email, detail: `username ${quote(username)}` }
  return { kind: 'account', account: named, by: 'username' }
}

/** Whoever has another `sub` than the account, or tells none, is somebody else: addresses and names change hands. */
function unlessBound(
  account: Account,
  by: 'email' | 'username',
  subject: string | undefined,
  context: IdentityContext,
): Identity {
  const { bindings, directory } = context
  if ((account.subject ?? bindings?.subjectOf(account, directory.name)) !== undefined)
    return reject('subject_mismatch', `${account.address} is bound to another subject than ${quote(subject)}`)
  return bindings !== undefined && subject === undefined ? noSubject : found(account, by, subject, context)
}

function found(
  account: Account,
  by: 'subject' | 'email' | 'username',
  subject: string | undefined,
  { bindings }: IdentityContext,
): Identity {
  return { kind: 'account', account, by, bind: bindings && account.subject === undefined ? subject : undefined }
}

/**
 * `always`: must be there and true; `if-present`: must not be there and anything else. Some providers send "true". Where
 * the address is in an object, it is beside it, or at the top: `ext.email_verified` goes with `ext.email`. Empty text is
 * there, unlike in other claims: PHP makes it of false.
 */
function isTrusted(claims: Claims, { fields, require }: Pick<DirectoryConfig, 'fields' | 'require'>): boolean {
  if (require.emailVerified === 'never') return true
  const source = fields.email.find(path => claimAt(claims, path) !== undefined) ?? ''
  const places = ['email_verified', source.replace(/[^.]*$/, 'email_verified')]
  const told = places.map(path => valueAt(claims, path) ?? undefined).filter(verified => verified !== undefined)
  if (told.length === 0) return require.emailVerified === 'if-present'
  return told.every(verified => verified === true || verified === 'true')
}

/**
 * The first of several claims that is present. Empty strings and null count as absent; anything that isn't a string, or
 * not the kind of name that it should be, is unusable and must not be skipped over.
 */
function nameClaim(
  claims: Claims,
  paths: readonly string[],
  isName: (value: string) => boolean,
): string | typeof unusable | undefined {
  for (const path of paths) {
    const value = claimAt(claims, path)
    if (value !== undefined)
      return typeof value === 'string' && value.length <= maxLength && isName(value) ? value : unusable
  }
  return undefined
}

const unusable = Symbol('unusable')
const maxLength = 1024

/** No control characters, and no U+FFFD, which comes of broken UTF-8. */
const isText = (value: string): boolean => !/[\p{Cc}\p{Cs}\u2028\u2029\ufffd]/u.test(value)

/** Opaque (OpenID Connect Core section 2), and with `|`, `/` or blanks at some providers. It is only ever compared. */
const isSubject = isText

/**
 * As strict as the account file (`address.ts`): no `%`, `*`, `/`, `\`, backquote, quotes, blanks. Nor anything invisible,
 * which a domain in Unicode may hold for the account file (UTS #46 drops it), but no provider has a reason to send. Nor
 * what UTS #46 takes for other letters or for a dot: to a provider that has each address once it may be another address.
 */
const isAddress = (value: string): boolean => {
  const domain = value.slice(value.lastIndexOf('@') + 1)
  return (
    canonicalAddress(value) !== undefined &&
    !/[\p{C}\p{Default_Ignorable_Code_Point}]/u.test(value) &&
    !/[\u212a\u3002]/.test(domain) &&
    domain.normalize('NFKC') === domain.normalize('NFC')
  )
}

/**
 * Compared as spelled with what an administrator has written, and never part of a path or of a Dovecot name. So `\` may
 * be in it (Active Directory has `DOMAIN\alice`), and single blanks between words. Refused is what other programs on the
 * way take for more than a letter: `%` (Dovecot's variables), `*` (before its master user), `/`, the backquote; and what
 * nobody sees.
 */
const isUsername = (value: string): boolean =>
  /^(?:[^\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\ufffd%*/`]|(?<! |^) (?! |$))+$/u.test(value)

function describeFields({ fields }: DirectoryConfig): string {
  return `none of ${list([...fields.email, ...fields.username])} is in the answer`
}

function belongsElsewhere(account: Account, { directory, directoryOf }: IdentityContext): string {
  return `${account.address} belongs to directory ${quote(directoryOf(account))}, not ${quote(directory.name)}`
}

function notAName(paths: readonly string[], what: string): Extract<Identity, { kind: 'reject' }> {
  return reject('bad_identity', `the claim of ${list(paths)} is not ${what}`)
}

function reject(reason: RejectReason, detail: string): Extract<Identity, { kind: 'reject' }> {
  return { kind: 'reject', reason, detail }
}

const noSubject = reject('no_subject', 'no claim "sub" in the answer')
