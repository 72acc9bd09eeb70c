/**
 * Master: the auth-master protocol, spoken by Dovecot's mail processes (imap, pop3, submission: REQUEST), lmtp, lda and
 * doveadm (USER, PASS, LIST, CACHE-FLUSH). PURE codec, the server's side of it.
 *
 * Dovecot's doc/auth-protocol.txt; auth/auth-master-connection.c and lib-auth-client/auth-master.c where that is silent.
 * 2.4.2 and later end some lines with CR LF and put empty parameters between (auth-master-request.c); 2.4 says
 * `protocol=` for `service=`.
 */
import { ProtocolError } from '../net/session.ts'
import { decodeVersion } from './client.ts'
import { argument, escapeField, splitLine, unsigned32 } from './tabs.ts'

/** Clients drop a connection that sends a longer line (lib-auth-client/auth-master.c, MAX_INBUF_SIZE). */
export const REPLY_BYTES = 8192

export type MasterMessage =
  | { readonly kind: 'version'; readonly minor: number }
  /** `user`: the userdb entry. `pass`: the passdb entry, which only doveadm asks for. */
  | { readonly kind: 'user' | 'pass'; readonly id: number; readonly name: string; readonly service: string }
  /** `mask`: with * and ?; undefined or empty for everybody. */
  | { readonly kind: 'list'; readonly id: number; readonly mask: string | undefined }
  /** Redeems a login that the auth-client socket answered with OK. */
  | {
      readonly kind: 'request'
      readonly id: number
      readonly clientPid: number
      readonly loginId: number
      readonly cookie: Buffer
    }
  | { readonly kind: 'cache-flush'; readonly id: number }

export function decodeMaster(line: string): MasterMessage {
  const fields = splitLine(line)
  switch (fields[0]) {
    case 'USER':
      return decodeLookup('user', fields)
    case 'PASS':
      return decodeLookup('pass', fields)
    case 'REQUEST':
      return decodeRequest(fields)
    case 'LIST':
      return { kind: 'list', id: number(fields[1], 'LIST'), mask: argument(fields, 2, 'user') || undefined }
    case 'CACHE-FLUSH':
      return { kind: 'cache-flush', id: number(fields[1], 'CACHE-FLUSH') }
    case 'VERSION':
      return decodeVersion(fields)
    default:
      throw new ProtocolError(line === '' ? 'empty line' : 'unknown command')
  }
}

function decodeLookup(kind: 'user' | 'pass', fields: readonly string[]): MasterMessage {
  const name = fields[2]
  const service = argument(fields, 3, 'service') || argument(fields, 3, 'protocol')
  if (name === undefined || name === '') throw new ProtocolError('a lookup without a name')
  if (!service) throw new ProtocolError('a lookup without service or protocol')
  return { kind, id: number(fields[1], 'a lookup'), name, service }
}

/** session_pid= is of no use without SO_PEERCRED, which Node doesn't have; request_auth_token is for URLAUTH only. */
function decodeRequest([, id, clientPid, loginId, cookie]: readonly string[]): MasterMessage {
  if (cookie === undefined || !/^(?:[0-9a-f]{2})+$/i.test(cookie)) throw new ProtocolError('REQUEST without a cookie')
  return {
    kind: 'request',
    id: number(id, 'REQUEST'),
    clientPid: number(clientPid, 'REQUEST'),
    loginId: number(loginId, 'REQUEST'),
    cookie: Buffer.from(cookie, 'hex'),
  }
}

function number(text: string | undefined, verb: string): number {
  const value = unsigned32(text)
  if (value === undefined) throw new ProtocolError(`${verb} without a number where one must be`)
  return value
}

/** Nothing else: after a CUID, clients take it for an auth-client socket. */
export function encodeMasterGreeting(spid: number): string {
  return `VERSION\t1\t1\nSPID\t${spid}\n`
}

/** Undefined if it would be longer than clients read. */
export function encodeUser(id: number, name: string, fields: Readonly<Record<string, string>>): string | undefined {
  let line = `USER\t${id}\t${escapeField(name)}`
  for (const key in fields) line += `\t${escapeField(`${key}=${fields[key]}`)}`
  line += '\n'
  return Buffer.byteLength(line) <= REPLY_BYTES ? line : undefined
}

export function encodePass(id: number, user: string): string {
  return `PASS\t${id}\tuser=${escapeField(user)}\n`
}

export function encodeNotFound(id: number): string {
  return `NOTFOUND\t${id}\n`
}

/** After a USER, `reason` is logged; after a REQUEST, it is shown to the mail client. */
export function encodeMasterFail(id: number, reason?: string): string {
  return reason === undefined ? `FAIL\t${id}\n` : `FAIL\t${id}\treason=${escapeField(reason)}\n`
}

export function encodeListed(id: number, name: string): string {
  return `LIST\t${id}\t${escapeField(name)}\n`
}

export function encodeDone(id: number, complete: boolean): string {
  return `DONE\t${id}\t${complete ? '' : 'fail'}\n`
}

export function encodeFlushed(id: number, count: number): string {
  return `OK\t${id}\t${count}\n`
}

/** Dovecot lib/wildcard-match.c, ignoring case: * for any characters, ? for one. */
export function createMask(mask: string): (name: string) => boolean {
  const pattern = mask.toLowerCase().replace(/\*+/g, '*')
  return name => matches(pattern, name.toLowerCase())
}

/** Goes back to the last * only, so that no mask takes more than its length times the name's. */
function matches(pattern: string, name: string): boolean {
  let at = 0
  let star = -1
  let resume = 0
  for (let index = 0; index < name.length; ) {
    if (pattern[at] === '*') {
      star = at++
      resume = index
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[index])) {
      at++
      index++
    } else if (star >= 0) {
      at = star + 1
      index = ++resume
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
