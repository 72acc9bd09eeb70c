/**
 * Drain: how the connections of a listener come to their end without anybody losing a request.
 *
 * No connection can be closed against writing alone: Node has no shutdown(SHUT_RD). What a peer writes in the moment in
 * which it is hung up on is lost, and a login then fails: at Postfix temporarily, with Dovecot 2.3 as if the password were
 * wrong. So a connection is closed when it has been silent for a while, one in each turn of the event loop, and at once
 * after a look by which nothing was there to be read (unread.ts): what remains is some microseconds for each.
 */
import { performance } from 'node:perf_hooks'
import type { Connection } from './connection.ts'
import type { DrainPhase } from './session.ts'

/** Counted from the beginning. */
export type DrainTimes = {
  /** A connection must have been silent for so long; in the second half of the time up to `lateMs`, not at all. */
  readonly quietMs: number
  /** What comes later than this gets a temporary failure. */
  readonly lateMs: number
  /** And so does what isn't answered by then. */
  readonly endMs: number
}

/** How often it is looked whether there is a connection to close. */
const lookMs = 10
/** For the last replies to be written. */
const graceMs = 250

/** Resolves when all have been hung up on, or the time is over. `connections` loses those that are closed. */
export async function drain(
  connections: ReadonlySet<Connection>,
  { quietMs, lateMs, endMs }: DrainTimes,
): Promise<void> {
  const startedMs = performance.now()
  const tell = (phase: DrainPhase) => {
    for (const connection of [...connections]) connection.drain(phase)
  }
  tell('begin')
  const timers = [setTimeout(tell, lateMs, 'late'), setTimeout(tell, endMs, 'end')]
  while (connections.size > 0) {
    await polled()
    const spentMs = performance.now() - startedMs
    if (spentMs > endMs + graceMs) break
    const idle = findIdle(connections, spentMs < lateMs / 2 ? quietMs : 0)
    if (idle === undefined) await pause(lookMs)
    else if (!idle.hears()) idle.release()
  }
  for (const timer of timers) clearTimeout(timer)
}

function findIdle(connections: ReadonlySet<Connection>, quietMs: number): Connection | undefined {
  for (const connection of connections) if (connection.isIdle(quietMs)) return connection
  return undefined
}

/** A turn of the event loop for each: what can be read has been worked on, and nobody else waits for long. */
function polled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
