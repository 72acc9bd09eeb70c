/**
 * Provider: finds out about tokens, by the keys of one OpenID provider and by asking it.
 *
 * A lookup ends with a verdict, within the budget of the directory, whatever happens: it never rejects. `refused` is the
 * provider's own word on the token, or that of its keys; everything else that is no good answer is `unavailable`, and the
 * cause is logged where the provider's state changes. Caching and the meaning of claims are the work of auth/.
 */
import type { DirectoryConfig } from '../config/config.ts'
import type { Log } from '../log.ts'
import type { DirectoryStatus } from '../status.ts'
import type { Telemetry } from '../telemetry.ts'
import { createAsker } from './asker.ts'
import { compose, isJudgedHere, type Learnt, toAsk } from './chain.ts'
import { createContact } from './contact.ts'
import { Fault } from './fault.ts'
import { createHealth } from './health.ts'
import { createHttp } from './http.ts'
import { createIssuerKeys, type KeyDisk } from './issuer-keys.ts'
import { peekJwt } from './jwt.ts'
import { failed, type Look, type Unavailable, unavailable } from './look.ts'
import { discoveryAddress } from './openid.ts'
import { quote, quoteValue } from './quote.ts'
import type { Evidence, Jwt, Provider, Refused } from './token-verdict.ts'

/** RFC 6750 section 2.1. Anything else must not get into a header: the error of the library would quote it. */
const b64token = /^[A-Za-z0-9._~+/-]+=*$/

export type ProviderOptions = {
  /** Where the issuer's keys are kept, for a start while it is down; undefined: nowhere. */
  readonly keyDisk?: KeyDisk | undefined
  /** Keys by which tokens were good are good no more. */
  readonly onWithdrawn?: () => void
  /** Whether what is known of a token so far is enough to refuse it: then nobody else is asked. */
  readonly isHopeless?: (evidence: Evidence) => boolean
  /** Is told of each request. */
  readonly telemetry?: Telemetry | undefined
}

/** A provider at work. */
export type OpenProvider = Provider & { status(): Pick<DirectoryStatus, 'provider' | 'keys'> }

/** What is left to a single request, to say itself what it has waited for. */
const graceMs = 50
const malformed: Refused = { kind: 'refused', reason: 'token_malformed', detail: 'no RFC 6750 b64token' }
type Outcome =
  | { readonly kind: 'active'; readonly evidence: Evidence; readonly isPartial?: boolean }
  | Refused
  | Unavailable

/** Throws when a file or key of the configuration is unusable; never because of the network. */
export function createProvider(config: DirectoryConfig, log: Log, options: ProviderOptions = {}): OpenProvider {
  const { name, issuer, timeoutMs, endpoint } = config
  const http = createHttp(config)
  const health = createHealth(name, log)
  /** Apart: good JWTs tell nothing of an endpoint that fails. */
  const keyHealth = createHealth(name, log)
  const contact = createContact(name, options.telemetry)
  const asker = createAsker(config, {
    log,
    health,
    contact,
    fetch: http.fetch,
    openSigned: (jws, method) => keys.openSigned(jws, method),
  })
  const keys = createIssuerKeys(config, {
    log,
    openid: asker.openid,
    endpoints: asker.endpoints,
    disk: options.keyDisk,
    onWithdrawn: () => options.onWithdrawn?.(),
  })

  async function judge(look: Look): Promise<Outcome> {
    const peeked = peekJwt(look.token)
    const signed = isJudgedHere(peeked, config) ? await verify(look, peeked) : undefined
    if (signed !== undefined && 'kind' in signed) return signed
    const answers: Learnt['answers'][number][] = []
    const known = (): Outcome => {
      const composed = compose({ jwt: signed ?? peeked, verified: signed !== undefined, answers }, config)
      return 'kind' in composed ? composed : { kind: 'active', evidence: composed }
    }
    let outcome = signed === undefined ? unavailable : known()
    for (const method of toAsk(signed, config)) {
      // What it claims tells best why it is no good; what others say of such a token may hide that.
      if (outcome.kind === 'active' && options.isHopeless?.(outcome.evidence)) return { ...outcome, isPartial: true }
      const word = await asker.ask(method, look)
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
      const detail = `iss is ${quoteValue(iss)}, configured is ${quote(issuer)}`
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

  /** One request keeps to the budget by itself; several share it, and so do one and the keys to its answer. */
  async function inTime(look: Look): Promise<Outcome> {
    if (endpoint.methods.length === 1 && issuer === undefined) return judge(look)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<Outcome>(resolve => {
      timer = setTimeout(() => {
        const waitedFor = [...(asker.endpoints.current() === undefined ? ['discovery'] : []), ...look.methods]
        const of = look.methods.at(-1) === 'jwt' ? keyHealth : health
        const fault = new Fault('TIMEOUT')
        contact.failed(waitedFor.join(' and '), fault)
        resolve(failed(look, 'timeout', waitedFor.join(' and '), fault, of))
        look.isOver = true
      }, timeoutMs + graceMs)
    })
    return Promise.race([judge(look), late]).finally(() => clearTimeout(timer))
  }

  return {
    openidConfiguration: issuer === undefined ? undefined : discoveryAddress(issuer),

    async lookup(token, observe) {
      if (!b64token.test(token)) {
        observe?.({ check: 'token', outcome: 'failed', seen: malformed.detail })
        return { ...malformed, source: '' }
      }
      const look: Look = { token, observe, methods: [], isOver: false }
      const outcome = await inTime(look)
      return { ...outcome, source: look.methods.join('+') }
    },

    status: () => ({ provider: { ...contact.status(), breakers: asker.breakers() }, keys: keys.status() }),

    close: async () => {
      health.close()
      keyHealth.close()
      asker.endpoints.stop()
      await Promise.all([keys.stop(), http.close()])
    },
  }
}
