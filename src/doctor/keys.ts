/** Keys: whether the issuer's key set (RFC 7517) holds one that its tokens could be judged by here. */
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { Claims } from '../oidc/token-verdict.ts'
import { failByFault } from './findings.ts'
import type { Visit } from './visit.ts'

/** RFC 7518 section 3.1 and RFC 8037: kind of key, or curve → algorithms. */
const algorithms: Readonly<Record<string, readonly string[]>> = {
  RSA: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
}
/** RFC 7518 section 3.3. */
const leastRsaBits = 2048

export async function checkKeys(url: string, { directory, findings, ask }: Visit): Promise<void> {
  const reply = await ask(probe => probe.read(url))
  if ('fault' in reply) {
    failByFault('keys', url, reply.fault, findings)
    return
  }
  const keys = Array.isArray(reply.claims.keys) ? reply.claims.keys : []
  const usable = keys.filter(key => isUsable(key, directory.jwt.algorithms))
  if (usable.length > 0) findings.ok('keys', `${usable.length} of ${keys.length} can be used`)
  else
    findings.fail('keys', `none of ${keys.length} can be used`, {
      expected: `a public key for one of ${directory.jwt.algorithms.join(', ')}`,
      cure: 'Have the provider sign access tokens with such a key (not with HS256); or add to jwt.algorithms.',
    })
}

function isUsable(key: unknown, allowed: readonly string[]): boolean {
  if (typeof key !== 'object' || key === null) return false
  const { kty, crv, use, alg } = key as Claims
  const possible = algorithms[String(kty === 'RSA' ? kty : crv)] ?? []
  const wanted = typeof alg === 'string' ? possible.filter(name => name === alg) : possible
  // "Ed25519" is the newer name of the same (RFC 9864).
  const isAllowed = wanted.some(name => allowed.includes(name === 'Ed25519' ? 'EdDSA' : name))
  return isAllowed && (use === undefined || use === 'sig') && isReadable(key)
}

function isReadable(key: object): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
    return asymmetricKeyType !== 'rsa' || (asymmetricKeyDetails?.modulusLength ?? 0) >= leastRsaBits
  } catch {
    return false
  }
}
