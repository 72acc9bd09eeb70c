/**
 * Answer: what a provider sent back, and whether it may be believed. PURE.
 *
 * Only status 200 with a JSON object (RFC 8259: in UTF-8), or with a JWT that holds one, is an answer; everything else
 * becomes a Fault. A refusal of
 * the token is a fault too until somebody who knows who was asked, and with whose credentials, calls it a refusal
 * (`refusal`).
 */
import { isUtf8 } from 'node:buffer'
import { Fault, type OAuthError, oauthErrors } from './fault.ts'
import { isObject } from './json.ts'
import type { Claims, Refused } from './token-verdict.ts'

export type Answer = {
  readonly status: number
  /** Header fields, empty if absent. */
  readonly contentType: string
  readonly challenge: string
  readonly body: Buffer
}

const json = /^application\/([\w.-]+\+)?json[\t ]*(;|$)/i
const jwt = /^application\/([\w.-]+\+)?jwt[\t ]*(;|$)/i

/** The JSON object of a good answer, or the JWT of a signed one, as text. Throws Fault, and nothing else. */
export function readAnswer(answer: Answer): Claims | string {
  const { status, contentType, body } = answer
  if (status !== 200) throw statusFault(answer)
  if (jwt.test(contentType)) return body.toString('latin1').trim()
  if (!json.test(contentType)) throw new Fault('NOT_JSON', status)
  const value = parseJson(body)
  if (value === undefined) throw new Fault('NOT_JSON', status)
  if (!isObject(value)) throw new Fault('NOT_AN_OBJECT', status)
  return value
}

/**
 * The provider's word that a bearer token is not good (RFC 6750 section 3.1), if a fault is that: a code that is about
 * the token, or else a 401. A 403 alone is a firewall's as often as not; status 400 with any other code is about the
 * request, so about us.
 */
export function refusal({ code, status, oauthError }: Fault): Refused | undefined {
  const isOfProvider = status === 400 || status === 401 || status === 403
  if (isOfProvider && oauthError === 'insufficient_scope') return refused(oauthError)
  if (isOfProvider && oauthError === 'invalid_token') return refused('token_refused')
  // Dex (handleUserInfo).
  if (status === 403 && oauthError === 'access_denied') return refused('token_refused')
  // An introspection endpoint, asked for userinfo by mistake, says so of us.
  if (oauthError === 'invalid_client' || oauthError === 'unauthorized_client') return undefined
  return code === 'HTTP 401' ? refused('token_refused') : undefined
}

export function refused(reason: 'token_refused' | 'insufficient_scope'): Refused {
  return { kind: 'refused', reason, detail: 'by the provider' }
}

function statusFault({ status, challenge, body }: Answer): Fault {
  const oauthError = errorInChallenge(challenge) ?? errorInBody(body)
  if (status === 401 && challenge !== '' && !wantsToken(challenge))
    return new Fault('OTHER_CHALLENGE', status, oauthError)
  // Status 400 is about the request, or about the token: more is in the body, if it comes from the provider at all.
  const more = oauthError ?? (isObject(parseJson(body)) ? undefined : 'NOT_JSON')
  return new Fault(status === 400 && more ? `HTTP 400 ${more}` : `HTTP ${status}`, status, oauthError)
}

/**
 * Whether one of the challenges (RFC 9110 section 11.6.1) is for an access token (RFC 6750, RFC 9449). A challenge begins
 * where a parameter could, but no "=" follows its scheme.
 */
function wantsToken(challenge: string): boolean {
  const unquoted = challenge.replace(/"(?:[^"\\]|\\.)*"?/g, '""')
  return unquoted.split(',').some(part => /^(Bearer|DPoP)([\t ]+[^\t =]|$)/i.test(part.trim()))
}

/** A parameter of a challenge (RFC 9110 section 11.2); begins where a token does, so that it is found in linear time. */
const parameter = /(?<![\w-])([\w-]+)[\t ]*=[\t ]*(?:"((?:[^"\\]|\\.)*)"|([^\t ,"]*))/g

/** RFC 6750 section 3: `WWW-Authenticate: Bearer realm="…", error="invalid_token"`. */
function errorInChallenge(challenge: string): OAuthError | undefined {
  for (const [, name, quoted, bare] of challenge.matchAll(parameter))
    if (name?.toLowerCase() === 'error') return knownError(quoted ?? bare)
  return undefined
}

/** RFC 6749 section 5.2: `{"error":"invalid_client"}`. */
function errorInBody(body: Buffer): OAuthError | undefined {
  const value = parseJson(body)
  return isObject(value) ? knownError(value.error) : undefined
}

/** Nothing but registered codes, so that no text of the provider's gets into a log. */
function knownError(text: unknown): OAuthError | undefined {
  return oauthErrors.find(code => code === text)
}

function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) return undefined
  try {
    // RFC 8259 section 8.1 lets a reader ignore a byte order mark.
    return JSON.parse(body.toString('utf8').replace(/^\uFEFF/, ''))
  } catch {
    return undefined
  }
}
