/**
 * Refetch: when something is fetched that changes now and then: at the start, at intervals, and when somebody needs it new.
 *
 * Never twice at a time, and 3 s at least lie between two beginnings, so that nobody can have bearerd flood an issuer:
 * all who need it meanwhile wait for one fetch. After a failure, the next one in the background is in a minute at most.
 */
import { Fault } from './fault.ts'

export type Refetch = {
  /** How many have begun. */
  begun(): number
  /** The fetch that is under way, or else the next one that may be made. Rejects as `fetch` does, or when stopped. */
  next(): Promise<void>
  stop(): void
}

export type RefetchOptions = {
  /** `number`: 1 for the first one. */
  readonly fetch: (number: number) => Promise<void>
  readonly everyMs: number
  /** A fetch in the background has failed. */
  readonly onFailed: (error: unknown) => void
  readonly nowMs: () => number
}

const apartMs = 3_000
const longestRetryMs = 60_000

/** Begins at once. */
export function startRefetch({ fetch, everyMs, onFailed, nowMs }: RefetchOptions): Refetch {
  let begun = 0
  let begunMs = -Infinity
  let underWay: Promise<void> | undefined
  let upcoming: Promise<void> | undefined
  let abandon = () => {}
  let background: NodeJS.Timeout | undefined
  let stopped = false

  async function run(): Promise<void> {
    begunMs = nowMs()
    let againMs = Math.min(everyMs, longestRetryMs)
    try {
      await fetch(++begun)
      againMs = everyMs
    } finally {
      clearTimeout(background)
      if (!stopped) background = setTimeout(inBackground, againMs).unref()
    }
  }

  function runNow(): Promise<void> {
    underWay = run().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  /** Keeps the process alive, unlike the other timer: somebody waits. */
  async function runAfter(delayMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, delayMs)
      abandon = () => {
        clearTimeout(timer)
        reject(new Fault('STOPPED'))
      }
    })
    upcoming = undefined
    return runNow()
  }

  function next(): Promise<void> {
    if (stopped) return Promise.reject(new Fault('STOPPED'))
    const soon = underWay ?? upcoming
    if (soon !== undefined) return soon
    // Never more than that, should the clock have been set back.
    const delayMs = Math.min(begunMs + apartMs - nowMs(), apartMs)
    if (delayMs <= 0) return runNow()
    upcoming = runAfter(delayMs)
    return upcoming
  }

  function inBackground(): void {
    next().catch(error => {
      if (!stopped) onFailed(error)
    })
  }

  inBackground()
  return {
    begun: () => begun,
    next,
    stop: () => {
      stopped = true
      clearTimeout(background)
      abandon()
    },
  }
}
