/**
 * Connection: one socket and one session. Moves bytes, keeps limits and deadlines; knows no protocol.
 *
 * Reading: frames are handed over in order, until as many requests are being worked on as the limit allows; further
 * frames wait, and while any waits the socket is not read. Writing: what a session sends in one turn of the event loop,
 * microtasks included, goes out in one write. A peer that doesn't take its replies isn't read either.
 *
 * Ends: always by destroy(), never by end(), also after EOF (see Wire.destroy). What a peer does wrong is logged as
 * `protocol`, what bearerd does wrong as `internal_error` with its stack, and either costs that one connection.
 */
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { describeError, type Log } from '../log.ts'
import { type Dialect, type DrainPhase, ProtocolError, type Session, type Wire } from './session.ts'
import { takeUnread } from './unread.ts'

/**
 * A frame must be complete this long after its first byte, and the first one this long after the connection: mail
 * servers write whole requests, and at once (Dovecot gives a handshake 30 s too, AUTH_CONNECT_TIMEOUT_MSECS).
 */
const FRAME_MS = 30_000
/** Replies must be taken within this: a mail server that reads none for so long hangs. */
const DRAIN_MS = 30_000
/** smtpd keeps its connections for max_idle (100 s), lmtp and doveadm for 60 s: what is silent for so long is lost. */
const IDLE_MS = 3_600_000

export type ConnectionOptions = {
  readonly listener: string
  /** A number for the log. */
  readonly id: number
  /** Requests being worked on at a time. */
  readonly requests: number
  readonly log: Log
  /** Called once, when the socket is closed. */
  closed(): void
}

/** `drain.ts` is who ends it. */
export type Connection = {
  /** The listener ends. Requests are read and answered as before, until it is released. */
  drain(phase: DrainPhase): void
  /** Whether all is answered and written, and nothing has come for so long, counted from the beginning of the drain. */
  isIdle(quietMs: number): boolean
  /** Looks whether there is something to be read just now, and begins to work on it. To be asked right before `release`. */
  hears(): boolean
  /** Hangs up, since all is answered, or there is no time left. */
  release(): void
}

