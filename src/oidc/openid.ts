/**
 * OpenID: the requests made of a provider. The only importer of openid-client.
 *
 *   discovery      OpenID Connect Discovery 1.0 section 4
 *   userinfo       OpenID Connect Core 1.0 section 5.3, but an answer without `sub` is taken (Microsoft Graph sends none)
 *   introspection  RFC 7662
 *   tokeninfo      Google's: as userinfo, but it tells of the token: `aud`, `azp`, `scope`, `exp`
 *
 * An answer of userinfo that names nobody is none: `{"status":"maintenance"}` comes with status 200, too.
 *
 * Each either gives a result or rejects with a Fault. What the answer claims (audience, expiry, scope, identity) is not
 * judged here.
 */
import * as oidc from 'openid-client'
import type { Asked, ClientAuth, DirectoryConfig } from '../config/config.ts'
import { refusal, refused } from './answer.ts'
import { claimAt } from './claim-path.ts'
import { addCredentials, clientIdOf, readSigningKey } from './client-auth.ts'
import { errorCode, Fault } from './fault.ts'
import { type Fetch, jsonResponse } from './http.ts'
import { createKeySet, type KeySet } from './jws.ts'
import type { Claims, Refused } from './token-verdict.ts'

/** The provider's word on a token. */
export type Word = { readonly kind: 'active'; readonly claims: Claims } | Refused

/** Where tokens are asked about. */
export type Endpoint = {
  readonly url: URL
  readonly ask: (token: string) => Promise<Word>
}

export type Endpoints = {
  readonly [Method in Asked]?: Endpoint
} & {
  /** Of the issuer's keys (RFC 7517 section 5). */
  readonly jwks?: URL | undefined
}

/** The JSON of an answer that is a JWT. Rejects with a Fault where its signature isn't the provider's. */
export type OpenSigned = (jws: string, method: Asked) => Promise<Claims>

type OpenIdConfig = Pick<DirectoryConfig, 'issuer' | 'endpoint' | 'auth' | 'fields'>

export type OpenId = {
  /** The endpoints that are configured. */
  readonly configured: Endpoints
  /** Those that the issuer publishes, and the configured ones instead where there are any. */
  discover(issuer: string): Promise<Endpoints>
  /** The issuer's keys. */
  keys(url: URL): Promise<KeySet>
}

/** Under which names an issuer publishes its endpoints (RFC 8414 section 2); tokeninfo it doesn't. */
export const metadataKeys = { introspect: 'introspection_endpoint', userinfo: 'userinfo_endpoint' } as const
const acceptAnswer = new Headers({ accept: 'application/json, application/jwt;q=0.5' })

