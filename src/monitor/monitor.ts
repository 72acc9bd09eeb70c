/**
 * Monitor: counts what happens, and shows it: the last hour to `bearerd status`, everything to `[http]`.
 *
 * Metrics are counted from the first time that somebody may ask for them: without `[http]`, no login pays for that, and no
 * start waits for the library.
 */
import type { HttpConfig } from '../config/config.ts'
import type { Log } from '../log.ts'
import type { Status } from '../status.ts'
import type { Telemetry } from '../telemetry.ts'
import { type HttpEndpoint, openHttp } from './http.ts'
import type { Metrics, MetricsOptions } from './metrics.ts'
import { createRecent } from './recent.ts'

export type Monitor = {
  readonly telemetry: Telemetry
  /** Of the last hour. */
  logins(): Status['logins']
  /** Listens there, beside where it did before. Rejects where that can't be. */
  prepare(config: HttpConfig | undefined): Promise<Change>
  close(): Promise<void>
}

/** One of the two is to be called. */
type Change = {
  /** Listens nowhere else from now on. */
  commit(): void
  undo(): Promise<void>
}

export type MonitorOptions = MetricsOptions & { readonly http: HttpConfig | undefined; readonly log: Log }

/** Takes some milliseconds the first time. */
export const loadMetrics = () => import('./metrics.ts')

export async function createMonitor({ http, log, ...options }: MonitorOptions): Promise<Monitor> {
  const recent = createRecent()
  let metrics = http && (await countFromNowOn(options))
  let served: { readonly config: string; readonly endpoint: HttpEndpoint } | undefined

  const telemetry: Telemetry = {
    login(event) {
      recent.note(event, performance.now())
      metrics?.login(event)
    },
    asking(directory, request) {
      const beganMs = performance.now()
      return outcome => metrics?.request({ directory, request, outcome, ms: performance.now() - beganMs })
    },
    skipped: (directory, request) => metrics?.request({ directory, request, outcome: 'skipped', ms: 0 }),
    lookup: event => metrics?.lookup(event),
  }

  async function open(config: HttpConfig): Promise<HttpEndpoint> {
    metrics ??= await countFromNowOn(options)
    return openHttp(config, { status: options.status, metrics }, log)
  }

  return {
    telemetry,
    logins: () => recent.summary(performance.now()),
    async prepare(wanted) {
      const config = JSON.stringify(wanted)
      if (config === served?.config) return { commit() {}, async undo() {} }
      const next = wanted && { config, endpoint: await open(wanted) }
      return {
        commit() {
          void served?.endpoint.close()
          served = next
        },
        undo: async () => next?.endpoint.close(),
      }
    },
    close: async () => served?.endpoint.close(),
  }
}

async function countFromNowOn(options: MetricsOptions): Promise<Metrics> {
  const { createMetrics } = await loadMetrics()
  return createMetrics(options)
}
