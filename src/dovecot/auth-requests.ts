/**
 * Auth requests: the logins under way on one auth-client connection, after its handshake.
 *
 * A request is either at work (a verdict is awaited, DEADLINE_MS at most) or waits for the client's answer to a challenge
 * (CHALLENGE_MS at most), or is refused and held until that may be told (held.ts), or is over. Any number may be under way
 * and they end in any order. A verdict that comes when its request is over is dropped: it is neither sent nor offered
 * for redemption.
 *
 * The verdict's bytes (Dovecot lib-auth/auth-client-request.c; Postfix xsasl/xsasl_dovecot_server.c):
 *   accept        OK user=
 *   reject        CONT with RFC 7628 JSON where the mechanism has it, the client's dummy answer, then FAIL
 *   unavailable   FAIL code=temp_fail; to smtpd nothing, the connection is destroyed: it turns every FAIL into 535 and
 *                 only a lost connection into 454
 *
 * When the listener ends, requests are served as ever for a while, but for refusals, which are held no longer. Then there is
 * no verdict on those that come, nor on those whose client has not answered its challenge; and at last on none.
 */
import { printable } from '../auth/outcome.ts'
import { type UnavailableReason, unavailableReasons } from '../auth/reason.ts'
import type { Authenticate, LoginRequest, Reject, Verdict } from '../auth/verdict.ts'
import type { ListenerConfig } from '../config/config.ts'
import { describeError, type Log } from '../log.ts'
import { createExpiring } from '../net/expiring.ts'
import { type DrainPhase, ProtocolError, type Wire } from '../net/session.ts'
import type { Credentials, Exchange, Malformed, Mechanism } from '../sasl/mechanism.ts'
import { decodeBase64 } from './base64.ts'
import {
  type Auth,
  type ClientMessage,
  type Cont,
  encodeCancelled,
  encodeCont,
  encodeFail,
  encodeOk,
  type Failure,
} from './client.ts'
import { failureChallenge, userText } from './failure.ts'
import { createHeld } from './held.ts'
import type { Offers } from './logins.ts'
import { createPeer } from './peer.ts'

/** Postfix hangs up after 10 s (AUTH_TIMEOUT). */
const DEADLINE_MS = 8_000
/** MASTER_AUTH_SERVER_TIMEOUT_SECS. Postfix never says that its client gave up. */
const CHALLENGE_MS = 150_000
/** A login process has at most client_limit clients, 1000 by default. Beyond, the oldest is forgotten. */
const CHALLENGE_LIMIT = 4096

export type RequestsOptions = {
  /** Its protocol, `dovecot-auth` or `postfix-sasl`, says who speaks. */
  readonly listener: ListenerConfig
  readonly mechanisms: readonly Mechanism[]
  readonly tokenBytes: number
  readonly authenticate: Authenticate
  readonly log: Log
}

type Request = {
  readonly auth: Auth
  readonly mechanism: Mechanism
  readonly exchange: Exchange
}

type Work = {
  readonly request: Request
  /** The name asked for, for the mail server's log. */
  readonly asked: string | undefined
  /** Told if the verdict is a rejection, instead of what would be told else. */
  readonly failure: Failure | undefined
}

/**
 * For the client's answer to the mechanism's challenge; or, after a rejection, for any answer at all. There may be
 * thousands of them, so that a rejected request's line isn't kept.
 */
type Waiting = { readonly request: Request } | { readonly failure: Failure }

export type Requests = {
  receive(message: ClientMessage): void
  drain(phase: DrainPhase): void
  /** Whether a client is yet to answer its challenge. */
  awaitsPeer(): boolean
  close(drained: boolean): void
}

