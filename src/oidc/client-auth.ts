/**
 * Client authentication: how bearerd proves itself to an introspection endpoint.
 *
 * RFC 7662 section 2.1 leaves the way open; here are those of RFC 6749 section 2.3 and bearer tokens (RFC 6750). The
 * signed assertion of RFC 7523 is openid-client's work (`openid.ts`); its key is read here.
 */
import { createPrivateKey, type KeyObject, subtle, type webcrypto } from 'node:crypto'
import type { ClientAuth } from '../config/config.ts'
import type { Secret } from '../secret.ts'

/** By what name bearerd goes at the provider; some name it must have for openid-client. */
export function clientIdOf(auth: ClientAuth): string {
  return ('username' in auth ? auth.username : undefined) ?? 'bearerd'
}

/** Adds the credentials to a request under way. `body` holds the token that is asked about. */
export type AddCredentials = (server: unknown, client: unknown, body: URLSearchParams, headers: Headers) => void

export function addCredentials(auth: Exclude<ClientAuth, { method: 'private-key-jwt' }>): AddCredentials {
  switch (auth.method) {
    case 'none': {
      // A public client says who it is, at most (RFC 6749 section 3.2.1).
      const { username } = auth
      if (username === undefined) return () => {}
      return (_server, _client, body) => body.set('client_id', username)
    }
    case 'basic': {
      const encode = auth.encoding === 'form' ? formEncode : (text: string) => text
      const credentials = `${encode(auth.username)}:${encode(auth.secret.reveal())}`
      const value = `Basic ${Buffer.from(credentials).toString('base64')}`
      return (_server, _client, _body, headers) => headers.set('authorization', value)
    }
    case 'post':
      return (_server, _client, body) => {
        body.set('client_id', auth.username)
        body.set('client_secret', auth.secret.reveal())
      }
    case 'token':
      return (_server, _client, _body, headers) => headers.set('authorization', `Bearer ${auth.token.reveal()}`)
    case 'user-token':
      return (_server, _client, body, headers) => headers.set('authorization', `Bearer ${body.get('token')}`)
  }
}

/**
 * application/x-www-form-urlencoded, as RFC 6749 section 2.3.1 asks. openid-client's own ClientSecretBasic encodes "-",
 * "." and "_" too, and then a provider that decodes nothing doesn't know "my-client".
 */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

/** RFC 7518 section 3.1, RFC 8037: one algorithm for each kind of key. */
const algorithms = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384' },
  ES512: { name: 'ECDSA', namedCurve: 'P-521' },
  EdDSA: { name: 'Ed25519' },
} as const

export type SigningKey = {
  readonly alg: keyof typeof algorithms
  readonly load: () => Promise<webcrypto.CryptoKey>
}

/** Throws when the PEM is no private key that can sign; the message holds nothing of it. */
export function readSigningKey(pem: Secret): SigningKey {
  let key: KeyObject
  try {
    key = createPrivateKey(pem.reveal())
  } catch {
    throw new Error('auth.key is not an unencrypted private key in PEM form (PKCS #8)')
  }
  const alg = algorithmOf(key)
  if (alg === undefined) throw new Error('auth.key must be RSA, EC on P-256, P-384 or P-521, or Ed25519')
  const der = key.export({ type: 'pkcs8', format: 'der' })
  let loading: Promise<webcrypto.CryptoKey> | undefined
  return {
    alg,
    load: () => {
      loading ??= subtle.importKey('pkcs8', der, algorithms[alg], false, ['sign'])
      return loading
    },
  }
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): SigningKey['alg'] | undefined {
  if (asymmetricKeyType === 'rsa') return 'RS256'
  if (asymmetricKeyType === 'ed25519') return 'EdDSA'
  switch (asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return 'ES256'
    case 'secp384r1':
      return 'ES384'
    case 'secp521r1':
      return 'ES512'
  }
  return undefined
}
