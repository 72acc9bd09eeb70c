/**
 * Refusals: every refused password gets the same answer at the same moment, whatever was wrong with it.
 *
 * The moment is counted from the arrival of the request, when nothing has been learnt yet: it doesn't tell how long the
 * work took. Who answers waits for it (`dovecot/held.ts`). Right passwords and temporary failures are never held back.
 */
import { performance } from 'node:perf_hooks'
import { createPenalty, type Penalty } from './penalty.ts'
import type { LoginRequest, Reject, Verdict } from './verdict.ts'

export type Refusals = {
  /** To be called when a request has come, at `startedMs`; what it returns, with the verdict. */
  begin(request: LoginRequest, startedMs: number): (verdict: Verdict, counts: boolean) => Verdict
}

/** Postfix hangs up after 10 s, and bearerd's own deadline is 8 s. */
const maxDelayMs = 7_000

/** `delayMs` 0: no delay, no penalty. */
export function createRefusals(delayMs: number, penalty: Penalty = createPenalty()): Refusals {
  return {
    begin({ credentials, remoteAddress }, startedMs) {
      if (delayMs === 0) return verdict => (verdict.kind === 'reject' ? refuse(verdict, undefined) : verdict)
      const name = credentials.kind === 'password' ? credentials.authcid : undefined
      const { factor, withdraw } = penalty.begin({ remoteAddress, name })
      return (verdict, counts) => {
        const refused = verdict.kind === 'reject'
        if (!refused || !counts) withdraw()
        return refused ? refuse(verdict, moment(startedMs, delayMs * factor)) : verdict
      }
    },
  }
}

/** If the work took longer than the delay, the next whole multiple of it: what shows are steps of a second or more. */
function moment(startedMs: number, delayMs: number): number {
  const steps = Math.max(1, Math.ceil((performance.now() - startedMs) / delayMs))
  return startedMs + Math.min(maxDelayMs, steps * delayMs)
}

/** Nothing but the name that was asked for leaves the house; the reason is for the log. */
function refuse({ reason, user }: Reject, dueMs: number | undefined): Reject {
  const oauth = { status: 'invalid_token', scope: undefined, openidConfiguration: undefined } as const
  return { kind: 'reject', reason, oauth, code: undefined, userMessage: undefined, user, dueMs }
}
