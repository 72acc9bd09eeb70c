/**
 * Provider: finds out about tokens, by the keys of one OpenID provider and by asking it.
 *
 * A lookup ends with a verdict, within the budget of the directory, whatever happens: it never rejects. `refused` is the
 * provider's own word on the token, or that of its keys; everything else that is no good answer is `unavailable`, and the
 * cause is logged where the provider's state changes. Caching and the meaning of claims are the work of auth/.
 */
import type { Asked, DirectoryConfig, Method } from '../config/config.ts'
import type { Log } from '../log.ts'
import { createBreaker } from './breaker.ts'
import { compose, isJudgedHere, type Looks, toAsk } from './chain.ts'
import { type Discovery, settled, startDiscovery } from './discovery.ts'
import { Fault } from './fault.ts'
import { createHealth, describe } from './health.ts'
import { createHttp } from './http.ts'
import { createIssuerKeys, type KeyDisk } from './issuer-keys.ts'
import { peekJwt } from './jwt.ts'
import { createOpenId, type Endpoints, type OpenId, type Word } from './openid.ts'
import { list, quote } from './quote.ts'
import type { Evidence, Jwt, Observe, Provider, Refused, Step } from './token-verdict.ts'

/** RFC 6750 section 2.1. Anything else must not get into a header: the error of the library would quote it. */
const b64token = /^[A-Za-z0-9._~+/-]+=*$/

export type ProviderOptions = {
  /** Where the issuer's keys are kept, for a start while it is down; undefined: nowhere. */
  readonly keyDisk?: KeyDisk | undefined
  /** Keys by which tokens were good are good no more. */
  readonly onWithdrawn?: () => void
  /** Whether what is known of a token so far is enough to refuse it: then nobody else is asked. */
  readonly isHopeless?: (evidence: Evidence) => boolean
}

/** One token on its way. */
type Look = {
  readonly token: string
  readonly observe: Observe | undefined
  /** Those that have had their say. */
  readonly methods: Method[]
  /** There is a verdict: whatever comes now changes nothing. */
  isOver: boolean
}
type Unavailable = { readonly kind: 'unavailable' }
const unavailable: Unavailable = { kind: 'unavailable' }
/** What is left to a single request, to say itself what it has waited for. */
const graceMs = 50
const malformed: Refused = { kind: 'refused', reason: 'token_malformed', detail: 'no RFC 6750 b64token' }
type Outcome =
  | { readonly kind: 'active'; readonly evidence: Evidence; readonly isPartial?: boolean }
  | Refused
  | Unavailable

