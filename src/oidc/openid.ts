/**
 * OpenID: the three requests made of a provider. The only importer of openid-client.
 *
 *   discovery      OpenID Connect Discovery 1.0 section 4
 *   userinfo       OpenID Connect Core 1.0 section 5.3, but an answer without `sub` is taken (Microsoft Graph sends none)
 *   introspection  RFC 7662
 *
 * An answer of userinfo that names nobody is none: `{"status":"maintenance"}` comes with status 200, too.
 *
 * Each either gives a result or rejects with a Fault. What the answer claims (audience, expiry, scope, identity) is not
 * judged here.
 */
import * as oidc from 'openid-client'
import type { ClientAuth, DirectoryConfig } from '../config/config.ts'
import { refusal } from './answer.ts'
import { claimAt } from './claim-path.ts'
import { addCredentials, readSigningKey } from './client-auth.ts'
import { errorCode, Fault } from './fault.ts'
import type { Fetch } from './http.ts'
import type { Claims, TokenVerdict } from './token-verdict.ts'

/** The provider's word on a token. */
type Word = Exclude<TokenVerdict, { kind: 'unavailable' }>

/** Where tokens are asked about. */
export type Endpoint = {
  readonly url: URL
  readonly ask: (token: string) => Promise<Word>
}

type OpenIdConfig = Pick<DirectoryConfig, 'issuer' | 'endpoint' | 'auth' | 'fields'>

export type OpenId = {
  /** The endpoint that is configured, if it is. */
  readonly configured: Endpoint | undefined
  /** The endpoint that the issuer publishes. */
  discover(issuer: string): Promise<Endpoint>
}

const acceptJson = new Headers({ accept: 'application/json' })

export function createOpenId({ issuer, endpoint, auth, fields }: OpenIdConfig, fetch: Fetch): OpenId {
  const clientId = ('username' in auth ? auth.username : undefined) ?? 'bearerd'
  const credentials = clientAuthentication(auth)
  const metadataKey = endpoint.method === 'userinfo' ? 'userinfo_endpoint' : 'introspection_endpoint'
  /** One of these at least names somebody. */
  const identifying = ['sub', ...fields.email, ...fields.username]

  function endpointOf(configuration: oidc.Configuration, url: URL): Endpoint {
    // The deadline is kept by `fetch`; this would be a second one, of the library's.
    configuration.timeout = undefined
    const ask =
      endpoint.method === 'userinfo'
        ? (token: string) => userinfo(configuration, url, token)
        : (token: string) => introspect(configuration, token)
    return { url, ask: token => ask(token).catch(rethrowAsFault) }
  }

  async function userinfo(configuration: oidc.Configuration, url: URL, token: string): Promise<Word> {
    try {
      const response = await oidc.fetchProtectedResource(configuration, token, url, 'GET', null, acceptJson)
      // That it is an object has been seen to by `fetch`.
      const claims = (await response.json()) as Claims
      if (identifying.every(path => (claimAt(claims, path) ?? '') === '')) throw new Fault('OAUTH_INVALID_RESPONSE')
      return { kind: 'active', claims }
    } catch (error) {
      return refusedOrRethrow(error)
    }
  }

  async function introspect(configuration: oidc.Configuration, token: string): Promise<Word> {
    try {
      const claims = await oidc.tokenIntrospection(configuration, token, { token_type_hint: 'access_token' })
      if (claims.active === true) return { kind: 'active', claims }
      if (claims.active === false) return { kind: 'refused', error: 'invalid_token' }
      throw new Fault('OAUTH_INVALID_RESPONSE')
    } catch (error) {
      // Who is refused with 401 is who was authenticated (RFC 7662 section 2.3): the user, if her token did that.
      if (auth.method === 'user-token') return refusedOrRethrow(error)
      throw isClientRefused(error) ? new Fault('CLIENT_REFUSED') : error
    }
  }

  function configure(url: string): Endpoint {
    const configuration = new oidc.Configuration(
      { issuer: issuer ?? url, [metadataKey]: url },
      clientId,
      {},
      credentials,
    )
    configuration[oidc.customFetch] = fetch
    if (isInsecure(url)) oidc.allowInsecureRequests(configuration)
    return endpointOf(configuration, new URL(url))
  }

  async function discover(from: string): Promise<Endpoint> {
    const options = { [oidc.customFetch]: fetch, execute: isInsecure(from) ? [oidc.allowInsecureRequests] : [] }
    const configuration = await oidc.discovery(new URL(from), clientId, {}, credentials, options)
    const url = configuration.serverMetadata()[metadataKey]
    if (url === undefined || !URL.canParse(url)) throw new Fault('NO_ENDPOINT')
    return endpointOf(configuration, new URL(url))
  }

  return {
    configured: endpoint.url === undefined ? undefined : configure(endpoint.url),
    discover: from => discover(from).catch(rethrowAsFault),
  }
}

/** Plain http is for those who configured it; config validation has decided where that is tolerable. */
function isInsecure(url: string): boolean {
  return new URL(url).protocol === 'http:'
}

function clientAuthentication(auth: ClientAuth): oidc.ClientAuth {
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
  const refused = error instanceof Fault ? refusal(error) : undefined
  if (refused === undefined) throw error
  return refused
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
