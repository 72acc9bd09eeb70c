/**
 * Token kind: an access token of a user, or something else that its provider has signed or vouches for? PURE.
 *
 * No single mark tells, so all are looked for that providers are known to leave:
 *
 *   ID token       `typ` of header or payload; `c_hash` or `at_hash` (OpenID Connect Core section 3.1.3.6); jti "ID.…"
 *                  (Okta); no client (authentik, Auth0, Entra)
 *   refresh token  `token_use` (Dex, Cognito, Hydra); `typ` "Refresh", "Offline" (Keycloak)
 *   of a program   `sub` is the client (RFC 9068 section 2.2; Auth0 adds "@clients"); `gty`, `idtyp`; the user name
 *                  "service-account-CLIENT" (Keycloak)
 *
 * `nonce` tells nothing: Keycloak before 24 put it into access tokens.
 */

import { quote } from '../oidc/quote.ts'
import type { Claims, Evidence } from '../oidc/token-verdict.ts'

export type KindProblem = {
  readonly reason: 'not_an_access_token' | 'refresh_token' | 'machine_token'
  readonly detail: string
}

const accessTokenTypes = new Set(['at+jwt', 'application/at+jwt', 'jwt'])
const accessTokenUses = new Set(['access_token', 'access'])
const refreshTokenUses = new Set(['refresh_token', 'refresh'])
/** Keycloak (TokenUtil.java). */
const idTokenTypes = new Set(['ID', 'Serialized-ID', 'Logout'])
const refreshTokenTypes = new Set(['Refresh', 'Offline'])

/** What the token is instead of an access token of a user; undefined: nothing else. */
export function findKind(evidence: Evidence): KindProblem | undefined {
  const refresh = findRefresh(evidence)
  if (refresh !== undefined) return { reason: 'refresh_token', detail: refresh }
  const other = findOther(evidence)
  if (other !== undefined) return { reason: 'not_an_access_token', detail: other }
  const machine = findMachine(evidence)
  return machine === undefined ? undefined : { reason: 'machine_token', detail: machine }
}

/** Authelia's introspection calls refresh tokens active and says nothing else of them: their form does. */
export function isRefreshToken(token: string): boolean {
  return token.startsWith('authelia_rt_')
}

/**
 * Who the token was issued to. `azp` first: authentik puts the caller of the introspection, not the token's client, into
 * `client_id`. `cid` is Okta's, `appid` Entra's name of it.
 */
export function clientOf(token: Claims): string | undefined {
  return ['azp', 'client_id', 'cid', 'appid'].map(name => text(token, name)).find(value => value !== undefined)
}

/** A claim that is text, and not empty. */
export function text(claims: Claims | undefined, name: string): string | undefined {
  const value = claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

function findRefresh({ token, jwt }: Evidence): string | undefined {
  const use = text(token, 'token_use')
  if (use !== undefined && refreshTokenUses.has(use)) return `token_use is ${quote(use)}`
  const type = text(jwt?.payload, 'typ') ?? text(token, 'typ')
  return type !== undefined && refreshTokenTypes.has(type) ? `its claim typ is ${quote(type)}` : undefined
}

function findOther({ token, jwt, verified }: Evidence): string | undefined {
  const header = text(jwt?.header, 'typ')?.toLowerCase()
  if (!verified && header !== undefined && !accessTokenTypes.has(header)) return `its header says typ ${quote(header)}`
  const use = text(token, 'token_use')
  if (use !== undefined && !accessTokenUses.has(use)) return `token_use is ${quote(use)}`
  const type = text(jwt?.payload, 'typ') ?? text(token, 'typ')
  if (type !== undefined && idTokenTypes.has(type)) return `its claim typ is ${quote(type)}`
  // Dex puts at_hash into access tokens too (server/tokens/issuer.go:SignAccessToken), but says what they are when asked.
  const marks = use === undefined ? ['c_hash', 'at_hash'] : ['c_hash']
  const mark = marks.find(name => (text(jwt?.payload, name) ?? text(token, name)) !== undefined)
  if (mark !== undefined) return `it carries ${mark}, as ID tokens do`
  if (text(jwt?.payload, 'jti')?.startsWith('ID.')) return 'its jti begins with "ID.", as Okta\'s ID tokens do'
  if (verified && clientOf(token) === undefined) return 'it names no client (azp, client_id, cid, appid)'
  return undefined
}

function findMachine({ token, claims }: Evidence): string | undefined {
  const grant = text(token, 'gty')
  if (grant === 'client-credentials') return `gty is ${quote(grant)}`
  if (text(token, 'idtyp') === 'app') return 'idtyp is "app"'
  const client = clientOf(token)
  if (client === undefined) return undefined
  const subject = text(token, 'sub')
  if (subject === client || subject === `${client}@clients`) return `sub is the client ${quote(client)} itself`
  const name = ['preferred_username', 'username'].find(
    claim => (text(token, claim) ?? text(claims, claim)) === `service-account-${client}`,
  )
  return name === undefined ? undefined : `${name} is "service-account-" and the client`
}
