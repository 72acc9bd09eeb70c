/**
 * Identity: which account do these claims belong to? PURE.
 *
 * A bound `sub` wins; else the email claim, as address or alias; else, where the provider gives no email, the username
 * claim: users can often choose that themselves, so it must not overrule an address. What the client sent is not looked at
 * here: it can't make anybody somebody. An account of another directory is out of reach, so that one provider can't vouch
 * for the users of another.
 */
import type { Account, AccountIndex } from '../accounts/account.ts'
import type { DirectoryConfig } from '../config/config.ts'
import { claimAt } from '../oidc/claim-path.ts'
import type { Claims } from '../oidc/token-verdict.ts'
import { list, quote } from './claims.ts'
import type { RejectReason } from './reason.ts'

export type Identity =
  | { readonly kind: 'account'; readonly account: Account; readonly by: 'subject' | 'email' | 'username' }
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
  /** Name of the directory that vouches for an account. */
  readonly directoryOf: (account: Account) => string | undefined
}

export function resolveIdentity(claims: Claims, context: IdentityContext): Identity {
  const { directory, accounts, directoryOf } = context
  const ours = (account: Account): boolean => directoryOf(account) === directory.name

  const subject = nameClaim(claims, ['sub'])
  const email = nameClaim(claims, directory.fields.email)
  if (subject === unusable) return reject('bad_identity', 'the claim "sub" is not a name')
  if (email === unusable) return reject('bad_identity', `the claim of ${list(directory.fields.email)} is not a name`)

  const [bound, twin] = subject === undefined ? [] : accounts.bySubject(subject).filter(ours)
  if (twin !== undefined) return reject('ambiguous_identity', 'several accounts have this subject')
  if (bound !== undefined) return { kind: 'account', account: bound, by: 'subject' }

  const nobody = (detail: string): Identity => {
    return { kind: 'unknown', email, fullName: fullName(claims, directory), subject, detail }
  }

  if (email !== undefined) {
    if (!isTrusted(claims, directory.require.emailVerified))
      return reject('email_not_verified', `email_verified is not true for ${quote(email)}`)
    const owner = accounts.byName(email)
    if (owner !== undefined && !ours(owner)) return reject('wrong_directory', belongsElsewhere(owner, context))
    if (owner !== undefined) return unlessBound(owner, 'email', subject)
    return nobody(`email ${quote(email)}`)
  }

  const username = nameClaim(claims, directory.fields.username)
  if (username === unusable)
    return reject('bad_identity', `the claim of ${list(directory.fields.username)} is not a name`)
  if (username === undefined) return reject('no_identity', describeFields(directory))
  const [named, another] = accounts.byUsername(username).filter(ours)
  if (another !== undefined) return reject('ambiguous_identity', 'several accounts have this username')
  return named === undefined ? nobody(`username ${quote(username)}`) : unlessBound(named, 'username', subject)
}

/** An account with a subject is open to that subject only, whatever the other claims say: addresses change hands. */
function unlessBound(account: Account, by: 'email' | 'username', subject: string | undefined): Identity {
  if (account.subject === undefined) return { kind: 'account', account, by }
  return reject('subject_mismatch', `${account.address} is bound to another subject than ${quote(subject)}`)
}

/** `always`: must be there and true; `if-present`: must not be there and anything else. Some providers send "true". */
function isTrusted(claims: Claims, required: DirectoryConfig['require']['emailVerified']): boolean {
  if (required === 'never') return true
  const verified = claimAt(claims, 'email_verified')
  if (verified === undefined) return required === 'if-present'
  return verified === true || verified === 'true'
}

/**
 * The first of several claims that is present. Empty strings and null count as absent; anything that isn't a string, or
 * holds what no name holds (control characters, U+FFFD from broken UTF-8), is unusable and must not be skipped over.
 */
function nameClaim(claims: Claims, paths: readonly string[]): string | typeof unusable | undefined {
  for (const path of paths) {
    const value = claimAt(claims, path)
    if (value === undefined || value === '') continue
    return typeof value === 'string' && isName(value) ? value : unusable
  }
  return undefined
}

const unusable = Symbol('unusable')

const isName = (value: string): boolean => value.length <= 1024 && !/[\p{Cc}\u2028\u2029\ufffd]/u.test(value)

/** Only for display, so an odd value is left out instead of refused. */
function fullName(claims: Claims, directory: DirectoryConfig): string | undefined {
  const name = nameClaim(claims, directory.fields.fullName)
  return name === unusable ? undefined : name
}

function describeFields({ fields }: DirectoryConfig): string {
  return `none of ${list([...fields.email, ...fields.username])} is in the answer`
}

function belongsElsewhere(account: Account, { directory, directoryOf }: IdentityContext): string {
  return `${account.address} belongs to directory ${quote(directoryOf(account))}, not ${quote(directory.name)}`
}

function reject(reason: RejectReason, detail: string): Identity {
  return { kind: 'reject', reason, detail }
}
