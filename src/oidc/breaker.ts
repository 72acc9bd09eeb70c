/**
 * Breaker: spares logins the wait for a provider that can't be reached.
 *
 * After five requests in a row without any answer it opens: for a second, then two, up to ten, nobody is let through but
 * one who finds out whether the provider is back. Any answer closes it. Only the lack of an answer counts: what a token
 * can provoke (a status, an odd body, an answer too long) must not keep others from logging in.
 */
import { Fault } from './fault.ts'

export type Breaker = {
  /** False: not to be asked now. True to one at a time while it is open. */
  enter(): boolean
  /** Each `enter` that was true ends with one of these. */
  answered(): void
  failed(error: unknown): void
  readonly state: () => 'closed' | 'open'
}

/** Codes of a Fault: the provider was not reached, or was waited for in vain. */
const unanswered =
  /^(TIMEOUT|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|BUSY|ENOTFOUND|EAI_\w+|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ENETDOWN|EADDRNOTAVAIL)$/

const tolerated = 5
const firstPauseMs = 1_000
const longestPauseMs = 10_000

export function createBreaker(nowMs = () => performance.now()): Breaker {
  let failures = 0
  let pauseMs = firstPauseMs
  let nextMs = 0
  let isTrying = false

  const isOpen = (): boolean => failures >= tolerated
  function answered(): void {
    failures = 0
    pauseMs = firstPauseMs
    isTrying = false
  }

  return {
    state: () => (isOpen() ? 'open' : 'closed'),
    enter() {
      if (!isOpen()) return true
      if (nowMs() < nextMs) return false
      // The next one is let through when this one had its time.
      nextMs = nowMs() + longestPauseMs
      isTrying = true
      return true
    },
    answered,
    failed(error) {
      if (!(error instanceof Fault && unanswered.test(error.code))) return answered()
      // Those that were under way when it opened tell nothing new.
      if (isOpen() && !isTrying) return
      failures++
      isTrying = false
      if (!isOpen()) return
      nextMs = nowMs() + pauseMs
      pauseMs = Math.min(2 * pauseMs, longestPauseMs)
    },
  }
}
