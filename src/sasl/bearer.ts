/**
 * Bearer: what OAUTHBEARER and XOAUTH2 have in common. Both are one message from the client that ends in `key=value^A`
 * fields and an empty one, and both carry the token in a field `auth=Bearer TOKEN` (RFC 7628 section 3.1, RFC 6750
 * section 2.1). PURE.
 *
 * The expressions below can't backtrack more than once over their input, 64 KiB of junk cost what 64 KiB of token cost.
 * Whether a token is any good is not asked here.
 */

import type { Malformed, MechanismOptions } from './mechanism.ts'
import { malformed } from './message.ts'

/** Separates fields in both mechanisms. */
export const kvsep = '\x01'

export type Field = { readonly key: string; readonly value: string }

/** The fields from `start` on, up to the empty one that ends the message. */
export function readFields(message: string, start: number): readonly Field[] | Malformed {
  const fields: Field[] = []
  for (let at = start; ; ) {
    const end = message.indexOf(kvsep, at)
    if (end === -1) return malformed('the message does not end with two ^A: it may have been cut off')
    if (end === at) {
      return end === message.length - 1 ? fields : malformed('something follows the two ^A that end the message')
    }
    const equals = message.indexOf('=', at)
    if (equals === -1 || equals > end) return malformed('a field has no "="')
    if (equals === at) return malformed('a field has no name')
    fields.push({ key: message.slice(at, equals), value: message.slice(equals + 1, end) })
    at = end + 1
  }
}

/** The value of a field that must be there exactly once. */
export function requireField(fields: readonly Field[], key: string): string | Malformed {
  const [found, another] = fields.filter(field => field.key === key)
  if (found === undefined) return malformed(`the field "${key}" is missing`)
  if (another !== undefined) return malformed(`the field "${key}" is there twice`)
  return found.value
}

/** The token of the field `auth`. */
export function readToken(fields: readonly Field[], { tokenBytes }: MechanismOptions): string | Malformed {
  const auth = requireField(fields, 'auth')
  if (typeof auth !== 'string') return auth
  // Schemes compare without case (RFC 9110 section 11.1).
  if (!/^bearer /i.test(auth)) return malformed('the field "auth" does not begin with "Bearer "')
  const token = auth.slice('Bearer '.length)
  if (token.length > tokenBytes) return malformed(`the token is longer than ${tokenBytes} bytes`)
  // b64token, RFC 6750 section 2.1. (\w is twice as fast as its letters spelled out.)
  if (!/^[\w.~+/-]+=*$/.test(token))
    return malformed('the token has a character that none may have (RFC 6750: b64token)')
  return token
}
