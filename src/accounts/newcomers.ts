/**
 * Newcomers: no more accounts created by themselves within any hour than the configuration allows.
 *
 * The clock is the one that `created` in the account file is from, so that the count survives a restart.
 */
import type { Log } from '../log.ts'
import { CreateLimitError } from './account.ts'

export type Newcomers = {
  /** Throws a CreateLimitError if there have been enough. */
  admit(): void
  /** Counts accounts created at these times. */
  count(times: readonly number[]): void
}

export const hourMs = 3_600_000

export function createNewcomers(perHour: number, log: Log, now: () => number = Date.now): Newcomers {
  let times: number[] = []
  /** Said already. */
  let closed = false

  return {
    admit() {
      const at = now()
      // A time yet to come is no reason to lock everybody out until then.
      times = times.filter(time => time <= at && at - time < hourMs)
      if (times.length < perHour) {
        if (closed) log.info({ event: 'create_limit', state: 'open', perHour }, 'accounts are created again')
        closed = false
        return
      }
      if (!closed) {
        const cure =
          'raise accounts.create.per-hour, or add the accounts beforehand with "bearerd account import"; else wait'
        log.warn({ event: 'create_limit', state: 'closed', perHour, cure }, 'no more accounts are created for now')
      }
      closed = true
      throw new CreateLimitError(`${perHour} accounts have been created within an hour`)
    },
    count(more) {
      times = [...times, ...more]
    },
  }
}
