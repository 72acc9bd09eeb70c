/**
 * Recent: what came of the logins of the last hour, for `bearerd status`. PURE: whoever counts tells the time.
 *
 * Counted by the minute, so that the hour ends within the last of its minutes. As many counts are kept for each as there
 * are reasons (`auth/reason.ts`), whatever clients do.
 */
import type { ReasonCount, Status } from '../status.ts'
import type { LoginEvent } from '../telemetry.ts'

/** `nowMs` comes from a clock that is never set back. */
export type Recent = {
  note(login: Pick<LoginEvent, 'verdict' | 'reason'>, nowMs: number): void
  summary(nowMs: number): Status['logins']
}

type Failure = { readonly verdict: ReasonCount['verdict']; readonly reason: string; count: number }
type Minute = { readonly number: number; accepted: number; readonly failures: Map<string, Failure> }

const minuteMs = 60_000
const minutes = 60
const mostReasons = 10

export function createRecent(): Recent {
  const ring = new Array<Minute | undefined>(minutes)

  function minuteAt(nowMs: number): Minute {
    const number = Math.floor(nowMs / minuteMs)
    const found = ring[number % minutes]
    if (found?.number === number) return found
    const fresh: Minute = { number, accepted: 0, failures: new Map() }
    ring[number % minutes] = fresh
    return fresh
  }

  return {
    note({ verdict, reason }, nowMs) {
      const minute = minuteAt(nowMs)
      if (verdict === 'accept') minute.accepted++
      else add(minute.failures, { verdict, reason, count: 1 })
    },
    summary(nowMs) {
      const first = Math.floor(nowMs / minuteMs) - minutes + 1
      const total = new Map<string, Failure>()
      let accepted = 0
      for (const minute of ring) {
        if (minute === undefined || minute.number < first) continue
        accepted += minute.accepted
        for (const failure of minute.failures.values()) add(total, failure)
      }
      const failures = [...total.values()].sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1))
      const sum = (verdict: Failure['verdict']): number =>
        failures.reduce((count, failure) => count + (failure.verdict === verdict ? failure.count : 0), 0)
      return {
        accepted,
        rejected: sum('reject'),
        unavailable: sum('unavailable'),
        reasons: failures.slice(0, mostReasons),
      }
    },
  }
}

function add(failures: Map<string, Failure>, { verdict, reason, count }: Failure): void {
  const key = `${verdict} ${reason}`
  const known = failures.get(key)
  if (known === undefined) failures.set(key, { verdict, reason, count })
  else known.count += count
}
