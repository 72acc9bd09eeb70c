/**
 * Breaker: spares logins the wait for a provider that can't be reached.
 *
 * After five requests in a row without any answer it opens: for a second, then two, up to ten, nobody is let through but
 * one who finds out whether the provider is back. Any answer closes it. Only the lack of an answer counts, and only while
 * nobody else is answered: what a token can provoke (a status, an odd body, an answer too long, none at all where others
 * have theirs) must not keep others from logging in.
 */
import { Fault } from './fault.ts'

export type Breaker = {
  /** Undefined: not to be asked now. While it is open, one at a time gets a pass. */
  enter(): Pass | undefined
  readonly state: () => 'closed' | 'open'
}

/** Leave to ask. Ends with one of these. */
export type Pass = {
  answered(): void
  failed(error: unknown): void
}

/** Codes of a Fault: the provider was not reached, or was waited for in vain. */
const unanswered =
  /^(TIMEOUT|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|BUSY|ENOTFOUND|EAI_\w+|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ENETDOWN|EADDRNOTAVAIL)$/

const tolerated = 5
const firstPauseMs = 1_000
const longestPauseMs = 10_000

export function createBreaker(nowMs = () => performance.now()): Breaker {
  let failures = 0
  let answers = 0
  let pauseMs = firstPauseMs
  let nextMs = 0

  const isOpen = (): boolean => failures >= tolerated
  function answered(): void {
    answers++
    failures = 0
    pauseMs = firstPauseMs
  }

  function createPass(isTrial: boolean): Pass {
    const before = answers
    return {
      answered,
      failed(error) {
        if (!(error instanceof Fault && unanswered.test(error.code))) return answered()
        // Others were answered meanwhile: this tells of its token, not of the provider.
        if (answers !== before) return
        // Those that were under way when it opened tell nothing new.
        if (isOpen() && !isTrial) return
        failures++
        if (!isOpen()) return
        nextMs = nowMs() + pauseMs
        pauseMs = Math.min(2 * pauseMs, longestPauseMs)
      },
    }
  }

  return {
    state: () => (isOpen() ? 'open' : 'closed'),
    enter() {
      const isTrial = isOpen()
      if (isTrial && nowMs() < nextMs) return undefined
      // The next one is let through when this one had its time.
      if (isTrial) nextMs = nowMs() + longestPauseMs
      return createPass(isTrial)
    },
  }
}
