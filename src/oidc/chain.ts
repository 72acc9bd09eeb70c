/**
 * Chain: what several looks at one token come to. PURE.
 *
 * A token is looked at in up to three ways: verified by the issuer's keys, described by introspection (or tokeninfo), its
 * owner described by userinfo. Here is which of them is asked after which, and which is believed about what.
 */
import type { Asked, DirectoryConfig } from '../config/config.ts'
import { claimAt } from './claim-path.ts'
import type { Claims, Evidence, Jwt, Refused } from './token-verdict.ts'

type ChainConfig = Pick<DirectoryConfig, 'issuer' | 'endpoint' | 'fields'>

/** What was learnt, as far as it was asked for. */
export type Learnt = {
  /** The token, if it is a JWT. */
  readonly jwt: Jwt | undefined
  /** Whether the issuer's keys have verified it. */
  readonly verified: boolean
  /** The answers in the order of the chain. */
  readonly answers: readonly { readonly method: Asked; readonly claims: Claims }[]
}

/** Where a token is judged first: here, or by asking. */
export function isJudgedHere(jwt: Jwt | undefined, { issuer, endpoint: { methods } }: ChainConfig): boolean {
  if (!methods.includes('jwt')) return false
  return methods.length === 1 || (jwt !== undefined && jwt.payload.iss === issuer)
}

/** Who is asked about a token: about a good JWT only the last, where it names nobody, or everybody, if that is wished. */
export function toAsk(verified: Jwt | undefined, { endpoint: { methods, alwaysAsk }, fields }: ChainConfig): Asked[] {
  const asked = methods.filter(method => method !== 'jwt')
  if (verified === undefined || alwaysAsk) return asked
  return namesSomebody(verified.payload, fields) ? [] : asked.slice(-1)
}

/**
 * What is known in the end. Introspection describes the token itself. Userinfo describes its owner; but when the token is
 * a JWT, the provider has just accepted that very JWT, so what stands in it may be believed.
 */
export function compose({ jwt, verified, answers }: Learnt, { fields }: ChainConfig): Evidence | Refused {
  const last = answers.at(-1)?.claims
  const described = answers.find(({ method }) => method !== 'userinfo')?.claims
  const own = jwt?.payload ?? {}
  const conflict = findConflict([verified ? own : {}, ...answers.map(({ claims }) => claims)])
  if (conflict !== undefined) return conflict
  // What was asked is news, where it names somebody; of what nobody vouches for, nobody is taken.
  const naming = [last, verified ? own : undefined].find(claims => claims && namesSomebody(claims, fields))
  const claims = naming ?? last ?? own
  return {
    claims: verified ? withSubject(claims, own) : claims,
    token: verified ? own : (described ?? own),
    jwt,
    verified,
  }
}

/** Where an address is asked for, a username alone names nobody: userinfo may know the address. */
function namesSomebody(claims: Claims, { email, username }: ChainConfig['fields']): boolean {
  return (email.length > 0 ? email : username).some(path => claimAt(claims, path) !== undefined)
}

/** An answer may leave `sub` out (RFC 7662 section 2.2): it is about the token, which was signed with one. */
function withSubject(claims: Claims, { sub }: Claims): Claims {
  return claimAt(claims, 'sub') !== undefined || sub === undefined ? claims : { ...claims, sub }
}

/**
 * OpenID Connect Core section 5.3.2: answers for different subjects must not be mixed. Okta's userinfo says as `sub` what
 * its tokens and introspection say as `uid`.
 */
function findConflict(sources: readonly Claims[]): Refused | undefined {
  const named = sources.filter(claims => claimAt(claims, 'sub') !== undefined)
  const fits = (a: Claims, b: Claims): boolean => a.sub === b.sub || a.sub === b.uid || a.uid === b.sub
  if (named.every((claims, index) => index === 0 || fits(named[0] ?? claims, claims))) return undefined
  return { kind: 'refused', reason: 'subject_conflict', detail: 'the answers about the token differ in sub' }
}
