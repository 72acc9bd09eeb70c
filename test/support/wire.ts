/**
 * Wire: one connection of a dialect, in memory. A test writes bytes as the mail server would and reads what the daemon
 * sends; no sockets, no clock.
 *
 * Stands in for `src/net/connection.ts`: it frames, hands frames over, and on a ProtocolError destroys, as that does.
 */
import { type Dialect, type DrainPhase, ProtocolError, type Wire } from '../../src/net/session.ts'

/** The mail server's end. */
export type Peer = {
  write(bytes: string | Buffer): void
  /** What has been sent since the last time. */
  read(): string
  /** Hangs up. */
  close(): void
  /** The listener ends; and at last the daemon hangs up. */
  drain(phase: DrainPhase): void
  release(): void
  /** Whether the daemon waits for its peer. */
  readonly awaited: boolean
  /** Why the daemon hung up, if it did. */
  readonly destroyed: string | undefined
  /** Requests begun and not ended. */
  readonly inFlight: number
}

export function connect<Frame>(dialect: Dialect<Frame>): Peer {
  const framer = dialect.framer()
  let sent = ''
  let destroyed: string | undefined
  let gone = false
  let inFlight = 0

  const hangUp = (drained = false) => {
    if (gone) return
    gone = true
    process.nextTick(() => session.closed(drained))
  }
  const wire: Wire = {
    send: text => {
      if (!gone) sent += text
    },
    destroy: why => {
      if (gone) return
      destroyed = why
      hangUp()
    },
    begin: () => {
      inFlight++
    },
    end: () => {
      inFlight--
    },
    drained: () => Promise.resolve(),
  }
  const session = dialect.open(wire)

  return {
    write: bytes => {
      try {
        for (const frame of framer.push(Buffer.from(bytes))) {
          if (gone) return
          session.receive(frame)
        }
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        wire.destroy(error.message)
      }
    },
    read: () => {
      const text = sent
      sent = ''
      return text
    },
    close: () => hangUp(),
    drain: phase => session.drain?.(phase),
    release: () => hangUp(true),
    get awaited() {
      return session.awaitsPeer?.() ?? false
    },
    get destroyed() {
      return destroyed
    },
    get inFlight() {
      return inFlight
    },
  }
}

/** Lets everything that is due now happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
}
