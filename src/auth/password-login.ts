/**
 * Password login: the decision on an app password, an imported password, or a token in the place of one.
 *
 * In order: loaded accounts and passwords; the account of that name; one hash, also for a name that nobody has, and an
 * imported one, where there are any, before anything but an accept; and then, by accounts and passwords as they stand
 * after it: whether the account is enabled, whether this password is good for this login, and whether the client wants to
 * be that account. The first that fails decides; which it was is for the log only.
 */
import type { AccountStore } from '../accounts/account.ts'
import { canonicalAddress } from '../accounts/address.ts'
import { parseAppPassword } from '../passwords/app-password.ts'
import { isImportedHash } from '../passwords/hash.ts'
import type { Attempt, Match, PasswordRecord, PasswordStore, Verifier } from '../passwords/password.ts'
import { prepared } from '../passwords/prepare.ts'
import type { PasswordCredentials } from '../sasl/mechanism.ts'
import { accountNamed, isNameOf } from './names.ts'
import { printable, reject, type Trace, unavailable } from './outcome.ts'
import type { RejectReason } from './reason.ts'
import { restriction } from './restrictions.ts'
import type { TokenLogin } from './token-login.ts'
import type { LoginRequest, Verdict } from './verdict.ts'

export type PasswordLoginOptions = {
  readonly accounts: AccountStore
  readonly passwords: PasswordStore
  readonly verifier: Verifier
  /** Decides on a token in the place of a password; undefined: none is accepted. */
  readonly tokenLogin: TokenLogin | undefined
  readonly now: () => number
}

export type PasswordLogin = (
  request: LoginRequest,
  credentials: PasswordCredentials,
  trace: Trace,
) => Verdict | Promise<Verdict>

type None = Extract<Match, { kind: 'none' }>

export function createPasswordLogin(options: PasswordLoginOptions): PasswordLogin {
  const { accounts, passwords, verifier, tokenLogin, now } = options

  function begin(request: LoginRequest, credentials: PasswordCredentials, trace: Trace): Verdict | Promise<Verdict> {
    trace.asked = printable(credentials.authcid)
    const index = accounts.current()
    if (index === undefined) return unavailable('accounts_unavailable', trace)
    const known = passwords.current()
    if (known === undefined) return unavailable('passwords_unavailable', trace)
    const account = accountNamed(credentials.authcid, index)
    if (account !== undefined) trace.account = account.address
    // Also for nobody: the work must not tell that there is no such account.
    const records = account === undefined ? [] : known.of(account.address)
    const { authcid, password } = credentials
    const { remoteAddress } = request
    const match = verifier.verify(password, records, remoteAddress)
    if (match instanceof Promise) return match.then(late => judge(late, request, credentials, trace))
    const name = account?.address ?? oneSpelling(authcid)
    const attempt = { name, password, records, imported: known.imported, remoteAddress }
    const verdict = judge(match, request, credentials, trace)
    return verdict instanceof Promise
      ? verdict.then(late => disguise(late, match, attempt, trace))
      : disguise(verdict, match, attempt, trace)
  }

  /** A refusal costs what it would cost an account with an imported hash. Whoever is let in has nothing to wait for. */
  function disguise(verdict: Verdict, match: Match, attempt: Attempt, trace: Trace): Verdict | Promise<Verdict> {
    if (verdict.kind !== 'reject') return verdict
    const told = (late: Match): Verdict => (late.kind === 'busy' ? unavailable('passwords_busy', trace) : verdict)
    const disguised = verifier.disguise(match, attempt)
    return disguised instanceof Promise ? disguised.then(told) : told(disguised)
  }

  function judge(
    match: Match,
    request: LoginRequest,
    credentials: PasswordCredentials,
    trace: Trace,
  ): Verdict | Promise<Verdict> {
    if (match.kind === 'busy') return unavailable('passwords_busy', trace)
    if (match.kind === 'match') return admit(match.record, request, credentials, trace)
    const { authcid, password, authzid } = credentials
    if (!looksLikeToken(password)) return refuse(match, trace)
    if (tokenLogin === undefined) return refuse('token_as_password', trace)
    const verdict = tokenLogin(password, authcid, trace)
    return verdict instanceof Promise
      ? verdict.then(late => unlessForAnother(late, authzid, trace))
      : unlessForAnother(verdict, authzid, trace)
  }

  /** The password is right. But accounts and passwords may have changed while it was checked. */
  function admit(
    matched: PasswordRecord,
    request: LoginRequest,
    { authcid, authzid }: PasswordCredentials,
    trace: Trace,
  ): Verdict {
    trace.source = isImportedHash(matched.hash) ? 'imported-password' : 'app-password'
    trace.password = printable(matched.id)
    trace.label = printable(matched.label)
    const index = accounts.current()
    if (index === undefined) return unavailable('accounts_unavailable', trace)
    const known = passwords.current()
    if (known === undefined) return unavailable('passwords_unavailable', trace)
    const account = accountNamed(authcid, index)
    if (account === undefined) return reject('unknown_login', 'no longer', trace)
    const record = known.of(account.address).find(({ id, hash }) => id === matched.id && hash === matched.hash)
    if (record === undefined) return reject('unknown_password', 'revoked meanwhile', trace)

    if (!account.enabled) return reject('account_disabled', 'enabled = false', trace)
    const restricted = restriction(record, account, request, now())
    if (restricted !== undefined) {
      trace.cure = restricted.cure
      return reject(restricted.reason, restricted.detail, trace)
    }
    const verdict = unlessForAnother({ kind: 'accept', account }, authzid, trace)
    if (verdict.kind === 'accept') passwords.used(record, request.remoteAddress)
    return verdict
  }

  /** RFC 4616 section 2: the authorization identity. Nobody here may act as somebody else. */
  function unlessForAnother(verdict: Verdict, authzid: string | undefined, trace: Trace): Verdict {
    if (verdict.kind !== 'accept' || authzid === undefined) return verdict
    const { account } = verdict
    const index = accounts.current()
    if (index === undefined) return unavailable('accounts_unavailable', trace)
    if (isNameOf(authzid, account, index)) return verdict
    return reject('authz_fail', `wants to be ${printable(authzid)}, the login is ${account.address}'s`, trace)
  }

  return begin
}

/** Of a name that nobody has: the same for all that would be the same account's. */
function oneSpelling(name: string): string {
  const form = prepared(name) ?? name
  return canonicalAddress(form) ?? form.toLowerCase()
}

function refuse(match: None | 'token_as_password', trace: Trace): Verdict {
  if (trace.account === undefined) return reject('unknown_login', 'no account has this address or alias', trace)
  if (match === 'token_as_password') return reject(match, 'app-passwords.accept-tokens = false', trace)
  return reject(reasons[match.why], details[match.why], trace)
}

const reasons = {
  foreign: 'provider_password',
  unknown: 'unknown_password',
  mismatch: 'wrong_password',
} as const satisfies Record<None['why'], RejectReason>

const details = {
  foreign: 'not in the form of an app password',
  unknown: 'an app password, but none of this account',
  mismatch: 'its hash is another',
} as const satisfies Record<None['why'], string>

/** A b64token (RFC 6750 section 2.1) longer than any app password; all JWTs are. People rarely choose such passwords. */
function looksLikeToken(password: string): boolean {
  return /^[\w.~+/-]{41,}=*$/.test(password) && parseAppPassword(password) === undefined
}
