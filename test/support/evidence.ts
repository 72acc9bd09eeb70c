/** What is known of a token, by each way of finding out; and the verdicts of a provider that is scripted in a test. */
import type { Claims, Evidence, Refused, TokenVerdict } from '../../src/oidc/token-verdict.ts'

/** Introspection describes the token and its owner in one. */
export const introspected = (claims: Claims): Evidence => ({ claims, token: claims, jwt: undefined, verified: false })

/** Userinfo describes the owner only; the token is opaque. */
export const ofUserinfo = (claims: Claims): Evidence => ({ claims, token: {}, jwt: undefined, verified: false })

/** Userinfo has accepted a token that is a JWT. */
export const userinfoOfJwt = (payload: Claims, header: Claims = { alg: 'RS256' }): Evidence => ({
  claims: { sub: '1', email: 'alice@example.org' },
  token: payload,
  jwt: { header, payload },
  verified: false,
})

/** A JWT that was judged here, by the keys of its issuer. */
export const verified = (payload: Claims, header: Claims = { alg: 'RS256' }): Evidence => ({
  claims: payload,
  token: payload,
  jwt: { header, payload },
  verified: true,
})

export const active = (evidence: Evidence, source = 'userinfo'): TokenVerdict => ({ kind: 'active', evidence, source })

export const tokenRefused: Refused = { kind: 'refused', reason: 'token_refused', detail: 'by the provider' }
export const refused: TokenVerdict = { ...tokenRefused, source: 'userinfo' }
export const unavailable: TokenVerdict = { kind: 'unavailable', source: 'userinfo' }

/** Claims that the checks look at. */
export const claimNames = [
  'iss',
  'aud',
  'azp',
  'client_id',
  'scope',
  'scp',
  'exp',
  'nbf',
  'typ',
  'token_use',
  'gty',
  'groups',
  'ext',
]