export function openConnection<Frame>(
  socket: Socket,
  dialect: Dialect<Frame>,
  { listener, id, requests, log, closed }: ConnectionOptions,
): Connection {
  const place = { listener, connection: id }
  const framer = dialect.framer()
  const output = createOutput(socket, {
    blocked: pause,
    taken: () => deliver(waiting),
    stalled: () => tooSlow('it does not read its replies'),
  })
  const frameTimer = createTimer(FRAME_MS, () => tooSlow(`a request is not complete after ${FRAME_MS / 1000} s`))
  let session: Session<Frame> | undefined
  let waiting: readonly Frame[] = []
  let inFlight = 0
  let delivering = false
  /** When something was last heard, once the listener ends. */
  let heardMs: number | undefined
  let drained = false
  let gone = false

  function onData(chunk: Buffer): void {
    if (gone) return
    if (heardMs !== undefined) heardMs = performance.now()
    let frames: Frame[]
    try {
      frames = framer.push(chunk)
    } catch (error) {
      fail(error)
      return
    }
    if (framer.buffered() === 0) frameTimer.stop()
    else if (frames.length > 0) frameTimer.restart()
    else frameTimer.start()
    deliver(waiting.length === 0 ? frames : [...waiting, ...frames])
  }

  function deliver(frames: readonly Frame[]): void {
    if (delivering || gone) return
    delivering = true
    let done = 0
    try {
      for (const frame of frames) {
        if (gone || output.isBlocked() || inFlight >= requests) break
        done++
        session?.receive(frame)
      }
    } catch (error) {
      fail(error)
    }
    delivering = false
    waiting = done === frames.length ? [] : frames.slice(done)
    if (waiting.length > 0) pause()
    else if (socket.isPaused() && !output.isBlocked()) resume()
  }

  function pause(): void {
    socket.pause()
    frameTimer.stop()
  }

  function resume(): void {
    socket.resume()
    if (framer.buffered() > 0) frameTimer.start()
  }

  function end(): void {
    inFlight--
    if (waiting.length > 0) deliver(waiting)
  }

  function drain(phase: DrainPhase): void {
    if (gone) return
    heardMs ??= performance.now()
    try {
      session?.drain?.(phase)
    } catch (error) {
      fail(error)
    }
  }

  function isIdle(quietMs: number): boolean {
    if (gone || inFlight > 0 || waiting.length > 0 || framer.buffered() > 0 || !output.isEmpty()) return false
    return session?.awaitsPeer?.() !== true && performance.now() - (heardMs ?? 0) >= quietMs
  }

  function hears(): boolean {
    const chunk = gone ? undefined : takeUnread(socket)
    if (chunk !== undefined) onData(chunk)
    return chunk !== undefined
  }

  function release(): void {
    drained = true
    kill()
  }

  function fail(error: unknown): void {
    if (gone) return
    if (error instanceof ProtocolError) {
      log.warn({ event: 'protocol', ...place, problem: error.message }, 'the peer broke its protocol')
    } else {
      log.error({ event: 'internal_error', ...place, ...describeError(error) }, 'a fault in bearerd')
    }
    kill()
  }

  function tooSlow(problem: string): void {
    if (gone) return
    log.warn({ event: 'protocol', ...place, problem }, 'the peer is too slow')
    kill()
  }

  function destroy(why: string): void {
    if (gone) return
    log.info({ event: 'hang_up', ...place, why }, 'connection closed')
    kill()
  }

  function kill(): void {
    gone = true
    output.stop()
    frameTimer.stop()
    socket.destroy()
  }

  function onClose(): void {
    kill()
    try {
      session?.closed(drained)
    } catch (error) {
      log.error({ event: 'internal_error', ...place, ...describeError(error) }, 'a fault in bearerd')
    }
    closed()
  }

  const wire: Wire = {
    send: output.send,
    drained: output.drained,
    destroy,
    begin: () => {
      inFlight++
    },
    end,
  }

  socket.setTimeout(IDLE_MS, () => destroy(`idle for ${IDLE_MS / 1000} s`))
  socket.on('data', onData)
  socket.on('end', kill)
  // ECONNRESET, EPIPE …: 'close' follows, and there is nobody to tell.
  socket.on('error', () => {})
  socket.on('close', onClose)
  frameTimer.start()
  try {
    session = dialect.open(wire)
  } catch (error) {
    fail(error)
  }
  return { drain, isIdle, hears, release }
}

type OutputEvents = {
  /** The peer doesn't take what is written. */
  blocked(): void
  /** It has taken it now. */
  taken(): void
  /** It hasn't in DRAIN_MS. */
  stalled(): void
}

/** The writing half of a connection. */
function createOutput(socket: Socket, events: OutputEvents) {
  const timer = createTimer(DRAIN_MS, events.stalled)
  let unsent = ''
  let blocked = false
  let stopped = false
  let waiters: (() => void)[] = []

  function flush(): void {
    if (stopped || unsent === '') return
    const text = unsent
    unsent = ''
    if (socket.write(text, 'utf8') || blocked) return
    blocked = true
    timer.start()
    events.blocked()
  }

  function release(): void {
    blocked = false
    timer.stop()
    for (const resolve of waiters) resolve()
    waiters = []
  }

  socket.on('drain', () => {
    release()
    events.taken()
  })

  return {
    send: (text: string) => {
      if (stopped) return
      // After everything that is readable now has been read: replies on many connections go out back to back.
      if (unsent === '') setImmediate(flush)
      unsent += text
    },
    isBlocked: () => blocked,
    drained: () => {
      flush()
      return blocked ? new Promise<void>(resolve => waiters.push(resolve)) : Promise.resolve()
    },
    /** Whether everything is written. */
    isEmpty: () => unsent === '' && socket.writableLength === 0,
    stop: () => {
      stopped = true
      release()
    },
  }
}

function createTimer(afterMs: number, expired: () => void) {
  let timer: NodeJS.Timeout | undefined
  const stop = () => {
    clearTimeout(timer)
    timer = undefined
  }
  const start = () => {
    timer ??= setTimeout(expired, afterMs)
  }
  const restart = () => {
    stop()
    start()
  }
  return { start, stop, restart }
}
