/**
 * Contact: what came of the requests to one provider, for `bearerd status` and the metrics. Requests are made elsewhere; what
 * the log says of an outage is the work of `health.ts`.
 *
 * Told apart are the kinds of requests: a provider that answers introspection may still have lost its keys. A kind fails
 * from its first request without a good answer until the next one that has one.
 */
import type { ProviderStatus } from '../status.ts'
import type { ProviderRequest, Telemetry } from '../telemetry.ts'
import { describe } from './health.ts'

export type Contact = {
  /** Makes a request of `of`. Rejects as `make` does. */
  watch<T>(request: ProviderRequest, of: string, make: () => Promise<T>): Promise<T>
  /** A breaker let nobody through. */
  skipped(request: ProviderRequest): void
  /** What no single request tells: that several were too slow together. */
  failed(of: string, error: unknown): void
  status(): Omit<ProviderStatus, 'breakers'>
}

/** Times are those of the clock: they are for people. */
export function createContact(directory: string, telemetry?: Telemetry, nowMs = Date.now): Contact {
  const failingSinceMs = new Map<ProviderRequest, number>()
  let lastSuccessMs: number | undefined
  let lastError: { readonly ms: number; readonly of: string; readonly error: unknown } | undefined
  let inFlight = 0

  function failed(of: string, error: unknown): void {
    lastError = { ms: nowMs(), of, error }
  }

  function state(): ProviderStatus['state'] {
    if (failingSinceMs.size > 0) return 'failing'
    return lastSuccessMs === undefined ? 'unknown' : 'ok'
  }

  return {
    async watch(request, of, make) {
      const ended = telemetry?.asking(directory, request)
      inFlight++
      try {
        const answer = await make()
        lastSuccessMs = nowMs()
        failingSinceMs.delete(request)
        ended?.('answered')
        return answer
      } catch (error) {
        failed(of, error)
        if (!failingSinceMs.has(request)) failingSinceMs.set(request, nowMs())
        ended?.('failed')
        throw error
      } finally {
        inFlight--
      }
    },
    skipped: request => telemetry?.skipped(directory, request),
    failed,
    status: () => ({
      state: state(),
      lastSuccess: toTime(lastSuccessMs),
      lastError: lastError && { time: toTime(lastError.ms), ...explain(lastError.of, lastError.error) },
      failingSince: failingSinceMs.size === 0 ? undefined : toTime(Math.min(...failingSinceMs.values())),
      inFlight,
    }),
  }
}

function explain(of: string, error: unknown): { readonly cause: string; readonly cure: string } {
  const { cause, cure } = describe(of, error)
  return { cause, cure }
}

function toTime(ms: number): string
function toTime(ms: number | undefined): string | undefined
function toTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString()
}
