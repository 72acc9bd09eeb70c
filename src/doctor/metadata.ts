/**
 * Metadata: what the issuer publishes about itself (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2), and
 * whether it goes with the configuration.
 */
import type { Asked, ClientAuth, Method } from '../config/config.ts'
import { quote } from '../config/values.ts'
import type { Fault } from '../oidc/fault.ts'
import { discoveryAddress, metadataKeys } from '../oidc/openid.ts'
import type { Claims } from '../oidc/token-verdict.ts'
import { failByFault } from './findings.ts'
import type { Visit } from './visit.ts'

type Address = Asked | 'jwks'
export type Urls = { readonly [Name in Address]?: string }

/** Which of the addresses in `endpoint.urls` a method asks. */
export const addressNeeded: Readonly<Record<Method, Address>> = {
  jwt: 'jwks',
  introspect: 'introspect',
  tokeninfo: 'tokeninfo',
  userinfo: 'userinfo',
}

const publishedAs: Readonly<Partial<Record<Address, string>>> = { ...metadataKeys, jwks: 'jwks_uri' }

/** By which names providers know the ways of `auth.method`; those with a bearer token have none. */
const authMethods: Readonly<Partial<Record<ClientAuth['method'], string>>> = {
  none: 'none',
  basic: 'client_secret_basic',
  post: 'client_secret_post',
  'private-key-jwt': 'private_key_jwt',
}

/** More than any, and fit to be shown. */
const maxUrlChars = 2048

/** The addresses that the issuer publishes and the methods need. */
export async function checkMetadata(issuer: string, visit: Visit): Promise<Urls> {
  const url = discoveryAddress(issuer)
  const reply = await visit.ask(probe => probe.read(url))
  if ('fault' in reply) {
    failByFault('discovery', url, reply.fault, visit.findings, isThere(reply.fault) ? wrongIssuer(url) : '')
    return {}
  }
  visit.findings.ok('discovery', url)
  checkIssuer(issuer, reply.claims, visit)
  checkAuthMethod(reply.claims, visit)
  checkScopes(reply.claims, visit)
  return findAddresses(issuer, reply.claims, visit)
}

/** Somebody answers, but not with the document. */
function isThere({ status }: Fault): boolean {
  return status !== undefined && status < 500
}

function wrongIssuer(url: string): string {
  return `Check "issuer" in a browser: ${url} must show a JSON document. A provider without one needs each address that endpoint.method asks: endpoint.…-url.`
}

/**
 * What JWTs and introspection say as `iss` is compared to the last character; the daemon's discovery forgives the slash
 * after a host.
 */
function checkIssuer(issuer: string, { issuer: published }: Claims, { directory, findings }: Visit): void {
  if (published === issuer) {
    findings.ok('issuer', issuer)
    return
  }
  const seen = typeof published === 'string' ? quote(published) : 'none'
  const trouble = {
    expected: quote(issuer),
    cure: `Set issuer = ${seen} in bearerd.toml, to the last slash, if that is your provider.`,
  }
  const isNear = typeof published === 'string' && URL.canParse(published) && sameUrl(published, issuer)
  const isTold = directory.endpoint.methods.some(method => method === 'jwt' || method === 'introspect')
  if (isNear && !isTold) findings.warn('issuer', seen, trouble)
  else findings.fail('issuer', seen, trouble)
}

function sameUrl(a: string, b: string): boolean {
  return new URL(a).href === new URL(b).href
}

function findAddresses(issuer: string, metadata: Claims, { directory, findings }: Visit): Urls {
  const urls: { [Name in Address]?: string } = {}
  for (const method of directory.endpoint.methods) {
    const address = addressNeeded[method]
    const key = publishedAs[address]
    if (key === undefined || directory.endpoint.urls[address] !== undefined) continue
    const url = metadata[key]
    const setting = `endpoint.${address}-url`
    if (typeof url !== 'string' || url.length > maxUrlChars || !URL.canParse(url))
      findings.fail(key, url === undefined ? 'not published' : `${quote(String(url))} is no URL`, {
        expected: `the address that endpoint.method = "${method}" asks`,
        cure: `Set ${setting}, or use another endpoint.method; some providers publish it only after it is switched on.`,
      })
    else if (new URL(url).protocol !== 'https:' && new URL(issuer).protocol === 'https:')
      findings.fail(key, `${quote(url)} is not https`, {
        cure: `Mend the public address in the settings of the provider, or set ${setting}.`,
      })
    else urls[address] = new URL(url).href
  }
  return urls
}

function checkAuthMethod(metadata: Claims, { directory: { auth, endpoint }, findings }: Visit): void {
  const ours = authMethods[auth.method]
  const theirs = textsIn(metadata.introspection_endpoint_auth_methods_supported)
  if (!endpoint.methods.includes('introspect') || ours === undefined || theirs === undefined) return
  if (theirs.includes(ours)) findings.ok('auth.method', `${ours} is published`)
  else
    findings.warn('auth.method', `the provider publishes ${listed(theirs)}`, {
      expected: ours,
      cure: `Set auth.method to one that it takes: ${known(theirs)}.`,
    })
}

function known(theirs: readonly string[]): string {
  const ours = Object.entries(authMethods).flatMap(([method, name]) => (theirs.includes(name) ? [quote(method)] : []))
  return ours.length === 0 ? 'none of them is known here; see the documentation of the provider' : ours.join(' or ')
}

function checkScopes(metadata: Claims, { directory, findings }: Visit): void {
  const theirs = textsIn(metadata.scopes_supported)
  const missing = directory.require.scopes.filter(scope => !theirs?.includes(scope))
  if (theirs === undefined || directory.require.scopes.length === 0) return
  if (missing.length === 0) findings.ok('require.scopes', `${listed(directory.require.scopes)}, published`)
  else
    findings.warn('require.scopes', `the provider does not publish ${listed(missing)}`, {
      expected: `what require.scopes asks for among ${listed(theirs)}`,
      cure: 'Check the spelling; a provider may keep scopes to itself (RFC 8414 section 2), then all is well.',
    })
}

function textsIn(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : undefined
}

/** Not all, if they are many. */
function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, 10).map(quote).join(', ')
  return texts.length === 0 ? 'nothing' : `${shown}${texts.length > 10 ? ` and ${texts.length - 10} more` : ''}`
}
