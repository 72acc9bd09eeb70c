/**
 * Message: what all mechanisms have in common: exchanges of one message, and the names and passwords in them. PURE.
 *
 * Messages are handled as Latin-1 text, one character a byte: offsets are byte offsets, and only names and passwords are
 * ever decoded as UTF-8. Nothing is prepared (RFC 4013) or compared here: they are handed on as they came.
 */
import { isUtf8 } from 'node:buffer'
import type { Credentials, Exchange, Malformed, MechanismOptions } from './mechanism.ts'

/** No account is called by a longer name, and one may have to be kept for a while. RFC 4616 section 2 wants 255 at least. */
const maxNameBytes = 1024

export function malformed(why: string): Malformed {
  return { kind: 'malformed', why }
}

/** An exchange of one message, asked for with an empty challenge if the client didn't send it at once (RFC 4422 section 5). */
export function oneMessage(parse: (message: string) => Credentials | Malformed): Exchange {
  let state: 'new' | 'challenged' | 'done' = 'new'
  return response => {
    if (state === 'done') throw new Error('a SASL exchange was continued after its end')
    if (response === undefined) {
      if (state === 'challenged') throw new Error('a SASL challenge was answered with nothing')
      state = 'challenged'
      return { kind: 'challenge', data: Buffer.alloc(0) }
    }
    state = 'done'
    if (response.length === 0) return malformed('the message is empty')
    return parse(response.toString('latin1'))
  }
}

/** A name that the client asked for. `name` is Latin-1 text as above. */
export function readName(name: string): { readonly name: string } | Malformed {
  if (name === '') return malformed('the name is empty')
  if (name.length > maxNameBytes) return malformed(`the name is longer than ${maxNameBytes} bytes`)
  if (/[\x00-\x1f\x7f]/.test(name)) return malformed('the name contains a control character')
  const text = decodeUtf8(name)
  return text === undefined ? malformed('the name is not UTF-8') : { name: text }
}

/** `password` is Latin-1 text as above. */
export function readPassword(
  password: string,
  { tokenBytes }: MechanismOptions,
): { readonly password: string } | Malformed {
  if (password === '') return malformed('the password is empty')
  if (password.length > tokenBytes) return malformed(`the password is longer than ${tokenBytes} bytes`)
  if (password.includes('\0')) return malformed('the password contains a NUL')
  const text = decodeUtf8(password)
  return text === undefined ? malformed('the password is not UTF-8') : { password: text }
}

function decodeUtf8(latin1: string): string | undefined {
  if (!/[\x80-\xff]/.test(latin1)) return latin1
  const bytes = Buffer.from(latin1, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}
