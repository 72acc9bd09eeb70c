/**
 * Held: the refusals of one auth-client connection that are decided on, but not to be told yet.
 *
 * When to tell them is decided elsewhere (auth/refusals.ts); here that moment is waited for. Nothing is at work meanwhile:
 * a held refusal takes no place among the requests of its connection, and of its line of up to 64 KiB only the name is kept.
 *
 * Nor does bearerd wait for it when it stops: they are told then (`release`).
 */
import { performance } from 'node:perf_hooks'
import type { Failure } from './client.ts'

/** A login process has at most client_limit clients, 1000 by default. Beyond, the oldest is told early. */
const LIMIT = 4096

export type Held = {
  /** `dueMs` by performance.now(). */
  hold(id: number, failure: Failure, dueMs: number): void
  has(id: number): boolean
  /** Forgets one; whether there was one. */
  take(id: number): boolean
  /** Tells all, now. */
  release(): void
  /** Forgets all. */
  clear(): void
}

type Refusal = { readonly failure: Failure; readonly dueMs: number; timer?: NodeJS.Timeout }

export function createHeld(tell: (id: number, failure: Failure) => void): Held {
  /** In the order in which they came. */
  const held = new Map<number, Refusal>()

  /** Again if the timer is early: it counts whole milliseconds, from before the work was done. */
  function wait(id: number, refusal: Refusal): void {
    const leftMs = refusal.dueMs - performance.now()
    if (leftMs > 0) refusal.timer = setTimeout(wait, Math.ceil(leftMs), id, refusal).unref()
    else tellNow(id, refusal)
  }

  function tellNow(id: number, { failure }: Refusal): void {
    take(id)
    tell(id, failure)
  }

  function take(id: number): boolean {
    clearTimeout(held.get(id)?.timer)
    return held.delete(id)
  }

  return {
    hold(id, failure, dueMs) {
      const [oldest] = held
      if (oldest !== undefined && held.size >= LIMIT) tellNow(...oldest)
      const refusal = { failure, dueMs }
      held.set(id, refusal)
      wait(id, refusal)
    },
    has: id => held.has(id),
    take,
    release() {
      for (const [id, refusal] of [...held]) tellNow(id, refusal)
    },
    clear() {
      for (const { timer } of held.values()) clearTimeout(timer)
      held.clear()
    },
  }
}
