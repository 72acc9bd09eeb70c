/**
 * Claims: is this token, for which the provider vouches, meant for mail? PURE.
 *
 * The checks of RFC 9068 section 4 and RFC 7662 section 4 that are left to the resource server, in the order in which an
 * administrator would look: expiry, kind of token, issuer, audience, client, scopes, and the gates. Who the user is, is
 * `identity.ts`' job.
 */
import type { DirectoryConfig } from '../config/config.ts'
import { claimAt } from '../oidc/claim-path.ts'
import { list, quote, quoteValue } from '../oidc/quote.ts'
import type { Claims, Evidence, Jwt, Step } from '../oidc/token-verdict.ts'
import { type RejectReason, rejectReasons } from './reason.ts'
import { clientOf, findKind } from './token-kind.ts'

export type ClaimProblem = { readonly reason: RejectReason; readonly detail: string }

/** What a check has to go by. */
type Sight = { readonly evidence: Evidence; readonly directory: DirectoryConfig; readonly nowMs: number }

type Check = {
  readonly name: string
  readonly problem: (sight: Sight) => ClaimProblem | undefined
  /** What there is in the token, and what is asked of it; undefined: nothing. */
  readonly seen: (sight: Sight) => string
  readonly expected: (sight: Sight) => string | undefined
}

const checks: readonly Check[] = [
  {
    name: 'expiry',
    problem: checkExpiry,
    seen: ({ evidence }) => (expiryMs(evidence) === Infinity ? 'absent' : `it ends ${date(expiryMs(evidence))}`),
    expected: ({ evidence, ...at }) =>
      expiryMs(evidence) === Infinity && !evidence.verified ? undefined : `not over at ${now(at)}`,
  },
  {
    name: 'not before',
    problem: checkNotBefore,
    seen: ({ evidence }) => {
      const startMs = notBeforeMs(evidence)
      return startMs === undefined ? 'absent' : `it begins ${date(startMs)}`
    },
    expected: ({ evidence, ...at }) => (notBeforeMs(evidence) === undefined ? undefined : `begun at ${now(at)}`),
  },
  {
    name: 'kind of token',
    problem: ({ evidence }) => findKind(evidence),
    seen: ({ evidence }) => findKind(evidence)?.detail ?? 'no sign of an ID token, a refresh token or a program',
    expected: () => 'an access token of a user',
  },
  {
    name: 'issuer',
    problem: checkIssuer,
    seen: ({ evidence }) => quoteValue(issuerOf(evidence)),
    expected: ({ evidence, directory: { issuer } }) =>
      issuer === undefined || issuerOf(evidence) === undefined ? undefined : quote(issuer),
  },
  {
    name: 'audience',
    problem: checkAudience,
    seen: ({ evidence }) => list(texts(evidence.token.aud)),
    expected: ({ directory: { require } }) => wish('one of', require.audience),
  },
  {
    name: 'client',
    problem: checkClient,
    seen: ({ evidence }) => quote(clientOf(evidence.token)),
    expected: ({ directory: { require } }) => wish('one of', require.clients),
  },
  {
    name: 'scopes',
    problem: checkScopes,
    seen: ({ evidence }) => list(scopesOf(evidence.token)),
    expected: ({ directory: { require } }) => wish('all of', require.scopes),
  },
  {
    name: 'gates',
    problem: checkGates,
    seen: ({ evidence, directory }) => {
      const gates = Object.keys(directory.require.claim)
      return gates.map(path => `${quote(path)}: ${list(gateValues(evidence, path))}`).join('; ') || 'none'
    },
    expected: ({ directory }) => {
      const gates = Object.entries(directory.require.claim)
      return gates.map(([path, wanted]) => `${quote(path)}: one of ${list(wanted)}`).join('; ') || undefined
    },
  },
]

/** Those that look at nothing but the token itself. */
const ofToken = checks.filter(({ name }) => name !== 'gates')

/** The first check that the token fails; undefined: none. */
export function checkClaims(evidence: Evidence, directory: DirectoryConfig, nowMs: number): ClaimProblem | undefined {
  return firstProblem(checks, { evidence, directory, nowMs })
}

/** Whether the token fails already, with some of the chain not asked yet: they may know more of its owner, but not of it. */
export function isHopeless(evidence: Evidence, directory: DirectoryConfig, nowMs: number): boolean {
  return firstProblem(ofToken, { evidence, directory, nowMs }) !== undefined
}

/** For these, a provider refuses a token. */
const ofProvider = checks.filter(({ name }) => ['expiry', 'not before', 'kind of token', 'issuer'].includes(name))

/** Why its provider may have refused a JWT, by what that says of itself. Nobody vouches for it: it decides nothing. */
export function suspect(jwt: Jwt, directory: DirectoryConfig, nowMs: number): ClaimProblem | undefined {
  const own = jwt.payload
  return firstProblem(ofProvider, { evidence: { claims: own, token: own, jwt, verified: false }, directory, nowMs })
}

function firstProblem(among: readonly Check[], sight: Sight): ClaimProblem | undefined {
  for (const { problem } of among) {
    const found = problem(sight)
    if (found !== undefined) return found
  }
  return undefined
}

