/**
 * Provider: asks one OpenID provider about tokens.
 *
 * A lookup ends with a verdict, within the budget of the directory, whatever happens: it never rejects. `refused` is the
 * provider's own word on the token; everything else that is no good answer is `unavailable`, and the cause is logged
 * where the provider's state changes. Caching and the meaning of claims are the work of auth/.
 */
import type { DirectoryConfig } from '../config/config.ts'
import type { Log } from '../log.ts'
import { type Discovery, settled, startDiscovery } from './discovery.ts'
import { Fault } from './fault.ts'
import { createHealth, describe } from './health.ts'
import { createHttp } from './http.ts'
import { createOpenId, type Endpoint } from './openid.ts'
import type { Provider, TokenVerdict } from './token-verdict.ts'

/** RFC 6750 section 2.1. Anything else must not get into a header: the error of the library would quote it. */
const b64token = /^[A-Za-z0-9._~+/-]+=*$/

const unavailable = { kind: 'unavailable' } as const

/** Throws when a file or key of the configuration is unusable; never because of the network. */
export function createProvider(config: DirectoryConfig, log: Log): Provider {
  const { name, issuer, timeoutMs, endpoint } = config
  const http = createHttp(config)
  const openid = createOpenId(config, http.fetch)
  const health = createHealth(name, log)
  let closed = false
  const endpoints = openid.configured === undefined ? discover() : settled(openid.configured)

  function failing(request: string, error: unknown): void {
    if (!closed) health.failing(request, error)
  }

  function discover(): Discovery<Endpoint> {
    if (issuer === undefined) throw new Error(`directory.${name}: neither endpoint.url nor issuer is set`)
    const request = `discovery at ${new URL(issuer).host}`
    return startDiscovery(() => openid.discover(issuer), {
      onFound: health.ok,
      onFailed: (error, known) => {
        if (known === undefined) failing(request, error)
        else log.warn({ event: 'discovery', directory: name, ...describe(request, error) }, 'discovery failed')
      },
    })
  }

  async function ask({ url, ask }: Endpoint, token: string): Promise<TokenVerdict> {
    try {
      const verdict = await ask(token)
      health.ok()
      return verdict
    } catch (error) {
      failing(`${endpoint.method} at ${url.host}`, error)
      return unavailable
    }
  }

  /** Nothing is discovered yet: discovery and request share the budget of a lookup. */
  async function askWhenFound(token: string): Promise<TokenVerdict> {
    const verdict = endpoints.discover().then(
      found => ask(found, token),
      // onFailed has logged it.
      () => unavailable,
    )
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<TokenVerdict>(resolve => {
      timer = setTimeout(() => {
        failing(`discovery and ${endpoint.method}`, new Fault('TIMEOUT'))
        resolve(unavailable)
      }, timeoutMs)
    })
    return Promise.race([verdict, late]).finally(() => clearTimeout(timer))
  }

  return {
    openidConfiguration:
      issuer === undefined ? undefined : `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,

    lookup: async token => {
      if (!b64token.test(token)) return { kind: 'refused', error: 'invalid_token' }
      const known = endpoints.current()
      return known === undefined ? askWhenFound(token) : ask(known, token)
    },

    close: async () => {
      closed = true
      endpoints.stop()
      await http.close()
    },
  }
}
