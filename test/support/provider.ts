/**
 * Provider: a real OpenID provider (oidc-provider) in this process, on a free loopback port, for tests and the demo.
 *
 *   const provider = await startProvider()
 *   const token = await provider.token('alice@example.org')     // as if she had signed in
 *   await provider.expire(token)  await provider.revoke(token)
 *   await provider.rotateKeys()   await provider.withdrawKeys()
 *   await provider.down()         await provider.up()           // the same port, tokens kept
 *   await provider.stop()
 *
 * Discovery, userinfo, introspection and revocation are on. Everybody has an account there: it comes into being with the
 * first token. Tokens are opaque, or of two other kinds:
 *
 *   token(…, { jwt: true })   looks like those of Keycloak: signed, with an audience inside, and kept, so that userinfo
 *                             takes it and it can be revoked; introspection doesn't take it
 *   accessJwt(…)              what this provider itself makes of RFC 9068: kept nowhere, so that no endpoint takes it
 */
import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Provider } from 'oidc-provider'
import {
  createLibraryProvider,
  introspectors,
  type KeyAlgorithm,
  keyAlgorithms,
  keyTypes,
  machine,
  resource,
  resourceServerOf,
  type SigningKey,
  type Store,
  scopes,
  type UserClient,
} from './provider-library.ts'

export { introspectors, type KeyAlgorithm } from './provider-library.ts'

export type TokenOptions = {
  /** Default: "openid email profile groups". Without "openid" userinfo answers insufficient_scope. */
  readonly scope?: string
  /** Whom the token is for. In an opaque token only introspection shows it, and userinfo refuses such a token. */
  readonly audience?: string
  /**
   * The client that it was issued to; default "mail-client". To "signed-client" and "encrypted-client" userinfo answers
   * with a JWT.
   */
  readonly client?: UserClient
  readonly ttlSeconds?: number
  /** Changes claims of the account; `undefined` takes one away. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** What introspection and a JWT of the provider's tell about her; default: all that userinfo does. */
  readonly told?: Readonly<Record<string, unknown>>
  readonly jwt?: boolean
  /** Further claims of a token with `jwt: true`, or other ones. */
  readonly content?: Readonly<Record<string, unknown>>
  /** About so long; default 43. */
  readonly bytes?: number
}

export type Endpoint = 'discovery' | 'keys' | 'userinfo' | 'introspection' | 'other'

export type TestProvider = {
  /** `http://127.0.0.1:PORT` */
  readonly issuer: string
  readonly endpoints: { readonly userinfo: string; readonly introspection: string; readonly keys: string }
  /** Requests that arrived, counted since the start. */
  readonly calls: Record<Endpoint, number>
  /** PKCS #8 PEM of the clients "key-RS256", "key-ES256", "key-ES384", "key-ES512" and "key-EdDSA" (private_key_jwt). */
  readonly keys: Readonly<Record<KeyAlgorithm, string>>
  /** An access token of somebody, by email address. */
  token(email: string, options?: TokenOptions): Promise<string>
  /** A JWT access token for the resource server "mail", or another one. */
  accessJwt(email: string, options?: Omit<TokenOptions, 'jwt' | 'content' | 'bytes'>): Promise<string>
  /** What the client of somebody learns about her at the login. */
  idToken(email: string): Promise<string>
  refreshToken(email: string): Promise<string>
  /** An access token of a program, by the grant "client_credentials"; a JWT for the resource server. */
  machineToken(): Promise<string>
  /** Any JWT that is signed with the key that signs now. */
  signJwt(claims: object, header?: object): string
  /** Her `sub`. */
  subject(email: string): string
  revoke(token: string): Promise<void>
  expire(token: string): Promise<void>
  /** From now on a new key signs. The old ones stay published. */
  rotateKeys(): Promise<void>
  /** Nothing is published any more but the key that signs. */
  withdrawKeys(): Promise<void>
  /** Closes the port and every connection. */
  down(): Promise<void>
  /** Opens the same port again. */
  up(): Promise<void>
  stop(): Promise<void>
}

