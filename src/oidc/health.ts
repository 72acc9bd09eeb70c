/**
 * Health: says in the log when a provider begins to fail, why, and when it is back. Once per change, not per login; a
 * cause that comes up again in the same outage is not repeated.
 */
import { describeError, type Log } from '../log.ts'
import { describeFault, Fault } from './fault.ts'

export type Health = {
  ok(): void
  /** `request` says what was asked of whom. */
  failing(request: string, error: unknown): void
}

export function createHealth(directory: string, log: Log): Health {
  let failingSinceMs: number | undefined
  const logged = new Set<string>()

  return {
    ok: () => {
      if (failingSinceMs === undefined) return
      const downMs = Math.round(performance.now() - failingSinceMs)
      failingSinceMs = undefined
      logged.clear()
      log.info({ event: 'provider', directory, state: 'ok', downMs }, 'provider answers again')
    },
    failing: (request, error) => {
      failingSinceMs ??= performance.now()
      const description = describe(request, error)
      if (logged.has(description.cause)) return
      logged.add(description.cause)
      log.error({ event: 'provider', directory, state: 'failing', ...description }, 'provider gives no verdict')
    },
  }
}

/** In words that are safe to log. */
export function describe(request: string, error: unknown): { cause: string; cure: string; stack?: string } {
  if (error instanceof Fault) {
    const { cause, cure } = describeFault(error.code)
    return { cause: `${request}: ${cause}`, cure }
  }
  // A bug of ours.
  const { error: name, stack } = describeError(error)
  const { cure } = describeFault('')
  return { cause: `${request}: unexpected error (${name})`, cure, ...(stack !== undefined && { stack }) }
}
