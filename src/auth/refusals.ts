/**
 * Refusals: every refused password gets the same answer after the same time, whatever was wrong with it.
 *
 * The time runs from the arrival of the request, on a timer that is started before there is anything to learn, so that
 * the answer's moment doesn't tell how long the work took. Right passwords and temporary failures are never held back.
 */
import { performance } from 'node:perf_hooks'
import { createPenalty } from './penalty.ts'
import type { RejectReason } from './reason.ts'
import type { LoginRequest, Reject, Verdict } from './verdict.ts'

export type Refusals = {
  /** To be called when a request has come; what it returns, with the verdict. */
  begin(request: LoginRequest): (verdict: Verdict, counts: boolean) => Verdict | Promise<Verdict>
}

/** Postfix hangs up after 10 s, and bearerd's own deadline is 8 s. */
const maxDelayMs = 7_000
/** Refusals being held back. Beyond, they are answered at once. */
const maxHeld = 10_000

/** `delayMs` 0: no delay, no penalty. */
export function createRefusals(delayMs: number): Refusals {
  const penalty = createPenalty()
  let held = 0

  async function hold(alarm: Alarm, refusal: Reject): Promise<Reject> {
    held++
    await alarm.wait()
    held--
    return refusal
  }

  return {
    begin(request) {
      const { credentials, remoteAddress } = request
      const who = { remoteAddress, name: credentials.kind === 'password' ? credentials.authcid : undefined }
      const alarm = delayMs === 0 ? undefined : setAlarm(Math.min(maxDelayMs, delayMs * penalty.factor(who)))
      return (verdict, counts) => {
        if (verdict.kind === 'reject') {
          if (counts && delayMs > 0) penalty.failed(who)
          const refusal = refuse(verdict.reason, verdict.user)
          if (alarm !== undefined && held < maxHeld) return hold(alarm, refusal)
          alarm?.stop()
          return refusal
        }
        alarm?.stop()
        if (verdict.kind === 'accept') penalty.forgive(who)
        return verdict
      }
    },
  }
}

/** Nothing but the name that was asked for leaves the house; the reason is for the log. */
function refuse(reason: RejectReason, user: string | undefined): Reject {
  const oauth = { status: 'invalid_token', scope: undefined, openidConfiguration: undefined } as const
  return { kind: 'reject', reason, oauth, code: undefined, userMessage: undefined, user }
}

type Alarm = { wait(): Promise<void>; stop(): void }

function setAlarm(delayMs: number): Alarm {
  const startedMs = performance.now()
  let rung = false
  let wake = (): void => {}
  const timer = setTimeout(() => {
    rung = true
    wake()
  }, delayMs).unref()
  return {
    stop: () => clearTimeout(timer),
    wait: () =>
      new Promise(resolve => {
        wake = resolve
        if (!rung) return
        // The work took longer: the next whole multiple, so that it shows in steps of a second or more only.
        const elapsedMs = performance.now() - startedMs
        const dueMs = Math.min(maxDelayMs, Math.ceil(elapsedMs / delayMs) * delayMs)
        setTimeout(resolve, Math.max(0, dueMs - elapsedMs)).unref()
      }),
  }
}
