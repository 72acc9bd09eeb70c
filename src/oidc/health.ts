/**
 * Health: says in the log when a provider begins to fail, why, and when it is back. Once per change, not per login; a
 * cause that comes up again in the same outage is not repeated, and in the next one at the earliest after a minute: a
 * single odd token among good ones must not fill the log.
 */
import { describeError, type Log } from '../log.ts'
import { describeFault, Fault } from './fault.ts'

export type Health = {
  ok(): void
  /** `request` says what was asked of whom. */
  failing(request: string, error: unknown): void
  /** Nothing more is said. */
  close(): void
}

const repeatMs = 60_000

export function createHealth(directory: string, log: Log, nowMs = () => performance.now()): Health {
  let failingSinceMs: number | undefined
  let isLogged = false
  let isClosed = false
  /** When each cause was last logged. */
  const loggedMs = new Map<string, number>()

  return {
    ok: () => {
      if (isClosed || failingSinceMs === undefined) return
      const downMs = Math.round(nowMs() - failingSinceMs)
      failingSinceMs = undefined
      if (!isLogged) return
      isLogged = false
      log.info({ event: 'provider', directory, state: 'ok', downMs }, 'provider answers again')
    },
    close: () => {
      isClosed = true
    },
    failing: (request, error) => {
      if (isClosed) return
      const now = nowMs()
      failingSinceMs ??= now
      const description = describe(request, error)
      const lastMs = loggedMs.get(description.cause) ?? -Infinity
      if (lastMs >= failingSinceMs || now - lastMs < repeatMs) return
      loggedMs.set(description.cause, now)
      isLogged = true
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
