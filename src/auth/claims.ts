/**
 * Claims: is this token, for which the provider vouches, meant for mail? PURE.
 *
 * The checks of RFC 9068 section 4 and RFC 7662 section 4 that the provider leaves to the resource server: expiry, kind of
 * token, issuer, audience, client, scopes, and the administrator's gates. Who the user is, is `identity.ts`' job.
 */
import type { DirectoryConfig } from '../config/config.ts'
import { claimAt } from '../oidc/claim-path.ts'
import type { Claims } from '../oidc/token-verdict.ts'
import type { Jwt } from './jwt.ts'
import type { RejectReason } from './reason.ts'

/** What is known of a token once its provider has vouched for it. */
export type Evidence = {
  /** The provider's answer: userinfo or introspection. Names and gates are read here. */
  readonly claims: Claims
  /** The token's own content, if it is a JWT. */
  readonly jwt: Jwt | undefined
  /** Where audience, client, scopes and expiry are read: the introspection answer, or the JWT that userinfo accepted. */
  readonly token: Claims
}

export type ClaimProblem = { readonly reason: RejectReason; readonly detail: string }

/** Clocks of two machines differ; RFC 9068 section 4 leaves "a few minutes at most". */
const leewayMs = 60_000

const accessTokenTypes = new Set(['at+jwt', 'application/at+jwt', 'jwt'])
const accessTokenUses = new Set(['access_token', 'access'])

/** The first check that the token fails, in the order in which an administrator would look; undefined: none. */
export function checkClaims(evidence: Evidence, directory: DirectoryConfig, nowMs: number): ClaimProblem | undefined {
  return (
    checkTime(evidence, nowMs) ??
    checkKind(evidence) ??
    checkIssuer(evidence, directory.issuer) ??
    checkAudience(evidence, directory.require.audience) ??
    checkClient(evidence, directory.require.clients) ??
    checkScopes(evidence, directory.require.scopes) ??
    checkGates(evidence, directory.require.claim)
  )
}

/** When the token ends, in milliseconds since 1970: the earliest expiry in sight. Infinity: none is known. */
export function expiryMs({ claims, token, jwt }: Evidence): number {
  return Math.min(...[claims, token, jwt?.payload].map(source => (dateOf(source, 'exp') ?? Infinity) * 1000))
}

function checkTime(evidence: Evidence, nowMs: number): ClaimProblem | undefined {
  if (expiryMs(evidence) + leewayMs <= nowMs) return { reason: 'token_expired', detail: 'exp has passed' }
  const notBeforeMs = (dateOf(evidence.token, 'nbf') ?? 0) * 1000
  return notBeforeMs - leewayMs > nowMs ? { reason: 'token_not_yet_valid', detail: 'nbf is yet to come' } : undefined
}

/**
 * ID and refresh tokens are told by the `typ` header (RFC 9068 section 2.1), by `token_use` (Dex, Cognito, Hydra), by
 * Keycloak's `typ` claim, or by the hashes that only an ID token carries (OpenID Connect Core section 3.1.3.6). `nonce`
 * tells nothing: Keycloak before 24 put it into access tokens.
 */
function checkKind({ token, jwt }: Evidence): ClaimProblem | undefined {
  const type = text(jwt?.header, 'typ')?.toLowerCase()
  const use = text(token, 'token_use')
  const kind = text(jwt?.payload, 'typ') ?? text(token, 'typ')
  const hashes = text(jwt?.payload, 'at_hash') ?? text(jwt?.payload, 'c_hash')
  const is =
    type !== undefined && !accessTokenTypes.has(type)
      ? `its header says typ ${quote(type)}`
      : use !== undefined && !accessTokenUses.has(use)
        ? `token_use is ${quote(use)}`
        : kind === 'ID' || kind === 'Refresh' || kind === 'Offline'
          ? `its claim typ is ${quote(kind)}`
          : hashes !== undefined
            ? 'it carries at_hash or c_hash, as ID tokens do'
            : undefined
  return is === undefined ? undefined : { reason: 'not_an_access_token', detail: is }
}

/** RFC 9068 section 4: exactly equal, to the last slash. */
function checkIssuer({ token, jwt }: Evidence, issuer: string | undefined): ClaimProblem | undefined {
  if (issuer === undefined) return undefined
  const found = text(token, 'iss') ?? text(jwt?.payload, 'iss')
  if (found === undefined || found === issuer) return undefined
  return { reason: 'wrong_issuer', detail: `iss is ${quote(found)}, configured is ${quote(issuer)}` }
}

function checkAudience({ token }: Evidence, wanted: readonly string[]): ClaimProblem | undefined {
  if (wanted.length === 0) return undefined
  const audiences = texts(token.aud)
  if (audiences.some(audience => wanted.includes(audience))) return undefined
  return { reason: 'wrong_audience', detail: `wanted is ${list(wanted)}, the token has ${list(audiences)}` }
}

/**
 * `azp` first: authentik puts the caller of the introspection, not the token's client, into `client_id`. `cid` is Okta's,
 * `appid` Entra's name of it.
 */
function checkClient({ token }: Evidence, wanted: readonly string[]): ClaimProblem | undefined {
  if (wanted.length === 0) return undefined
  const client = ['azp', 'client_id', 'cid', 'appid'].map(name => text(token, name)).find(value => value !== undefined)
  if (client !== undefined && wanted.includes(client)) return undefined
  return { reason: 'wrong_client', detail: `wanted is ${list(wanted)}, the token has ${list(client ? [client] : [])}` }
}

/** `scope` is a string of words (RFC 8693 section 4.2) or, here and there, an array; `scp` is Okta's and Entra's name. */
function checkScopes({ token }: Evidence, wanted: readonly string[]): ClaimProblem | undefined {
  if (wanted.length === 0) return undefined
  const scopes = texts(token.scope ?? token.scp).flatMap(scope => scope.split(' '))
  const lacking = wanted.filter(scope => !scopes.includes(scope))
  if (lacking.length === 0) return undefined
  return { reason: 'insufficient_scope', detail: `lacking is ${list(lacking)}, the token has ${list(scopes)}` }
}

function checkGates({ claims, token }: Evidence, gates: DirectoryConfig['require']['claim']): ClaimProblem | undefined {
  for (const [path, wanted] of Object.entries(gates)) {
    const values = texts(claimAt(claims, path) ?? claimAt(token, path))
    if (!values.some(value => wanted.includes(value)))
      return {
        reason: 'claim_mismatch',
        detail: `wanted is ${list(wanted)} in ${quote(path)}, there is ${list(values)}`,
      }
  }
  return undefined
}

function text(claims: Claims | undefined, name: string): string | undefined {
  const value = claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A claim that may be one value or several, as strings. Objects and null have none. */
function texts(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value]
  return values.filter(one => ['string', 'number', 'boolean'].includes(typeof one)).map(String)
}

/** NumericDate (RFC 7519 section 2), also where a provider sends it as a string. */
function dateOf(claims: Claims | undefined, name: string): number | undefined {
  const value = claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined
  const seconds = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds : undefined
}

/** For details in the log: what came from the network in quotes, escaped, and not too long. */
export const quote = (value: string | undefined): string =>
  value === undefined ? 'absent' : JSON.stringify(value.slice(0, 256))
export const list = (values: readonly string[]): string =>
  values.length === 0
    ? 'none'
    : values
        .slice(0, 16)
        .map(value => quote(value))
        .join(', ')
