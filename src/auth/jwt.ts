/**
 * Looking into a JWT without verifying it. PURE.
 *
 * Only for a token that the provider has just vouched for, word for word: its own claims (audience, expiry, client) are
 * then the provider's too. Nothing here proves anything about a token that nobody has vouched for.
 */
import type { Claims } from '../oidc/token-verdict.ts'

export type Jwt = { readonly header: Claims; readonly payload: Claims }

/** Header and payload of a JWS in compact form (RFC 7515 section 3.1), or undefined for a token of any other kind. */
export function peekJwt(token: string): Jwt | undefined {
  const [head, body, signature, ...rest] = token.split('.')
  if (head === undefined || body === undefined || signature === undefined || rest.length > 0) return undefined
  const header = jsonObject(head)
  const payload = jsonObject(body)
  return header === undefined || payload === undefined ? undefined : { header, payload }
}

function jsonObject(base64url: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined
  } catch {
    return undefined
  }
}
