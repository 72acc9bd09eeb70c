/**
 * JWT: what stands in a token of the form HEADER.PAYLOAD.SIGNATURE (RFC 7515 section 3.1, RFC 7519). PURE.
 *
 * Nothing here proves anything about a token: that is done by its provider, which vouches for it word for word, or by its
 * signature (`keys.ts`). `peekJwt` is for reading what has been vouched for, and for finding out who could; `readJws` comes
 * before a verification, and is strict. What the claims say is not judged here.
 */
import { isObject, parseObject } from './json.ts'
import type { JwsRules, RefusedJws } from './keys.ts'
import { list, quoteValue } from './quote.ts'
import type { Claims, Jwt, RefusalReason } from './token-verdict.ts'

/** Header and payload of a JWS in compact form, or undefined for a token of any other kind. */
export function peekJwt(token: string): Jwt | undefined {
  const [head, body, signature, ...rest] = token.split('.', 4)
  if (head === undefined || body === undefined || signature === undefined || rest.length > 0) return undefined
  const header = looseObject(head)
  const payload = looseObject(body)
  return header === undefined || payload === undefined ? undefined : { header, payload }
}

function looseObject(base64url: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** A JWS that may be verified. */
export type Jws = Jwt & { readonly kind: 'jws'; readonly alg: string; readonly kid: string | undefined }

/** A JWS with a JSON object as payload, whose header keeps the rules; everything else is refused. */
export function readJws(token: string, rules: JwsRules): Jws | RefusedJws {
  const [head = '', body = '', signature = '', ...rest] = token.split('.', 4)
  if (body === '' || rest.length > 0)
    return refused('token_malformed', 'not of three parts', 'HEADER.PAYLOAD.SIGNATURE')
  const header = strictObject(head)
  if (typeof header === 'string') return malformed('header', header)
  const problem = checkHeader(header, rules)
  if (problem !== undefined) return problem
  const payload = strictObject(body)
  if (typeof payload === 'string') return malformed('payload', payload)
  if (signature === '') return refused('token_malformed', 'the signature is missing')
  if (decodeBase64url(signature) === undefined) return malformed('signature', notBase64url)
  return { kind: 'jws', header, payload, alg: header.alg as string, kid: header.kid as string | undefined }
}

function checkHeader({ alg, typ, kid, crit }: Claims, rules: JwsRules): RefusedJws | undefined {
  if (typeof alg !== 'string' || !rules.algorithms.some(allowed => sameAlgorithm(allowed, alg)))
    return refused('algorithm_not_allowed', `alg is ${quoteValue(alg)}`, `one of ${list(rules.algorithms)}`)
  // RFC 7515 section 4.1.11: whoever doesn't understand all that is listed must refuse, and none is understood here.
  if (crit !== undefined) return refused('unsupported_header', 'there is a crit', 'a header without it')
  if (kid !== undefined && typeof kid !== 'string')
    return refused('token_malformed', `kid is ${quoteValue(kid)}`, 'a text')
  if (typ !== undefined && typeof typ !== 'string')
    return refused('token_malformed', `typ is ${quoteValue(typ)}`, 'a text')
  if (rules.types === 'any' || rules.types.includes(mediaType(typ))) return undefined
  return refused('not_an_access_token', `typ is ${quoteValue(typ)}`, `one of ${list(rules.types)}`)
}

/** RFC 7515 section 4.1.9: "application/" is left out as a rule; RFC 7519 section 5.1: a JWT needs no `typ`. */
function mediaType(typ = 'jwt'): string {
  return typ.toLowerCase().replace(/^application\//, '')
}

/** RFC 9864 gives each curve of "EdDSA" a name of its own; this is the one that we know. */
function sameAlgorithm(one: string, other: string): boolean {
  const name = (alg: string): string => (alg === 'Ed25519' ? 'EdDSA' : alg)
  return name(one) === name(other)
}

const notBase64url = 'not base64url'

function strictObject(base64url: string): Claims | string {
  const bytes = decodeBase64url(base64url)
  return bytes === undefined ? notBase64url : parseObject(bytes)
}

/** RFC 7515 section 2: no padding, no other characters; and no stray bits, so that there is one text for the bytes. */
function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

function malformed(part: string, what: string): RefusedJws {
  return refused('token_malformed', `the ${part} is ${what}`, part === 'signature' ? undefined : expectedPart)
}

const expectedPart = 'a JSON object in UTF-8, with each name once, in base64url'

function refused(reason: RefusalReason, detail: string, expected?: string): RefusedJws {
  return { kind: 'refused', reason, detail, ...(expected !== undefined && { expected }) }
}