/** Every check with what is there and what should be, also those after the first that fails. */
export function explainClaims(evidence: Evidence, directory: DirectoryConfig, nowMs: number): Step[] {
  const sight = { evidence, directory, nowMs }
  return checks.map(({ name, problem, seen, expected }) => {
    const wanted = expected(sight)
    const found = problem(sight)
    const outcome = found !== undefined ? 'failed' : wanted === undefined ? 'note' : 'ok'
    return {
      check: name,
      outcome,
      seen: outcome === 'note' ? `${seen(sight)}, not checked` : seen(sight),
      expected: wanted,
      cure: found && rejectReasons[found.reason].cure,
    }
  })
}

/** When the token ends, in milliseconds since 1970: the earliest expiry in sight. Infinity: none is known. */
export function expiryMs({ claims, token, jwt }: Evidence): number {
  return Math.min(...[claims, token, jwt?.payload].map(source => (dateOf(source, 'exp') ?? Infinity) * 1000))
}

function checkExpiry({ evidence, directory: { leewayMs }, nowMs }: Sight): ClaimProblem | undefined {
  const endMs = expiryMs(evidence)
  if (evidence.verified && endMs === Infinity) return { reason: 'token_incomplete', detail: 'it has no exp' }
  return endMs + leewayMs <= nowMs ? { reason: 'token_expired', detail: `exp was ${date(endMs)}` } : undefined
}

function checkNotBefore({ evidence, directory: { leewayMs }, nowMs }: Sight): ClaimProblem | undefined {
  const startMs = notBeforeMs(evidence)
  if (startMs === undefined || startMs - leewayMs <= nowMs) return undefined
  return { reason: 'token_not_yet_valid', detail: `nbf is ${date(startMs)}` }
}

function notBeforeMs({ token }: Evidence): number | undefined {
  const seconds = dateOf(token, 'nbf')
  return seconds === undefined ? undefined : seconds * 1000
}

/** RFC 9068 section 4: exactly equal, to the last slash. */
function checkIssuer({ evidence, directory: { issuer } }: Sight): ClaimProblem | undefined {
  const found = issuerOf(evidence)
  if (issuer === undefined || found === undefined || found === issuer) return undefined
  return { reason: 'wrong_issuer', detail: `iss is ${quoteValue(found)}, configured is ${quote(issuer)}` }
}

function issuerOf({ token, jwt }: Evidence): unknown {
  return claimAt(token, 'iss') ?? (jwt && claimAt(jwt.payload, 'iss'))
}

function checkAudience({ evidence: { token }, directory: { require } }: Sight): ClaimProblem | undefined {
  if (require.audience.length === 0) return undefined
  const audiences = texts(token.aud)
  if (audiences.some(audience => require.audience.includes(audience))) return undefined
  return { reason: 'wrong_audience', detail: `wanted is ${list(require.audience)}, the token has ${list(audiences)}` }
}

function checkClient({ evidence: { token }, directory: { require } }: Sight): ClaimProblem | undefined {
  if (require.clients.length === 0) return undefined
  const client = clientOf(token)
  if (client !== undefined && require.clients.includes(client)) return undefined
  const detail = `wanted is ${list(require.clients)}, the token has ${list(client === undefined ? [] : [client])}`
  return { reason: 'wrong_client', detail }
}

function checkScopes({ evidence: { token }, directory: { require } }: Sight): ClaimProblem | undefined {
  if (require.scopes.length === 0) return undefined
  const scopes = scopesOf(token)
  const lacking = require.scopes.filter(scope => !scopes.includes(scope))
  if (lacking.length === 0) return undefined
  return { reason: 'insufficient_scope', detail: `lacking is ${list(lacking)}, the token has ${list(scopes)}` }
}

/** `scope` is a string of words (RFC 8693 section 4.2) or, here and there, an array; `scp` is Okta's and Entra's name. */
function scopesOf(token: Claims): string[] {
  return texts(claimAt(token, 'scope') ?? claimAt(token, 'scp')).flatMap(scope => scope.split(' '))
}

function checkGates({ evidence, directory: { require } }: Sight): ClaimProblem | undefined {
  for (const [path, wanted] of Object.entries(require.claim)) {
    const values = gateValues(evidence, path)
    if (!values.some(value => wanted.includes(value)))
      return {
        reason: 'claim_mismatch',
        detail: `wanted is ${list(wanted)} in ${quote(path)}, there is ${list(values)}`,
      }
  }
  return undefined
}

function gateValues({ claims, token }: Evidence, path: string): string[] {
  return texts(claimAt(claims, path) ?? claimAt(token, path))
}

/** A claim that may be one value or several, as strings. Objects and null have none. */
function texts(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value]
  return values.filter(one => ['string', 'number', 'boolean'].includes(typeof one)).map(String)
}

/** NumericDate (RFC 7519 section 2), also where a provider sends it as a string. */
function dateOf(claims: Claims | undefined, name: string): number | undefined {
  const value = claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined
  const seconds = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds : undefined
}

/** Beyond what Date can hold is never. */
function date(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : 'at no known time'
}

function now({ nowMs, directory: { leewayMs } }: Omit<Sight, 'evidence'>): string {
  return `${date(nowMs)}, give or take ${leewayMs / 1000} s`
}

function wish(how: string, wanted: readonly string[]): string | undefined {
  return wanted.length === 0 ? undefined : `${how} ${list(wanted)}`
}
