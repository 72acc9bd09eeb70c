/**
 * Provider: a real OpenID provider (oidc-provider) in this process, on a free loopback port, for tests and the demo.
 *
 *   const provider = await startProvider()
 *   const token = await provider.token('alice@example.org')     // as if she had signed in
 *   await provider.expire(token)  await provider.revoke(token)
 *   await provider.down()         await provider.up()           // the same port, tokens kept
 *   await provider.stop()
 *
 * Discovery, userinfo, introspection and revocation are on. Everybody has an account there: it comes into being with the
 * first token. Tokens are opaque, as this provider accepts no others at these endpoints; `jwt: true` gives one that looks
 * like those of Keycloak, signed, with an audience inside, which its userinfo endpoint takes (introspection doesn't).
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Adapter, Provider } from 'oidc-provider'

export type TokenOptions = {
  /** Default: "openid email profile groups". Without "openid" userinfo answers insufficient_scope. */
  readonly scope?: string
  /** Whom the token is for. In an opaque token only introspection shows it, and userinfo refuses such a token. */
  readonly audience?: string
  /** The client that it was issued to; default "mail-client", also known: "other-client". */
  readonly client?: 'mail-client' | 'other-client'
  readonly ttlSeconds?: number
  /** Changes claims of the account; `undefined` takes one away. */
  readonly claims?: Readonly<Record<string, unknown>>
  readonly jwt?: boolean
  /** About so long; default 43. */
  readonly bytes?: number
}

export type Endpoint = 'discovery' | 'userinfo' | 'introspection' | 'other'

export type TestProvider = {
  /** `http://127.0.0.1:PORT` */
  readonly issuer: string
  readonly endpoints: { readonly userinfo: string; readonly introspection: string }
  /** Requests that arrived, counted since the start. */
  readonly calls: Record<Endpoint, number>
  /** PKCS #8 PEM of the clients "key-RS256", "key-ES256", "key-ES384", "key-ES512" and "key-EdDSA" (private_key_jwt). */
  readonly keys: Readonly<Record<KeyAlgorithm, string>>
  /** An access token of somebody, by email address. */
  token(email: string, options?: TokenOptions): Promise<string>
  /** Her `sub`. */
  subject(email: string): string
  revoke(token: string): Promise<void>
  expire(token: string): Promise<void>
  /** Closes the port and every connection. */
  down(): Promise<void>
  /** Opens the same port again. */
  up(): Promise<void>
  stop(): Promise<void>
}

/** Clients that may introspect. */
export const introspectors = {
  basic: { id: 'bearerd', secret: 'correct-horse.battery_staple' },
  /** Each character of these means something in a URL, a form or a Basic header. */
  special: { id: 'mail & co: 50%+1', secret: 's3cr3t:%2F+&=/?#"~ end' },
  post: { id: 'bearerd-post', secret: 'another secret/+=' },
  stalwart: { id: 'myuser', secret: 'mypass' },
} as const

const keyTypes = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}
export type KeyAlgorithm = keyof typeof keyTypes
const keyAlgorithms = Object.keys(keyTypes) as KeyAlgorithm[]

const scopes = 'openid email profile groups'

