/**
 * Steps: how the decision on a token is told to somebody who wants to follow it, as `explain-token` does. PURE.
 *
 * The checks of claims tell of themselves (`claims.ts`), and so does the provider (`oidc/provider.ts`). What comes from the
 * network is quoted. Of the token itself nothing is told but what its header says of it (alg, typ, kid), and its issuer.
 */
import type { Account } from '../accounts/account.ts'
import type { DirectoryConfig } from '../config/config.ts'
import { claimAt } from '../oidc/claim-path.ts'
import { list, quote, quoteValue } from '../oidc/quote.ts'
import type { Claims, Jwt, Step } from '../oidc/token-verdict.ts'
import type { Identity } from './identity.ts'
import type { Newcomer } from './newcomer.ts'
import { type RejectReason, reasons, type UnavailableReason } from './reason.ts'

export type { Step }

/** A check that ends the decision. */
export function failedStep(
  check: string,
  reason: RejectReason | UnavailableReason,
  seen: string,
  expected?: string,
): Step {
  return { check, outcome: 'failed', seen, expected, cure: reasons[reason].cure }
}

export function accountsStep(count: number | undefined): Step {
  const check = 'accounts'
  if (count === undefined) return failedStep(check, 'accounts_unavailable', 'the account files have errors')
  return { check, outcome: 'ok', seen: `${count} loaded` }
}

export function tokenStep(token: string, jwt: Jwt | undefined): Step {
  const size = `${token.length} bytes`
  if (jwt === undefined) {
    const encrypted = token.split('.').length === 5 ? ', perhaps an encrypted JWT' : ''
    return { check: 'token', outcome: 'note', seen: `opaque, ${size}${encrypted}` }
  }
  const header = ['alg', 'typ', 'kid'].map(name => `${name} ${quoteValue(member(jwt.header, name))}`).join(', ')
  return {
    check: 'token',
    outcome: 'note',
    seen: `a JWT, ${size}: ${header}, iss ${quoteValue(member(jwt.payload, 'iss'))}`,
  }
}

export function directoryStep(asked: string | undefined, directory: string | undefined): Step {
  const check = 'directory'
  const login = asked === undefined ? 'no name was asked for' : `for ${quote(asked)}`
  if (directory === undefined)
    return failedStep(check, 'no_directory', `none, ${login}`, 'one for its domain, or a default one')
  return { check, outcome: 'ok', seen: `${quote(directory)}, ${login}` }
}

export function identityStep(
  identity: Extract<Identity, { kind: 'account' | 'reject' }>,
  claims: Claims,
  { email, username }: DirectoryConfig['fields'],
): Step {
  const check = 'account'
  if (identity.kind === 'reject') return failedStep(check, identity.reason, identity.detail)
  const { account, by } = identity
  const paths = { subject: ['sub'], email, username }[by]
  const path = paths.find(path => claimAt(claims, path) !== undefined) ?? ''
  const claim = `the claim ${quote(path)}: ${quote(String(claimAt(claims, path)))}`
  return { check, outcome: 'ok', seen: `${quote(account.address)}, by ${claim}` }
}

/** `who`: by what a good token names somebody who has no account. */
export function newcomerStep(who: string, newcomer: Newcomer): Step {
  const check = 'account'
  if (newcomer.ok)
    return { check, outcome: 'ok', seen: `none yet for ${who}: ${quote(newcomer.account.address)} is new` }
  const { why, cure } = newcomer
  return { check, outcome: 'failed', seen: `nobody has ${who}, and none is created: ${why}`, cure }
}

export function nameStep(asked: string | undefined, names: readonly string[], isHers: boolean): Step {
  const check = 'name asked for'
  if (asked === undefined) return { check, outcome: 'note', seen: 'none' }
  const expected = `one of ${list(names)}`
  return isHers
    ? { check, outcome: 'ok', seen: quote(asked), expected }
    : failedStep(check, 'authz_fail', quote(asked), expected)
}

export function enabledStep({ enabled }: Pick<Account, 'enabled'>): Step {
  const check = 'enabled'
  return enabled ? { check, outcome: 'ok', seen: 'yes' } : failedStep(check, 'account_disabled', 'no')
}

/** For what is not done while it is only explained. */
export function creationStep(problem: string | undefined): Step {
  const check = 'new account'
  if (problem !== undefined) return failedStep(check, 'account_not_created', `would not be created: ${problem}`)
  return { check, outcome: 'note', seen: 'would be created, unless accounts.create.per-hour is used up' }
}

export function bindingStep(subject: string, isBound: boolean): Step {
  const seen = `${isBound ? '' : 'would be '}bound to the subject ${quote(subject)}`
  return { check: 'binding', outcome: isBound ? 'ok' : 'note', seen }
}

function member(part: Claims, name: string): unknown {
  return Object.hasOwn(part, name) ? part[name] : undefined
}
