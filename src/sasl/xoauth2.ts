/**
 * XOAUTH2: Google's forerunner of OAUTHBEARER (developers.google.com/gmail/imap/xoauth2-protocol), the only one that
 * Thunderbird and Outlook speak.
 *
 *   user=alice@example.org^Aauth=Bearer TOKEN^A^A
 *
 * Without a grammar in an RFC, we take fields in any order and pass over unknown ones, as Dovecot does
 * (auth/mech-oauth2.c), and are strict about the two that count and about the end. PURE.
 */
import { readFields, readToken, requireField } from './bearer.ts'
import type { Credentials, Malformed, Mechanism, MechanismOptions } from './mechanism.ts'
import { oneMessage, readName } from './message.ts'

export const xoauth2: Mechanism = {
  name: 'XOAUTH2',
  flags: ['plaintext'],
  failure: 'xoauth2',
  start: options => oneMessage(message => parse(message, options)),
}

function parse(message: string, options: MechanismOptions): Credentials | Malformed {
  const fields = readFields(message, 0)
  if ('kind' in fields) return fields
  const user = requireField(fields, 'user')
  if (typeof user !== 'string') return user
  const read = readName(user)
  if ('kind' in read) return read
  const token = readToken(fields, options)
  if (typeof token !== 'string') return token
  return { kind: 'token', token, authzid: read.name }
}
