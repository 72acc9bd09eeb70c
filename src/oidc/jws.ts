/**
 * JWS: signatures (RFC 7515), and the keys that may verify them (RFC 7517). The only importer of jose.
 *
 * Of a JWK Set, those keys count that are public, of a kind that we know (RFC 7518 section 6, RFC 8037) and strong enough,
 * and not meant for anything else. A key that isn't is passed over: one odd key must not lock everybody out. A private or
 * symmetric key that an issuer shows to the world verifies nothing, because anybody could have signed with it.
 */
import { type CryptoKey, compactVerify, createLocalJWKSet, errors, importJWK, type JWK } from 'jose'
import { Fault } from './fault.ts'
import { isObject } from './json.ts'
import { quote } from './quote.ts'
import type { Claims } from './token-verdict.ts'

export type Outcome = 'good' | 'unknown_key' | 'bad_signature'

export type KeySet = {
  /** Nothing of them but what they need for verifying. */
  readonly keys: readonly Readonly<JWK>[]
  /** `"kid" (RS256)`, for messages. */
  readonly names: readonly string[]
  /** Verifies a JWS in compact form; `alg` is the one of its header. */
  verify(jws: string, alg: string): Promise<Outcome>
}

const mostKeys = 64
const fewestRsaBits = 2048

type Family = { kty: string; crv?: string; algorithms: readonly [string, ...string[]]; members: readonly string[] }

const ellipticMembers = ['crv', 'x', 'y']
const families: readonly Family[] = [
  { kty: 'RSA', algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'], members: ['n', 'e'] },
  { kty: 'EC', crv: 'P-256', algorithms: ['ES256'], members: ellipticMembers },
  { kty: 'EC', crv: 'P-384', algorithms: ['ES384'], members: ellipticMembers },
  { kty: 'EC', crv: 'P-521', algorithms: ['ES512'], members: ellipticMembers },
  { kty: 'OKP', crv: 'Ed25519', algorithms: ['EdDSA', 'Ed25519'], members: ['crv', 'x'] },
]

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** What a key of a set may verify by; "EdDSA" and "Ed25519" are the same. */
export function algorithmsOf({ kty, crv, alg }: Readonly<JWK>): readonly string[] {
  return alg === undefined ? (familyOf(kty, crv)?.algorithms ?? []) : [alg]
}

function familyOf(kty: unknown, crv: unknown): Family | undefined {
  return families.find(family => kty === family.kty && (family.crv === undefined || crv === family.crv))
}

/** Rejects with a Fault where no key can be used. */
export async function createKeySet(jwks: Claims): Promise<KeySet> {
  if (!Array.isArray(jwks.keys)) throw new Fault('NO_KEYS')
  if (jwks.keys.length > mostKeys) throw new Fault('TOO_MANY_KEYS')
  const found = await Promise.all(jwks.keys.map(usableKey))
  const keys = found.filter(key => key !== undefined)
  if (keys.length === 0) throw new Fault('NO_KEYS')
  const choose = createLocalJWKSet({ keys })

  async function verify(jws: string, alg: string): Promise<Outcome> {
    try {
      await compactVerify(jws, choose, { algorithms: [alg] })
      return 'good'
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return 'bad_signature'
      if (error instanceof errors.JWKSNoMatchingKey) return 'unknown_key'
      if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyWithAny(error, jws, alg)
      throw error
    }
  }

  return { keys, names: keys.map(nameOf), verify }
}

/** The header has no kid, or several keys have the same one. */
async function verifyWithAny(keys: AsyncIterable<CryptoKey>, jws: string, alg: string): Promise<Outcome> {
  for await (const key of keys) {
    try {
      await compactVerify(jws, key, { algorithms: [alg] })
      return 'good'
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
    }
  }
  return 'bad_signature'
}

/** The key without all that isn't needed, or undefined if it can't be used. */
async function usableKey(jwk: unknown): Promise<JWK | undefined> {
  if (!isObject(jwk) || !isForVerifying(jwk)) return undefined
  const family = familyOf(jwk.kty, jwk.crv)
  const alg = family?.algorithms.find(alg => jwk.alg === undefined || jwk.alg === alg)
  if (family === undefined || alg === undefined) return undefined
  const needed = Object.fromEntries(family.members.map(name => [name, jwk[name]]))
  // Both names of Ed25519 fit such a key, so that it needs no alg.
  const told = jwk.alg !== undefined && family.kty !== 'OKP' ? { alg } : {}
  const key = { kty: family.kty, ...needed, ...told, ...(typeof jwk.kid === 'string' && { kid: jwk.kid }) }
  return (await isStrong(key, alg)) ? key : undefined
}

function isForVerifying(jwk: Claims): boolean {
  const { kid, use, key_ops: operations } = jwk
  return (
    (kid === undefined || typeof kid === 'string') &&
    (use === undefined || use === 'sig') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('verify'))) &&
    !privateMembers.some(name => Object.hasOwn(jwk, name))
  )
}

/** Whether it can be imported, which proves a point to be on its curve, and is long enough. */
async function isStrong(jwk: JWK, alg: string): Promise<boolean> {
  try {
    const key = await importJWK(jwk, alg)
    if (key instanceof Uint8Array || key.type !== 'public') return false
    const { modulusLength } = key.algorithm as { modulusLength?: number }
    return modulusLength === undefined || modulusLength >= fewestRsaBits
  } catch {
    return false
  }
}

function nameOf({ kid, alg, crv, kty }: JWK): string {
  return `${kid === undefined ? 'without kid' : quote(kid)} (${alg ?? crv ?? kty})`
}