/** `port`: for a provider that must be found where it was; otherwise a free one. */
export async function startProvider({ port: wanted = 0 }: { port?: number } = {}): Promise<TestProvider> {
  let server: Server = await listen(wanted)
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`
  const accounts = new Map<string, Record<string, unknown>>()
  const store = new Map<string, Record<string, unknown>>()
  const calls: Record<Endpoint, number> = { discovery: 0, userinfo: 0, introspection: 0, other: 0 }
  const keyPairs = new Map(keyAlgorithms.map(alg => [alg, keyTypes[alg]()]))
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const publicKey = (alg: KeyAlgorithm) => keyPairs.get(alg)?.publicKey.export({ format: 'jwk' })

  const provider = await createProvider(issuer, {
    accounts,
    store,
    signingKey,
    clients: [...clients, ...keyAlgorithms.map(alg => keyClient(alg, publicKey(alg)))],
  })
  const handle = provider.callback()
  const serve = (on: Server) =>
    on.on('request', (request, response) => {
      calls[endpoints[request.url ?? ''] ?? 'other']++
      handle(request, response)
    })
  serve(server)

  async function down(): Promise<void> {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }

  return {
    issuer,
    endpoints: { userinfo: `${issuer}/me`, introspection: `${issuer}/token/introspection` },
    calls,
    keys: Object.fromEntries(
      [...keyPairs].map(([alg, { privateKey }]) => [alg, privateKey.export({ type: 'pkcs8', format: 'pem' })]),
    ) as Record<KeyAlgorithm, string>,
    subject,

    async token(email, { scope = scopes, client = 'mail-client', ttlSeconds = 3600, ...options } = {}) {
      const sub = subject(email)
      const before = accounts.get(sub) ?? defaultClaims(email)
      accounts.set(sub, { ...before, ...options.claims })
      const found = await provider.Client.find(client)
      if (found === undefined) throw new Error(`no client ${client}`)
      const grant = new provider.Grant({ accountId: sub, clientId: client })
      grant.addOIDCScope(scope)
      const about = { sub, scope, client, ttlSeconds, issuer, audience: options.audience, bytes: options.bytes ?? 43 }
      const token = new provider.AccessToken({
        accountId: sub,
        client: found,
        grantId: await grant.save(),
        scope,
        expiresIn: ttlSeconds,
        jti: options.jwt ? signJwt(about, signingKey) : randomText(about.bytes),
        ...(options.audience !== undefined && !options.jwt && { aud: options.audience }),
      })
      // Chosen along with a jti of the library's own; ours may be a JWT, but is stored as any opaque token.
      token.format = 'opaque'
      return token.save()
    },

    async revoke(token) {
      await (await provider.AccessToken.find(token))?.destroy()
    },

    async expire(token) {
      const stored = store.get(`AccessToken:${token}`)
      if (stored === undefined) throw new Error('no such token')
      stored.exp = Math.floor(Date.now() / 1000) - 60
    },

    down,
    async up() {
      if (!server.listening) server = serve(await listen(port))
    },
    stop: down,
  }
}

const endpoints: Record<string, Endpoint> = {
  '/.well-known/openid-configuration': 'discovery',
  '/me': 'userinfo',
  '/token/introspection': 'introspection',
}

function subject(email: string): string {
  return createHash('sha256').update(email).digest('hex').slice(0, 20)
}

function defaultClaims(email: string): Record<string, unknown> {
  const username = email.replace(/@.*/, '')
  return { email, email_verified: true, preferred_username: username, name: `Test ${username}` }
}

const publicClient = {
  token_endpoint_auth_method: 'none',
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
}
const machine = { redirect_uris: [], grant_types: [], response_types: [] }
const clients = [
  { client_id: 'mail-client', ...publicClient },
  { client_id: 'other-client', ...publicClient },
  ...Object.entries(introspectors).map(([name, { id, secret }]) => ({
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: name === 'post' ? 'client_secret_post' : 'client_secret_basic',
    ...machine,
  })),
]

function keyClient(alg: KeyAlgorithm, jwk: object | undefined): object {
  return {
    client_id: `key-${alg}`,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: alg,
    jwks: { keys: [{ ...jwk, kid: alg, use: 'sig' }] },
    ...machine,
  }
}

type Parts = {
  readonly accounts: ReadonlyMap<string, Record<string, unknown>>
  readonly store: Map<string, Record<string, unknown>>
  readonly signingKey: KeyObject
  readonly clients: readonly object[]
}

async function createProvider(issuer: string, { accounts, store, signingKey, clients }: Parts): Promise<Provider> {
  return quietly(async () => {
    const { Provider } = await import('oidc-provider')
    return new Provider(issuer, {
      clients,
      adapter: (model: string) => createAdapter(model, store),
      jwks: { keys: [{ ...signingKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'provider' }] },
      clientDefaults: { id_token_signed_response_alg: 'ES256' },
      enabledJWA: { clientAuthSigningAlgValues: keyAlgorithms },
      scopes: scopes.split(' '),
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
      },
      ttl: { Grant: 24 * 3600 },
      findAccount: (_context: unknown, sub: string) =>
        accounts.has(sub) ? { accountId: sub, claims: () => ({ sub, ...accounts.get(sub) }) } : undefined,
      // What many providers add to the answer of introspection.
      extraTokenClaims: (_context: unknown, token: { accountId: string }) => accounts.get(token.accountId),
    })
  })
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

function createAdapter(model: string, store: Map<string, Record<string, unknown>>): Adapter {
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

type About = {
  readonly sub: string
  readonly scope: string
  readonly client: string
  readonly ttlSeconds: number
  readonly issuer: string
  readonly audience: string | undefined
  readonly bytes: number
}

/** RFC 9068. */
function signJwt({ sub, scope, client, ttlSeconds, issuer, audience, bytes }: About, key: KeyObject): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: issuer, sub, aud: audience, client_id: client, scope, iat, exp: iat + ttlSeconds }
  const header = encode({ alg: 'ES256', typ: 'at+jwt', kid: 'provider' })
  const jti = randomText(Math.max(20, Math.floor((bytes - 500) * 0.75)))
  const signed = `${header}.${encode({ ...claims, jti })}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

function randomText(length: number): string {
  return randomBytes(length).toString('base64url').slice(0, length)
}

async function listen(port: number): Promise<Server> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