export function createOpenId(config: OpenIdConfig, fetch: Fetch, openSigned: OpenSigned): OpenId {
  const { issuer, endpoint, auth, fields } = config
  const clientId = clientIdOf(auth)
  const credentials = clientAuthentication(auth)
  const asked = endpoint.methods.filter(method => method !== 'jwt')
  /** One of these at least names somebody. */
  const identifying = ['sub', ...fields.email, ...fields.username]

  const requests = {
    async userinfo(configuration: oidc.Configuration, url: URL, token: string): Promise<Word> {
      const claims = await askWithToken(configuration, url, token, 'GET')
      if (identifying.every(path => claimAt(claims, path) === undefined)) throw new Fault('OAUTH_INVALID_RESPONSE')
      return { kind: 'active', claims }
    },

    /** POST, as Google's own libraries do it, keeps the token out of the URL, and so out of logs. */
    async tokeninfo(configuration: oidc.Configuration, url: URL, token: string): Promise<Word> {
      const claims = await askWithToken(configuration, url, token, 'POST').catch(error => {
        // Sometimes without an error code. There is nothing in the request but the token that could be wrong; and where the
        // request is, there is a code for that.
        if (error instanceof Fault && error.code === 'HTTP 400') return undefined
        throw error
      })
      if (claims === undefined) return refused('token_refused')
      if (typeof claims.aud !== 'string' && typeof claims.azp !== 'string') throw new Fault('OAUTH_INVALID_RESPONSE')
      return { kind: 'active', claims }
    },

    async introspect(configuration: oidc.Configuration, _: URL, token: string): Promise<Word> {
      try {
        const claims = await oidc.tokenIntrospection(configuration, token, { token_type_hint: 'access_token' })
        if (claims.active === true) return { kind: 'active', claims }
        if (claims.active === false) return refused('token_refused')
        throw new Fault('OAUTH_INVALID_RESPONSE')
      } catch (error) {
        // Who is refused with 401 is who was authenticated (RFC 7662 section 2.3): the user, if her token did that.
        if (auth.method === 'user-token' || !isClientRefused(error)) throw error
        throw new Fault('CLIENT_REFUSED')
      }
    },
  }

  async function askWithToken(configuration: oidc.Configuration, url: URL, token: string, http: 'GET' | 'POST') {
    const response = await oidc.fetchProtectedResource(configuration, token, url, http, null, acceptAnswer)
    // That it is an object has been seen to by `fetch`.
    return (await response.json()) as Claims
  }

  function endpointOf(method: Asked, url: string): Endpoint {
    const metadata = { issuer: issuer ?? url, ...(method !== 'tokeninfo' && { [metadataKeys[method]]: url }) }
    const configuration = new oidc.Configuration(metadata, clientId, {}, credentials)
    configuration[oidc.customFetch] = async (at, options) => {
      const response = await fetch(at, options)
      return response.signed === undefined ? response : jsonResponse(await openSigned(response.signed, method))
    }
    // The deadline is kept by `fetch`; this would be a second one, of the library's.
    configuration.timeout = undefined
    if (isInsecure(url)) oidc.allowInsecureRequests(configuration)
    const at = new URL(url)
    const isOwnWord = method !== 'introspect' || auth.method === 'user-token'
    return {
      url: at,
      ask: token =>
        requests[method](configuration, at, token)
          .catch(error => (isOwnWord ? refusedOrRethrow(error) : Promise.reject(error)))
          .catch(rethrowAsFault),
    }
  }

  function configure(): Endpoints {
    const { urls } = endpoint
    const endpoints = asked.flatMap(method => {
      const url = urls[method]
      return url === undefined ? [] : [[method, endpointOf(method, url)] as const]
    })
    return { ...Object.fromEntries(endpoints), jwks: urls.jwks === undefined ? undefined : new URL(urls.jwks) }
  }
  const configured = configure()

  async function discover(from: string): Promise<Endpoints> {
    const options = { [oidc.customFetch]: fetch, execute: isInsecure(from) ? [oidc.allowInsecureRequests] : [] }
    const configuration = await oidc.discovery(new URL(from), clientId, {}, credentials, options)
    const metadata = configuration.serverMetadata()
    const found: Partial<Record<Asked, Endpoint>> = {}
    for (const method of asked)
      if (method !== 'tokeninfo' && configured[method] === undefined)
        found[method] = endpointOf(method, published(metadata[metadataKeys[method]], from))
    return { ...configured, ...found, jwks: configured.jwks ?? keysAddress(metadata.jwks_uri, from) }
  }

  /** Where no tokens are judged by them, an odd address matters when an answer is signed, and not before. */
  function keysAddress(url: string | undefined, from: string): URL | undefined {
    const isNeeded = endpoint.methods.includes('jwt')
    return isNeeded || addressFault(url, from) === undefined ? new URL(published(url, from)) : undefined
  }

  async function keys(url: URL): Promise<KeySet> {
    const response = await fetch(url.href, { method: 'GET', headers: { accept: 'application/json' } })
    return createKeySet((await response.json()) as Claims)
  }

  return { configured, discover: from => discover(from).catch(rethrowAsFault), keys }
}

/** Of the discovery document (OpenID Connect Discovery 1.0 section 4). */
export function discoveryAddress(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

/** An address that the issuer publishes, if it may be asked. */
function published(url: string | undefined, issuer: string): string {
  const code = addressFault(url, issuer)
  if (url === undefined || code !== undefined) throw new Fault(code ?? 'NO_ENDPOINT')
  return url
}

/** The code of what is wrong with it: beside its form, what the library checks of addresses that it asks itself. */
function addressFault(url: string | undefined, issuer: string): string | undefined {
  if (url === undefined || !URL.canParse(url)) return 'NO_ENDPOINT'
  if (!/^https?:$/.test(new URL(url).protocol)) return 'OAUTH_REQUEST_PROTOCOL_FORBIDDEN'
  return isInsecure(url) && !isInsecure(issuer) ? 'OAUTH_HTTP_REQUEST_FORBIDDEN' : undefined
}

/** Plain http is for those who configured it; config validation has decided where that is tolerable. */
function isInsecure(url: string): boolean {
  return new URL(url).protocol === 'http:'
}

/** As openid-client takes it. */
export function clientAuthentication(auth: ClientAuth): oidc.ClientAuth {
  if (auth.method !== 'private-key-jwt') return addCredentials(auth)
  const { alg, load } = readSigningKey(auth.key)
  const options: oidc.ModifyAssertionOptions = {
    [oidc.modifyAssertion]: header => {
      // The library says "Ed25519" (RFC 9864), which providers have yet to learn; RFC 8037 says "EdDSA".
      header.alg = alg
    },
  }
  // The library awaits it, whatever its type says (oauth4webapi index.js:authenticatedRequest).
  return async (server, client, body, headers) => {
    const key = { key: await load(), ...(auth.keyId !== undefined && { kid: auth.keyId }) }
    await oidc.PrivateKeyJwt(key, options)(server, client, body, headers)
  }
}

function refusedOrRethrow(error: unknown): Word {
  const word = error instanceof Fault ? refusal(error) : undefined
  if (word === undefined) throw error
  return word
}

function isClientRefused(error: unknown): boolean {
  if (!(error instanceof Fault)) return false
  return error.status === 401 || error.status === 403 || error.oauthError === 'invalid_client'
}

/** The library's errors quote answers and metadata: only their code goes on. One without a code is a bug. */
function rethrowAsFault(error: unknown): never {
  const code = errorCode(error)
  throw error instanceof Fault || code === undefined ? error : new Fault(code)
}
