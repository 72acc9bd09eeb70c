/**
 * Asker: asks one provider about tokens, at the endpoints that are configured or discovered, and spares it while it can't
 * be reached. What the answers come to is the work of `chain.ts`.
 */
import type { Asked, DirectoryConfig, Method } from '../config/config.ts'
import type { Log } from '../log.ts'
import type { ProviderStatus } from '../status.ts'
import { createBreaker } from './breaker.ts'
import type { Contact } from './contact.ts'
import { type Discovery, settled, startDiscovery } from './discovery.ts'
import { describe, type Health } from './health.ts'
import type { Fetch } from './http.ts'
import { failed, faultStep, type Look, type Unavailable, unavailable } from './look.ts'
import { createOpenId, type Endpoints, type OpenId, type OpenSigned, type Word } from './openid.ts'
import { list } from './quote.ts'
import type { Observe, Step } from './token-verdict.ts'

export type Asker = {
  /** Never rejects. */
  ask(method: Asked, look: Look): Promise<Word | Unavailable>
  readonly openid: OpenId
  readonly endpoints: Discovery<Endpoints>
  breakers(): ProviderStatus['breakers']
}

export type AskerOptions = {
  readonly log: Log
  readonly health: Health
  readonly contact: Contact
  readonly fetch: Fetch
  readonly openSigned: OpenSigned
}

export function createAsker(config: DirectoryConfig, options: AskerOptions): Asker {
  const { log, health, contact, fetch, openSigned } = options
  const { name, issuer, endpoint } = config
  const breakers = { introspect: createBreaker(), tokeninfo: createBreaker(), userinfo: createBreaker() }
  const openid = watched(createOpenId(config, fetch, openSigned), contact)
  const endpoints = isComplete(openid.configured, endpoint.methods) ? settled(openid.configured) : discover()

  function discover(): Discovery<Endpoints> {
    if (issuer === undefined) throw new Error(`directory.${name}: neither endpoint.url nor issuer is set`)
    const request = discoveryOf(issuer)
    return startDiscovery(() => openid.discover(issuer), {
      onFound: health.ok,
      onFailed: (error, known) => {
        if (known === undefined) health.failing(request, error)
        else log.warn({ event: 'discovery', directory: name, ...describe(request, error) }, 'discovery failed')
      },
    })
  }

  function discovered(observe: Observe | undefined): Promise<Endpoints | undefined> {
    return endpoints.discover().catch(error => {
      observe?.(faultStep('discovery', discoveryOf(issuer), error))
      return undefined
    })
  }

  async function ask(method: Asked, look: Look): Promise<Word | Unavailable> {
    const { token, observe, methods } = look
    methods.push(method)
    const found = endpoints.current() ?? (await discovered(observe))
    const asked = found?.[method]
    // What keeps discovery from finding it has been logged.
    if (asked === undefined) return unavailable
    const pass = breakers[method].enter()
    if (pass === undefined) {
      const seen = `${asked.url.host} is not asked for some seconds: it gave no answer again and again`
      observe?.({ check: method, outcome: 'failed', seen })
      contact.skipped(method)
      return unavailable
    }
    const request = `${method} at ${asked.url.host}`
    try {
      const word = await contact.watch(method, request, () => asked.ask(token))
      pass.answered()
      health.ok()
      observe?.(wordStep(method, asked.url, word))
      return word
    } catch (error) {
      pass.failed(error)
      return failed(look, method, request, error, health)
    }
  }

  const stateOf = (method: Asked) => [method, breakers[method].state()] as const
  const asked = endpoint.methods.filter(method => method !== 'jwt')
  return { ask, openid, endpoints, breakers: () => Object.fromEntries(asked.map(stateOf)) }
}

/** With its other requests than those about tokens, which a breaker may prevent. */
function watched({ configured, discover, keys }: OpenId, contact: Contact): OpenId {
  return {
    configured,
    discover: issuer => contact.watch('discovery', discoveryOf(issuer), () => discover(issuer)),
    keys: url => contact.watch('keys', `keys at ${url.host}`, () => keys(url)),
  }
}

/** Whether discovery has nothing to add. */
function isComplete(configured: Endpoints, methods: readonly Method[]): boolean {
  return methods.every(method => configured[method === 'jwt' ? 'jwks' : method] !== undefined)
}

function discoveryOf(issuer: string | undefined): string {
  return `discovery at ${new URL(issuer ?? 'https://-').host}`
}

function wordStep(method: Asked, { host }: URL, word: Word): Step {
  if (word.kind === 'refused')
    return { check: method, outcome: 'failed', seen: `${host} refuses the token (${word.reason})` }
  return { check: method, outcome: 'ok', seen: `${host} tells ${list(Object.keys(word.claims))}` }
}