/** Throws when a file or key of the configuration is unusable; never because of the network. */
export function createProvider(config: DirectoryConfig, log: Log, options: ProviderOptions = {}): Provider {
  const { name, issuer, timeoutMs, endpoint } = config
  const http = createHttp(config)
  const health = createHealth(name, log)
  /** Apart: good JWTs tell nothing of an endpoint that fails. */
  const keyHealth = createHealth(name, log)
  const breakers = { introspect: createBreaker(), tokeninfo: createBreaker(), userinfo: createBreaker() }
  let closed = false
  const openid: OpenId = createOpenId(config, http.fetch, (jws, method) => keys.openSigned(jws, method))
  const endpoints = isComplete(openid.configured, endpoint.methods) ? settled(openid.configured) : discover()
  const keys = createIssuerKeys(config, {
    log,
    openid: () => openid,
    endpoints: () => endpoints,
    disk: options.keyDisk,
    onWithdrawn: () => options.onWithdrawn?.(),
  })

  function failing(request: string, error: unknown, of = health): void {
    if (!closed) of.failing(request, error)
  }

  function failed({ observe, isOver }: Look, check: string, request: string, error: unknown, of = health): Unavailable {
    if (isOver) return unavailable
    observe?.(faultStep(check, request, error))
    failing(request, error, of)
    return unavailable
  }

  function discover(): Discovery<Endpoints> {
    if (issuer === undefined) throw new Error(`directory.${name}: neither endpoint.url nor issuer is set`)
    const request = discoveryOf(issuer)
    return startDiscovery(() => openid.discover(issuer), {
      onFound: health.ok,
      onFailed: (error, known) => {
        if (known === undefined) failing(request, error)
        else log.warn({ event: 'discovery', directory: name, ...describe(request, error) }, 'discovery failed')
      },
    })
  }

  async function judge(look: Look): Promise<Outcome> {
    const peeked = peekJwt(look.token)
    const signed = isJudgedHere(peeked, config) ? await verify(look, peeked) : undefined
    if (signed !== undefined && 'kind' in signed) return signed
    const answers: Looks['answers'][number][] = []
    const known = (): Outcome => {
      const composed = compose({ jwt: signed ?? peeked, verified: signed !== undefined, answers }, config)
      return 'kind' in composed ? composed : { kind: 'active', evidence: composed }
    }
    let outcome = signed === undefined ? unavailable : known()
    for (const method of toAsk(signed, config)) {
      // What it claims tells best why it is no good; what others say of such a token may hide that.
      if (outcome.kind === 'active' && options.isHopeless?.(outcome.evidence)) return { ...outcome, isPartial: true }
      const word = await ask(method, look)
      if (word.kind !== 'active') return word
      answers.push({ method, claims: word.claims })
      outcome = known()
      if (outcome.kind === 'refused') {
        look.observe?.({ check: 'subject', outcome: 'failed', seen: outcome.detail })
        return outcome
      }
    }
    return outcome
  }

  /** What the issuer has signed, read from what was verified. `peeked` is for words that are clearer than "malformed". */
  async function verify(look: Look, peeked: Jwt | undefined): Promise<Jwt | Refused | Unavailable> {
    const { token, observe, methods } = look
    methods.push('jwt')
    const refuse = (refused: Refused, expected?: string): Refused => {
      observe?.({ check: 'signature', outcome: 'failed', seen: refused.detail, expected })
      return refused
    }
    if (token.split('.').length !== 3) return refuse({ kind: 'refused', reason: 'opaque_token', detail: 'not a JWT' })
    const iss = peeked?.payload.iss
    if (peeked !== undefined && iss !== issuer) {
      const seen = typeof iss === 'string' ? quote(iss) : 'absent'
      const detail = `iss is ${seen}, configured is ${quote(issuer)}`
      return refuse({ kind: 'refused', reason: 'wrong_issuer', detail })
    }
    try {
      const word = await keys.verify(token)
      keyHealth.ok()
      if (word.kind === 'refused') return refuse(word, word.expected)
      const { header, payload, key } = word
      observe?.({ check: 'signature', outcome: 'ok', seen: `${quote(String(header.alg))} by the key ${quote(key)}` })
      return { header, payload }
    } catch (error) {
      return failed(look, 'signature', 'keys of the issuer', error, keyHealth)
    }
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
      return unavailable
    }
    try {
      const word = await asked.ask(token)
      pass.answered()
      health.ok()
      observe?.(wordStep(method, asked.url, word))
      return word
    } catch (error) {
      pass.failed(error)
      return failed(look, method, `${method} at ${asked.url.host}`, error)
    }
  }

  function discovered(observe: Observe | undefined): Promise<Endpoints | undefined> {
    return endpoints.discover().catch(error => {
      observe?.(faultStep('discovery', discoveryOf(issuer), error))
      return undefined
    })
  }

  /** One request keeps to the budget by itself; several share it, and so do one and the keys to its answer. */
  async function inTime(look: Look): Promise<Outcome> {
    if (endpoint.methods.length === 1 && issuer === undefined) return judge(look)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Outcome>(resolve => {
      timer = setTimeout(() => {
        const waitedFor = [...(endpoints.current() === undefined ? ['discovery'] : []), ...look.methods]
        const of = look.methods.at(-1) === 'jwt' ? keyHealth : health
        resolve(failed(look, 'timeout', waitedFor.join(' and '), new Fault('TIMEOUT'), of))
        look.isOver = true
      }, timeoutMs + graceMs)
    })
    return Promise.race([judge(look), late]).finally(() => clearTimeout(timer))
  }

  return {
    openidConfiguration:
      issuer === undefined ? undefined : `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,

    async lookup(token, observe) {
      if (!b64token.test(token)) {
        observe?.({ check: 'token', outcome: 'failed', seen: malformed.detail })
        return { ...malformed, source: '' }
      }
      const look: Look = { token, observe, methods: [], isOver: false }
      const outcome = await inTime(look)
      return { ...outcome, source: look.methods.join('+') }
    },

    close: async () => {
      closed = true
      endpoints.stop()
      await Promise.all([keys.stop(), http.close()])
    },
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

function faultStep(check: string, request: string, error: unknown): Step {
  const { cause, cure } = describe(request, error)
  return { check, outcome: 'failed', seen: cause, cure }
}
