/**
 * Client: the auth-client protocol, spoken by imap-login, pop3-login, submission-login, managesieve-login, Exim,
 * `doveadm auth test` and Postfix's smtpd (smtpd_sasl_type = dovecot). PURE codec, the server's side of it.
 *
 * Dovecot's doc/auth-protocol.txt; where that is silent, auth/auth-client-connection.c, auth/auth-request-handler.c and
 * lib-auth/auth-client-connection.c say what is sent. What Dovecot's server answers by closing the connection
 * is a ProtocolError here.
 */
import { ProtocolError } from '../net/session.ts'
import type { Mechanism } from '../sasl/mechanism.ts'
import { escapeField, splitLine, unsigned32 } from './tabs.ts'

/**
 * The version whose bytes we speak: 1.2, as Dovecot 2.3. No client looks at our minor; where versions differ (an empty
 * `resp=`, CANCELLED, channel binding), the client's counts.
 */
const MAJOR = 1
const MINOR = 2

export type Auth = {
  readonly kind: 'auth'
  readonly id: number
  /** As typed by the mail client where Postfix passes it on: any case. */
  readonly mechanism: string
  /** `service=`, or `protocol=` since Dovecot 2.4. */
  readonly service: string
  /** No REQUEST will follow. Only Postfix says so. */
  readonly nologin: boolean
  readonly session: string | undefined
  readonly remoteAddress: string | undefined
  /** base64; undefined without `resp=`. */
  readonly response: string | undefined
}

export type Cont = {
  readonly kind: 'cont'
  readonly id: number
  /** base64, as the mail client typed it. */
  readonly data: string
  /** Fields after it: channel bindings, or what a mail client slipped in. */
  readonly surplus: readonly string[]
}

export type ClientMessage =
  | { readonly kind: 'version'; readonly minor: number }
  | { readonly kind: 'cpid'; readonly pid: number }
  | Auth
  | Cont
  | { readonly kind: 'cancel'; readonly id: number }

export function decodeClient(line: string): ClientMessage {
  const fields = splitLine(line)
  switch (fields[0]) {
    case 'AUTH':
      return decodeAuth(fields)
    case 'CONT': {
      const [, id, data, ...surplus] = fields
      if (data === undefined) throw new ProtocolError('CONT without data')
      return { kind: 'cont', id: requestId(id, 'CONT'), data, surplus }
    }
    case 'CANCEL':
      return { kind: 'cancel', id: requestId(fields[1], 'CANCEL') }
    case 'VERSION':
      return decodeVersion(fields)
    case 'CPID': {
      const pid = unsigned32(fields[1])
      if (pid === undefined || pid === 0) throw new ProtocolError('CPID is not a process id')
      return { kind: 'cpid', pid }
    }
    default:
      throw new ProtocolError(line === '' ? 'empty line' : 'unknown command')
  }
}

/** The same line in both of Dovecot's auth protocols. */
export function decodeVersion(fields: readonly string[]) {
  const major = unsigned32(fields[1])
  const minor = unsigned32(fields[2])
  if (major === undefined || minor === undefined) throw new ProtocolError('VERSION without two numbers')
  if (major !== MAJOR) throw new ProtocolError(`protocol version ${major}, not ${MAJOR}`)
  return { kind: 'version', minor } as const
}

/** The hot path: prefixes are compared in place, and nothing is built for parameters that nobody reads. */
function decodeAuth(fields: readonly string[]): Auth {
  const id = requestId(fields[1], 'AUTH')
  const mechanism = fields[2]
  if (mechanism === undefined || mechanism === '') throw new ProtocolError('AUTH without a mechanism')
  let service = ''
  let nologin = false
  let session: string | undefined
  let remoteAddress: string | undefined
  let response: string | undefined
  for (let index = 3; index < fields.length; index++) {
    const field = fields[index] ?? ''
    if (field === '') continue
    if (response !== undefined) throw new ProtocolError('AUTH with a parameter after resp')
    if (field.startsWith('resp=')) response = field.slice(5)
    else if (field.startsWith('service=')) service = field.slice(8)
    else if (field.startsWith('protocol=')) service = field.slice(9)
    else if (field.startsWith('session=')) session = field.slice(8)
    else if (field.startsWith('rip=')) remoteAddress = field.slice(4)
    else if (field === 'nologin') nologin = true
  }
  if (service === '') throw new ProtocolError('AUTH without service or protocol')
  return { kind: 'auth', id, mechanism, service, nologin, session, remoteAddress, response }
}

function requestId(text: string | undefined, verb: string): number {
  const id = unsigned32(text)
  if (id === undefined || id === 0) throw new ProtocolError(`${verb} without an id`)
  return id
}

export type Greeting = {
  readonly mechanisms: readonly Mechanism[]
  readonly spid: number
  readonly cuid: number
  /** 32 hex digits. */
  readonly cookie: string
}

/** MECH comes before SPID: Postfix takes the other order for the wrong socket (xsasl_dovecot_server.c). */
export function encodeGreeting({ mechanisms, spid, cuid, cookie }: Greeting): string {
  const mechs = mechanisms.map(({ name, flags }) => `MECH\t${[name, ...flags].join('\t')}\n`).join('')
  return `VERSION\t${MAJOR}\t${MINOR}\n${mechs}SPID\t${spid}\nCUID\t${cuid}\nCOOKIE\t${cookie}\nDONE\n`
}

/** An empty name would authenticate at Postfix, and relay. */
export function encodeOk(id: number, user: string): string {
  if (user === '') throw new Error('OK without a user')
  return `OK\t${id}\tuser=${escapeField(user)}\n`
}

export type Failure = {
  /** For the log of the mail server. */
  readonly user?: string | undefined
  /** lib-auth/auth-client.h, AUTH_CLIENT_FAIL_CODE_*. */
  readonly code?: 'authz_fail' | 'temp_fail' | 'user_disabled' | 'invalid_base64' | undefined
  /** Shown to the user. */
  readonly reason?: string | undefined
}

export function encodeFail(id: number, { user, code, reason }: Failure): string {
  let line = `FAIL\t${id}`
  if (user) line += `\tuser=${escapeField(user)}`
  if (code) line += `\tcode=${code}`
  if (reason) line += `\treason=${escapeField(reason)}`
  return `${line}\n`
}

/** With no data there is still the TAB: without it, Postfix and Dovecot call it a broken reply. */
export function encodeCont(id: number, data: Buffer): string {
  return `CONT\t${id}\t${data.toString('base64')}\n`
}

export function encodeCancelled(id: number): string {
  return `CANCELLED\t${id}\n`
}
