/**
 * OAUTHBEARER (RFC 7628): a GS2 header (RFC 5801 section 4), then fields.
 *
 *   n,a=alice@example.org,^Ahost=mail.example.org^Aport=993^Aauth=Bearer TOKEN^A^A
 *
 * As strict as section 3.1: Dovecot 2.3 does without the final ^A, Dovecot 2.4.2 and later and we don't. More liberal
 * than Dovecot in one thing that the RFC allows: the header may name nobody, the name then comes from the token.
 * `host` and `port` say what the client connected to; nothing rests on them. PURE.
 */
import { kvsep, readFields, readToken } from './bearer.ts'
import type { Credentials, Malformed, Mechanism, MechanismOptions } from './mechanism.ts'
import { malformed, oneMessage, readName } from './message.ts'

export const oauthbearer: Mechanism = {
  name: 'OAUTHBEARER',
  flags: ['plaintext'],
  failure: 'oauthbearer',
  start: options => oneMessage(message => parse(message, options)),
}

function parse(message: string, options: MechanismOptions): Credentials | Malformed {
  if (message === kvsep) return malformed('a lone ^A is the answer to a failure, not a login')
  const header = readHeader(message)
  if ('kind' in header) return header
  const fields = readFields(message, header.length)
  if ('kind' in fields) return fields
  for (const { key, value } of fields) {
    if (!/^[A-Za-z]+$/.test(key)) return malformed('the name of a field has other characters than letters')
    if (key !== 'auth' && !/^[\t\n\r -~]*$/.test(value))
      return malformed('a field has characters that RFC 7628 section 3.1 does not allow')
  }
  const token = readToken(fields, options)
  if (typeof token !== 'string') return token
  return { kind: 'token', token, authzid: header.authzid }
}

type Header = { readonly authzid: string | undefined /** Including its ^A. */; readonly length: number }

function readHeader(message: string): Header | Malformed {
  const flag = message.slice(0, 2)
  if (flag === 'p=') return malformed('channel binding (p=) is not offered')
  if (flag === 'F,') return malformed('the GS2 header is marked as non-standard (F)')
  if (flag !== 'n,' && flag !== 'y,') return malformed('the GS2 header does not begin with "n," or "y,"')
  const comma = message.indexOf(',', 2)
  if (comma === -1 || message[comma + 1] !== kvsep) return malformed('the GS2 header does not end with a comma and ^A')
  const length = comma + 2
  if (comma === 2) return { authzid: undefined, length }
  if (!message.startsWith('a=', 2)) return malformed('the GS2 header has something else than "a=" and a name')
  const authzid = readSaslName(message.slice(4, comma))
  return typeof authzid === 'string' ? { authzid, length } : authzid
}

/** saslname: `,` and `=` come as =2C and =3D, in either case as in all ABNF. */
function readSaslName(escaped: string): string | Malformed {
  if (/=(?!2c|3d)/i.test(escaped)) return malformed('the name has a "=" that is neither =2C nor =3D')
  const read = readName(escaped)
  if ('kind' in read) return read
  return read.name.replace(/=(2c|3d)/gi, hex => (hex[1] === '2' ? ',' : '='))
}
