/**
 * PLAIN (RFC 4616): a name and a password, in clear. What IMAP's LOGIN and POP3's USER and PASS come as, too.
 *
 *   AUTHZID ^@ AUTHCID ^@ PASSWORD
 *
 * AUTHZID, who she wants to be, is mostly empty. Dovecot takes what follows a third NUL for nothing (auth/mech-plain.c up
 * to 2.3); to the RFC and to us the message is malformed. PURE.
 */

import type { Credentials, Malformed, Mechanism, MechanismOptions } from './mechanism.ts'
import { malformed, oneMessage, readName, readPassword } from './message.ts'

export const plain: Mechanism = {
  name: 'PLAIN',
  flags: ['plaintext'],
  failure: undefined,
  start: options => oneMessage(message => parse(message, options)),
}

function parse(message: string, options: MechanismOptions): Credentials | Malformed {
  const first = message.indexOf('\0')
  const second = message.indexOf('\0', first + 1)
  // Without a first NUL, the search for the second one fails as well.
  if (second === -1) return malformed('the message has not the two NULs of PLAIN')
  const authzid = first === 0 ? { name: undefined } : readName(message.slice(0, first))
  if ('kind' in authzid) return authzid
  const authcid = readName(message.slice(first + 1, second))
  if ('kind' in authcid) return authcid
  const secret = readPassword(message.slice(second + 1), options)
  if ('kind' in secret) return secret
  return { kind: 'password', authcid: authcid.name, password: secret.password, authzid: authzid.name }
}