export function createRequests(
  wire: Wire,
  clientMinor: number,
  offers: Offers | undefined,
  { listener, mechanisms, tokenBytes, authenticate, log }: RequestsOptions,
): Requests {
  const peer = createPeer(listener, clientMinor)
  const atWork = createExpiring<number, Work>({ afterMs: DEADLINE_MS, expired: tooLate })
  const waiting = createExpiring<number, Waiting>({ afterMs: CHALLENGE_MS, limit: CHALLENGE_LIMIT })
  const held = createHeld(fail)
  let phase: DrainPhase | undefined
  const isLate = () => phase === 'late' || phase === 'end'

  // From the client

  function receive(message: ClientMessage): void {
    if (message.kind === 'auth') begin(message)
    else if (message.kind === 'cont') proceed(message)
    else if (message.kind === 'cancel') cancel(message.id)
    else throw new ProtocolError('a second handshake')
  }

  function begin(auth: Auth): void {
    const { id, response } = auth
    // smtpd does one login at a time, and doesn't tell when its client gives one up ("*", or hangs up).
    if (peer.isPostfix) {
      waiting.clear()
      held.clear()
    }
    if (atWork.get(id) || waiting.get(id) || held.has(id))
      throw new ProtocolError('AUTH with the id of an unfinished request')
    const name = auth.mechanism.toUpperCase()
    const mechanism = mechanisms.find(known => known.name === name)
    if (mechanism === undefined) throw new ProtocolError('AUTH with a mechanism that was not offered')
    offers?.withdraw(id)
    if (isLate()) {
      tellLate(auth)
      return
    }
    const request = { auth, mechanism, exchange: mechanism.start({ tokenBytes }) }
    const initial = peer.initialResponse(response)
    if (initial === undefined) step(request, undefined)
    else decode(request, initial, 'initial')
  }

  function proceed({ id, data, surplus }: Cont): void {
    const pending = waiting.take(id)
    if (pending === undefined) unexpected(id)
    else if ('failure' in pending) fail(id, pending.failure)
    else if (surplus.every(peer.isChannelBinding)) decode(pending.request, data, 'continued')
    else invalid(pending.request, 'continued')
  }

  /** As auth-request-handler.c answers. Not to smtpd: a challenge that timed out is no reason for a 535. */
  function unexpected(id: number): void {
    if (peer.isPostfix) {
      wire.destroy('CONT for a login that has timed out')
      return
    }
    const working = atWork.take(id) !== undefined
    const known = held.take(id) || working
    // Answered already, when there was no time left to wait for it.
    if (isLate() && !known) return
    fail(id, { reason: known ? 'Unexpected continuation' : 'Authentication request timed out' })
    if (working) wire.end()
  }

  function cancel(id: number): void {
    waiting.take(id)
    held.take(id)
    offers?.withdraw(id)
    if (peer.awaitsCancelled) wire.send(encodeCancelled(id))
    if (atWork.take(id) !== undefined) wire.end()
  }

  // Through the mechanism to the decision

  function decode(request: Request, text: string, which: 'initial' | 'continued'): void {
    const bytes = decodeBase64(text)
    if (bytes === undefined) invalid(request, which)
    else step(request, bytes)
  }

  function invalid(request: Request, which: 'initial' | 'continued'): void {
    const reason = `Invalid base64 data in ${which} response`
    ask(
      request,
      { kind: 'malformed', why: `invalid base64 in the ${which} response` },
      { code: 'invalid_base64', reason },
    )
  }

  function step(request: Request, response: Buffer | undefined): void {
    const outcome = request.exchange(response)
    if (outcome.kind === 'challenge') {
      waiting.set(request.auth.id, { request })
      wire.send(encodeCont(request.auth.id, outcome.data))
    } else ask(request, outcome)
  }

  function ask(request: Request, credentials: Credentials | Malformed, failure?: Failure): void {
    const { id, service, remoteAddress, session } = request.auth
    const truncated = credentials.kind === 'malformed' && peer.isCut(request.auth)
    const work = {
      request,
      asked: askedFor(credentials)?.slice(0, 256),
      failure: truncated ? undefined : failure,
    }
    const verdict = decide({
      listener: listener.name,
      service,
      mechanism: request.mechanism.name,
      credentials: truncated ? { ...credentials, truncated } : credentials,
      remoteAddress,
      session,
    })
    if (verdict instanceof Promise) {
      atWork.set(id, work)
      wire.begin()
      void verdict.catch(fault).then(late => conclude(work, late))
    } else answer(work, verdict)
  }

  function decide(login: LoginRequest): Verdict | Promise<Verdict> {
    try {
      return authenticate(login)
    } catch (error) {
      return fault(error)
    }
  }

  /** The verdict had to be waited for, and the client may have given up meanwhile. */
  function conclude(work: Work, verdict: Verdict): void {
    const { id } = work.request.auth
    if (atWork.get(id) !== work) return
    atWork.take(id)
    answer(work, verdict)
    wire.end()
  }

  function fault(error: unknown): Verdict {
    log.error({ event: 'fault', listener: listener.name, ...describeError(error) }, 'a fault in bearerd')
    return { kind: 'unavailable', reason: 'internal_error', user: undefined }
  }

  // To the client

  function answer({ request, asked, failure }: Work, given: Verdict): void {
    const { id } = request.auth
    // To smtpd an empty user= is a login as nobody, who may relay.
    const nameless = given.kind === 'accept' && given.account.address === ''
    const verdict = nameless ? fault(new Error('an account without an address')) : given
    if (verdict.kind === 'accept') accept(request, verdict.account.address)
    else if (verdict.kind === 'unavailable') unavailable(request, verdict.reason, verdict.user ?? asked)
    else if (failure !== undefined) refuse(id, failure, verdict.dueMs)
    else reject(request, verdict)
  }

  function accept({ auth, mechanism }: Request, address: string): void {
    if (!peer.isMta(auth)) offers?.offer(auth.id, { address, mechanism: mechanism.name })
    wire.send(encodeOk(auth.id, address))
  }

  function reject(request: Request, { user, code, userMessage, oauth, dueMs }: Reject): void {
    const { id } = request.auth
    const failure = { user: user && detached(user), code, reason: userText(userMessage) }
    const form = peer.challengeForm(request.mechanism, request.auth)
    if (form === undefined) refuse(id, failure, dueMs)
    else {
      waiting.set(id, { failure })
      wire.send(encodeCont(id, failureChallenge(form, oauth)))
    }
  }

  function refuse(id: number, failure: Failure, dueMs: number | undefined): void {
    if (dueMs === undefined || phase !== undefined) fail(id, failure)
    else held.hold(id, failure, dueMs)
  }

  function fail(id: number, failure: Failure): void {
    wire.send(encodeFail(id, failure))
  }

  function unavailable({ auth }: Pick<Request, 'auth'>, reason: UnavailableReason | 'stopping', user?: string): void {
    if (peer.isMta(auth)) wire.destroy(`no verdict on a login: ${reason}`)
    else fail(auth.id, { user, code: 'temp_fail' })
  }

  function tooLate({ request, asked }: Work): void {
    const { meaning, cure } = unavailableReasons.deadline
    const { session, remoteAddress: remote } = request.auth
    const fields = {
      event: 'deadline',
      listener: listener.name,
      mechanism: request.mechanism.name,
      asked: asked && printable(asked),
      session,
      remote,
    }
    log.warn({ ...fields, reason: 'deadline', cure }, meaning)
    unavailable(request, 'deadline', asked)
    wire.end()
  }

  // When the listener ends

  function drain(next: DrainPhase): void {
    phase = next
    held.release()
    if (phase === 'begin') return
    for (const [id, pending] of waiting.takeAll()) {
      if ('request' in pending) tellLate(pending.request.auth)
      else if (peer.isPostfix) wire.destroy('no time for the answer to a challenge: stopping')
      else fail(id, pending.failure)
    }
    if (phase === 'late') return
    for (const [, { request, asked }] of atWork.takeAll()) {
      tellLate(request.auth, asked)
      wire.end()
    }
  }

  function tellLate(auth: Auth, asked?: string): void {
    const { session, remoteAddress: remote } = auth
    const [mechanism, name] = [auth.mechanism, asked].map(text => text && printable(text))
    const fields = { event: 'late', listener: listener.name, mechanism, asked: name, session, remote }
    log.info(fields, 'bearerd stops before there is a verdict: a temporary failure')
    unavailable({ auth }, 'stopping', asked)
  }

  function close(drained: boolean): void {
    atWork.clear()
    waiting.clear()
    held.clear()
    if (drained) offers?.leave()
    else offers?.close()
  }

  return { receive, drain, awaitsPeer: () => waiting.size() > 0, close }
}

/** To V8 a piece of a text is a view that keeps the whole text alive: here, for a name, a line of 64 KiB. */
function detached(piece: string): string {
  return Buffer.from(piece).toString()
}

/** The name that the client wants to be. */
function askedFor(credentials: Credentials | Malformed): string | undefined {
  if (credentials.kind === 'malformed') return undefined
  return credentials.kind === 'token' ? credentials.authzid : (credentials.authzid ?? credentials.authcid)
}