/** `port`: for a provider that must be found where it was; otherwise a free one. */
export async function startProvider({ port: wanted = 0 }: { port?: number } = {}): Promise<TestProvider> {
  let server: Server = await listen(wanted)
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`
  const accounts = new Map<string, Record<string, unknown>>()
  const told = new Map<string, Readonly<Record<string, unknown>>>()
  const store: Store = new Map()
  const calls: Record<Endpoint, number> = { discovery: 0, keys: 0, userinfo: 0, introspection: 0, other: 0 }
  const keyPairs = new Map(keyAlgorithms.map(alg => [alg, keyTypes[alg]()]))
  const signingKeys = [newKey('provider')]
  let provider = await open()
  let handle = provider.callback()
  const signingKey = (): SigningKey => signingKeys[0] as SigningKey

  function open(): Promise<Provider> {
    return createLibraryProvider(issuer, {
      accounts,
      store,
      signingKeys,
      clientKeys: new Map([...keyPairs].map(([alg, { publicKey }]) => [alg, publicKey])),
      tellOf: ({ accountId = '', grantId = '' }) => told.get(grantId) ?? accounts.get(accountId),
    })
  }

  /** The library takes its keys when it is made. What it has issued is in the store. */
  async function reopen(): Promise<void> {
    provider = await open()
    handle = provider.callback()
  }

  function serve(on: Server): Server {
    return on.on('request', (request, response) => {
      calls[endpoints[request.url ?? ''] ?? 'other']++
      if (isFor(introspectors.signed, request)) request.headers.accept = 'application/token-introspection+jwt'
      handle(request, response)
    })
  }
  serve(server)

  /** What a token of hers needs. */
  async function signIn(email: string, { scope = scopes, client = 'mail-client', ...options }: TokenOptions = {}) {
    const sub = subject(email)
    accounts.set(sub, { ...(accounts.get(sub) ?? defaultClaims(email)), ...options.claims })
    const found = await provider.Client.find(client)
    if (found === undefined) throw new Error(`no client ${client}`)
    const grant = new provider.Grant({ accountId: sub, clientId: client })
    grant.addOIDCScope(scope)
    const grantId = await grant.save()
    if (options.told !== undefined) told.set(grantId, options.told)
    return { accountId: sub, client: found, grantId, scope }
  }

  async function down(): Promise<void> {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }

  return {
    issuer,
    endpoints: { userinfo: `${issuer}/me`, introspection: `${issuer}/token/introspection`, keys: `${issuer}/jwks` },
    calls,
    keys: Object.fromEntries(
      [...keyPairs].map(([alg, { privateKey }]) => [alg, privateKey.export({ type: 'pkcs8', format: 'pem' })]),
    ) as Record<KeyAlgorithm, string>,
    subject,

    async token(email, options = {}) {
      const { audience, ttlSeconds = 3600, bytes = 43, jwt = false } = options
      const signedIn = await signIn(email, options)
      const { accountId: sub, scope, client } = signedIn
      const about = { iss: issuer, sub, aud: audience, client_id: client.clientId, scope, ...lifetime(ttlSeconds) }
      const jti = randomText(Math.max(20, Math.floor((bytes - 500) * 0.75)))
      const token = new provider.AccessToken({
        ...signedIn,
        expiresIn: ttlSeconds,
        jti: jwt ? signJwt(signingKey(), { ...about, jti, ...options.content }) : randomText(bytes),
        ...(audience !== undefined && !jwt && { aud: audience }),
      })
      // Chosen along with a jti of the library's own; ours may be a JWT, but is stored as any opaque token.
      token.format = 'opaque'
      return token.save()
    },

    async accessJwt(email, options = {}) {
      const { audience = resource.audience, ttlSeconds: expiresIn = 3600 } = options
      const resourceServer = resourceServerOf(provider, audience)
      return new provider.AccessToken({ ...(await signIn(email, options)), expiresIn, resourceServer }).save()
    },

    async idToken(email) {
      const { accountId, client } = await signIn(email)
      const token = new provider.IdToken({ sub: accountId, ...accounts.get(accountId) }, { client })
      token.scope = scopes
      return token.issue({ use: 'idtoken' })
    },

    async refreshToken(email) {
      return new provider.RefreshToken({ ...(await signIn(email)), expiresIn: 3600 }).save()
    },

    async machineToken() {
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${machine.id}:${machine.secret}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'email', resource: resource.indicator }),
      })
      if (!response.ok) throw new Error(`no token for a program: ${await response.text()}`)
      return ((await response.json()) as { access_token: string }).access_token
    },

    signJwt: (claims, header) => signJwt(signingKey(), claims, header),

    async revoke(token) {
      await (await provider.AccessToken.find(token))?.destroy()
    },

    async expire(token) {
      const stored = store.get(`AccessToken:${token}`)
      if (stored === undefined) throw new Error('no such token')
      stored.exp = Math.floor(Date.now() / 1000) - 60
    },

    rotateKeys() {
      signingKeys.unshift(newKey(`provider-${signingKeys.length + 1}`))
      return reopen()
    },
    withdrawKeys() {
      signingKeys.length = 1
      return reopen()
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
  '/jwks': 'keys',
  '/me': 'userinfo',
  '/token/introspection': 'introspection',
}

/** The library signs for who accepts nothing else; others, such as Authelia, for whom they know to want it. */
function isFor({ id }: { id: string }, { headers: { authorization } }: IncomingMessage): boolean {
  const [, basic = ''] = authorization?.split('Basic ') ?? []
  return Buffer.from(basic, 'base64').toString().startsWith(`${id}:`)
}

function subject(email: string): string {
  return createHash('sha256').update(email).digest('hex').slice(0, 20)
}

function defaultClaims(email: string): Record<string, unknown> {
  const username = email.replace(/@.*/, '')
  return { email, email_verified: true, preferred_username: username, name: `Test ${username}` }
}

function newKey(kid: string): SigningKey {
  return { kid, privateKey: keyTypes.ES256().privateKey }
}

function lifetime(seconds: number): { iat: number; exp: number } {
  const iat = Math.floor(Date.now() / 1000)
  return { iat, exp: iat + seconds }
}

/** RFC 9068, unless the header says otherwise. */
function signJwt(
  { kid, privateKey: key }: { kid: string; privateKey: KeyObject },
  claims: object,
  header = {},
): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${encode({ alg: 'ES256', typ: 'at+jwt', kid, ...header })}.${encode(claims)}`
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
