/**
 * Provider library: oidc-provider, set up for `provider.ts`: its clients, scopes and features, and where it keeps things.
 *
 * It issues JWT access tokens (RFC 9068) for the resource server "mail", keeps nothing of them, and takes them nowhere.
 */
import type { KeyObject } from 'node:crypto'
import { generateKeyPairSync } from 'node:crypto'
import type { Adapter, Provider } from 'oidc-provider'

type Fields = Record<string, unknown>
export type Store = Map<string, Fields>

export type SigningKey = { readonly kid: string; readonly privateKey: KeyObject }

export type KeyAlgorithm = keyof typeof keyTypes
export const keyTypes = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}
export const keyAlgorithms = Object.keys(keyTypes) as KeyAlgorithm[]

export const scopes = 'openid email profile groups'

/** Clients that may introspect. */
export const introspectors = {
  basic: { id: 'bearerd', secret: 'correct-horse.battery_staple' },
  /** Each character of these means something in a URL, a form or a Basic header. */
  special: { id: 'mail & co: 50%+1', secret: 's3cr3t:%2F+&=/?#"~ end' },
  post: { id: 'bearerd-post', secret: 'another secret/+=' },
  stalwart: { id: 'myuser', secret: 'mypass' },
  /** Is answered with a JWT (RFC 9701). */
  signed: { id: 'bearerd-signed', secret: 'yet-another-secret' },
} as const

/** A program with tokens of its own. */
export const machine = { id: 'backup-job', secret: 'machine-secret' } as const

/** What users sign in with. */
export type UserClient = 'mail-client' | 'other-client' | 'signed-client' | 'encrypted-client'

const publicClient = {
  token_endpoint_auth_method: 'none',
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
}
const noUser = { redirect_uris: [], grant_types: [], response_types: [] }
const clients = [
  { client_id: 'mail-client', ...publicClient },
  { client_id: 'other-client', ...publicClient },
  { client_id: 'signed-client', ...publicClient, userinfo_signed_response_alg: 'ES256' },
  {
    client_id: 'encrypted-client',
    ...publicClient,
    userinfo_signed_response_alg: 'ES256',
    userinfo_encrypted_response_alg: 'ECDH-ES',
    userinfo_encrypted_response_enc: 'A128GCM',
    jwks: { keys: [{ ...keyTypes.ES256().publicKey.export({ format: 'jwk' }), use: 'enc', kid: 'enc' }] },
  },
  { client_id: machine.id, client_secret: machine.secret, ...noUser, grant_types: ['client_credentials'] },
  ...Object.entries(introspectors).map(([name, { id, secret }]) => ({
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: name === 'post' ? 'client_secret_post' : 'client_secret_basic',
    ...noUser,
  })),
]

function keyClient(alg: KeyAlgorithm, jwk: object): object {
  return {
    client_id: `key-${alg}`,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: alg,
    jwks: { keys: [{ ...jwk, kid: alg, use: 'sig' }] },
    ...noUser,
  }
}

export type Parts = {
  /** By `sub`. */
  readonly accounts: ReadonlyMap<string, Fields>
  readonly store: Store
  /** All are published; the first one signs. */
  readonly signingKeys: readonly SigningKey[]
  /** Of the clients "key-ALG". */
  readonly clientKeys: ReadonlyMap<KeyAlgorithm, KeyObject>
  /** What a token and the answer of introspection tell about the user, beside her `sub`. */
  readonly tellOf: (token: { readonly accountId?: string; readonly grantId?: string }) => Fields | undefined
}

/** The resource server by the name that its clients ask for, and in the tokens. */
export const resource = { indicator: 'https://mail.example.org/', audience: 'mail' } as const
const resourceServer = { scope: scopes, audience: resource.audience, accessTokenFormat: 'jwt' } as const

/** As the library hands it to a token that is for another resource server. */
export function resourceServerOf(provider: Provider, audience: string) {
  return new provider.ResourceServer(resource.indicator, { ...resourceServer, audience })
}

export function createLibraryProvider(issuer: string, parts: Parts): Promise<Provider> {
  const { accounts, store, signingKeys, clientKeys, tellOf } = parts
  return quietly(async () => {
    const { Provider } = await import('oidc-provider')
    return new Provider(issuer, {
      clients: [...clients, ...[...clientKeys].map(([alg, key]) => keyClient(alg, key.export({ format: 'jwk' })))],
      adapter: (model: string) => createAdapter(model, store),
      jwks: { keys: signingKeys.map(privateJwk) },
      clientDefaults: { id_token_signed_response_alg: 'ES256', introspection_signed_response_alg: 'ES256' },
      enabledJWA: { clientAuthSigningAlgValues: keyAlgorithms },
      scopes: [...scopes.split(' '), 'offline_access'],
      claims: {
        openid: ['sub'],
        email: ['email', 'email_verified'],
        profile: ['name', 'preferred_username'],
        groups: ['groups'],
      },
      features: {
        devInteractions: { enabled: false },
        introspection: { enabled: true, allowedPolicy: () => true },
        revocation: { enabled: true },
        clientCredentials: { enabled: true },
        jwtUserinfo: { enabled: true },
        jwtIntrospection: { enabled: true },
        encryption: { enabled: true },
        resourceIndicators: { enabled: true, getResourceServerInfo: () => resourceServer },
      },
      ttl: { Grant: 24 * 3600, ClientCredentials: 3600, IdToken: 3600 },
      findAccount: (_context: unknown, sub: string) =>
        accounts.has(sub) ? { accountId: sub, claims: () => ({ sub, ...accounts.get(sub) }) } : undefined,
      // What many providers add to the answer of introspection.
      extraTokenClaims: (_context: unknown, token: Parameters<typeof tellOf>[0]) => tellOf(token),
    })
  })
}

function privateJwk({ kid, privateKey }: SigningKey): object {
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid }
}

/** It warns that Node 20 is not supported any more; it runs on it well enough for tests. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { warn } = console
  console.warn = () => {}
  try {
    return await work()
  } finally {
    console.warn = warn
  }
}

function createAdapter(model: string, store: Store): Adapter {
  const key = (id: string) => `${model}:${id}`
  return {
    upsert: async (id, payload) => {
      store.set(key(id), payload)
    },
    find: async id => store.get(key(id)),
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    consume: async () => {},
    destroy: async id => {
      store.delete(key(id))
    },
    revokeByGrantId: async () => {},
  }
}
