/**
 * Auth session: the dialect of the auth-client protocol (client.ts), for Dovecot's login processes and for Postfix: the
 * handshake and its order. What comes after it is auth-requests.ts'.
 *
 * Our side of the handshake is sent whole and at once, as Dovecot 2.3 does: Exim writes nothing before it has read it.
 */
import { randomBytes } from 'node:crypto'
import { lines } from '../net/framing.ts'
import { type Dialect, type DrainPhase, ProtocolError, type Session, type Wire } from '../net/session.ts'
import { createRequests, type Requests, type RequestsOptions } from './auth-requests.ts'
import { decodeClient, encodeGreeting } from './client.ts'
import type { Logins } from './logins.ts'

/** Dovecot writes at most 16 KiB, Postfix whatever smtpd_sasl_response_limit was raised to. */
const LINE_BYTES = 65_536
const COOKIE_BYTES = 16

export type AuthDialectOptions = RequestsOptions & {
  /** Undefined where nobody redeems logins. */
  readonly logins: Logins | undefined
  /** The same on all sockets of the process: login processes compare it with the auth-master socket's. */
  readonly spid: number
  /** Of the next connection; for CUID, which is not to come twice in the life of a process. */
  readonly number?: () => number
}

export function createAuthDialect(options: AuthDialectOptions): Dialect<string> {
  let connections = 0
  const { number = () => ++connections } = options
  return {
    framer: () => lines({ maxBytes: LINE_BYTES }),
    open: wire => openSession(wire, number(), options),
  }
}

function openSession(wire: Wire, cuid: number, options: AuthDialectOptions): Session<string> {
  const { mechanisms, spid, logins } = options
  const cookie = randomBytes(COOKIE_BYTES)
  let minor: number | undefined
  let requests: Requests | undefined
  let phase: DrainPhase | undefined

  function receive(line: string): void {
    const message = decodeClient(line)
    if (requests !== undefined) {
      requests.receive(message)
    } else if (minor === undefined) {
      if (message.kind !== 'version') throw new ProtocolError('the first line is not VERSION')
      minor = message.minor
    } else {
      if (message.kind !== 'cpid') throw new ProtocolError('the second line is not CPID')
      requests = createRequests(wire, minor, logins?.open(message.pid, cookie), options)
      if (phase !== undefined) requests.drain(phase)
    }
  }

  wire.send(encodeGreeting({ mechanisms, spid, cuid, cookie: cookie.toString('hex') }))
  return {
    receive,
    drain: next => {
      phase = next
      requests?.drain(next)
    },
    awaitsPeer: () => requests?.awaitsPeer() ?? false,
    closed: (drained = false) => requests?.close(drained),
  }
}
