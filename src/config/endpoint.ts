/**
 * Endpoint: `endpoint.*` of a directory: how its tokens are judged, and where the provider is asked.
 *
 * `endpoint.method` is one method, or a chain of them. A chain has an order of its own, since each link does what those
 * before it can't: the issuer's keys judge JWTs, introspection (or tokeninfo) any token, userinfo tells whose it is.
 */
import type { Asked, DirectoryConfig, Method } from './config.ts'
import type { Report } from './report.ts'
import type { RawDirectory } from './schema.ts'
import { quote, urlComplaint } from './values.ts'

type Endpoint = DirectoryConfig['endpoint']

/** A chain takes at most one of each. */
const links: readonly (readonly Method[])[] = [['jwt'], ['introspect', 'tokeninfo'], ['userinfo']]
const askedMethods = ['introspect', 'tokeninfo', 'userinfo'] as const satisfies readonly Asked[]

/** `directory` reports on the whole directory. */
export function readEndpoint(raw: RawDirectory, directory: Report): Endpoint {
  const { endpoint } = raw
  const report = directory.within('endpoint')
  // A broken one was told of already.
  const hasIssuer = raw.issuer !== undefined || directory.broken(['issuer'])
  const methods = endpoint.method
  const alwaysAsk = endpoint['always-ask']
  if (!isChain(methods)) report.error(['method'], chainComplaint(methods))
  if (report.broken(['method'])) return { methods, urls: {}, alwaysAsk }
  const asked = askedMethods.filter(method => methods.includes(method))
  const urls = { ...readUrls(raw, asked, report), jwks: urlAt(raw, 'jwks-url', report) }
  if (methods.includes('jwt') && !hasIssuer)
    report.error(['method'], '"jwt" needs "issuer": only tokens that name it are judged by its keys')
  for (const method of asked)
    if (urls[method] === undefined && !report.broken([`${method}-url`]) && !report.broken(['url']))
      checkDiscovered(method, hasIssuer, asked, report)
  if (alwaysAsk && (asked.length === 0 || !methods.includes('jwt')))
    report.warn(
      ['always-ask'],
      `not used with endpoint.method = ${listMethods(methods)}: it takes "jwt" and another one`,
    )
  return { methods, urls, alwaysAsk }
}

/** `["jwt", "userinfo"]`, as bearerd.toml has it. */
export function listMethods(methods: readonly Method[]): string {
  const listed = methods.map(quote).join(', ')
  return methods.length === 1 ? listed : `[${listed}]`
}

function isChain(methods: readonly Method[]): boolean {
  const places = methods.map(method => links.findIndex(link => link.includes(method)))
  return places.every((place, index) => index === 0 || place > (places[index - 1] ?? 0))
}

function chainComplaint(methods: readonly Method[]): string {
  return `expected one method, or several in the order "jwt", then "introspect" or "tokeninfo", then "userinfo"; got ${listMethods(methods)}`
}

/** `endpoint.url` is the address of the only method that asks. */
function readUrls(raw: RawDirectory, asked: readonly Asked[], report: Report): Partial<Record<Asked, string>> {
  const urls: Partial<Record<Asked, string>> = {}
  const short = urlAt(raw, 'url', report)
  for (const method of askedMethods) {
    const key = `${method}-url` as const
    const url = urlAt(raw, key, report)
    if (url !== undefined && !asked.includes(method)) report.warn([key], `not used: endpoint.method has no "${method}"`)
    if (url !== undefined) urls[method] = url
  }
  const [only, ...others] = asked
  if (short === undefined) return urls
  if (only === undefined) report.warn(['url'], 'not used with endpoint.method = "jwt", which asks for keys only')
  else if (others.length > 0)
    report.error(['url'], `whose? Use ${asked.map(method => `endpoint.${method}-url`).join(' and ')}`)
  else if (urls[only] !== undefined)
    report.error(['url'], `expected either endpoint.url or endpoint.${only}-url, got both`)
  else urls[only] = short
  return urls
}

type UrlKey = 'url' | 'jwks-url' | `${Asked}-url`

function urlAt({ endpoint, ...raw }: RawDirectory, key: UrlKey, report: Report): string | undefined {
  const url = endpoint[key]
  const complaint = url === undefined ? undefined : urlComplaint(url, { allowHttp: raw['allow-http'], issuer: false })
  if (complaint !== undefined) report.error([key], complaint)
  return url
}

function checkDiscovered(method: Asked, hasIssuer: boolean, asked: readonly Asked[], report: Report): void {
  const key = asked.length === 1 ? 'url' : `${method}-url`
  if (method === 'tokeninfo') report.error([key], 'needed: providers do not publish the address of tokeninfo')
  else if (!hasIssuer) report.error([key], 'needed, unless issuer is set: then the provider tells its endpoints')
}
