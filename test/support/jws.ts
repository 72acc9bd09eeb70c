/**
 * An issuer's keys, and JWTs signed with them: put together by hand, so that each part can be as wrong as a test wants
 * it.
 */
import { constants, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto'
import type { Claims } from '../../src/oidc/token-verdict.ts'

export type Signer = {
  readonly kid: string | undefined
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** A key for signatures of one algorithm. */
export function newSigner(kid: string | undefined, alg: string, rsaBits = 2048): Signer {
  return { kid, alg, ...newPair(alg, rsaBits) }
}

function newPair(alg: string, modulusLength: number) {
  if (alg.startsWith('ES')) {
    const namedCurve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg]
    return generateKeyPairSync('ec', { namedCurve: namedCurve ?? alg })
  }
  return alg.startsWith('Ed') ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength })
}

/** As in a JWK Set. */
export function publicJwk({ kid, publicKey }: Signer, more: Claims = {}): Claims {
  return { ...publicKey.export({ format: 'jwk' }), ...(kid !== undefined && { kid }), use: 'sig', ...more }
}

/** JSON text as it is, bytes as they are, everything else as JSON, in base64url. */
export function part(content: unknown): string {
  const isRaw = typeof content === 'string' || Buffer.isBuffer(content)
  return Buffer.from(isRaw ? content : JSON.stringify(content)).toString('base64url')
}

/** A JWT whose header says what the key is, and `header` what differs. */
export function signJwt(signer: Signer, payload: unknown, header: Claims = {}): string {
  const { alg, kid } = signer
  return signParts(signer, part({ alg, kid, typ: 'at+jwt', ...header }), part(payload))
}

/** A good signature of anything. */
export function signParts({ alg, privateKey }: Signer, head: string, body: string): string {
  return `${head}.${body}.${signatureOf(alg, privateKey, `${head}.${body}`).toString('base64url')}`
}

function signatureOf(alg: string, key: KeyObject, input: string): Buffer {
  const hash = alg.startsWith('Ed') ? null : `sha${alg.slice(2)}`
  const padding = alg.startsWith('PS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : {}
  return signBytes(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363', ...padding })
}
