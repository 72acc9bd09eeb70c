/**
 * Discovery: keeps what a provider publishes about itself at hand.
 *
 * Found out at the start, in the background: a provider that is down stops no start. Until the first success it is tried
 * again after 1 s, 2 s, 4 s … 60 s, and whenever somebody needs it, but never twice at a time. After that once a day;
 * when this fails, what was known stays in force and the next try is in an hour.
 */
const firstRetryMs = 1_000
const longestRetryMs = 60_000
const refreshMs = 24 * 3600_000
const refreshRetryMs = 3600_000

export type Discovery<T> = {
  /** What is known, if anything. */
  current(): T | undefined
  /** Finds out now. */
  discover(): Promise<T>
  stop(): void
}

export type DiscoveryEvents<T> = {
  /** The first success. */
  readonly onFound: (found: T) => void
  /** `known`: what was found earlier stays in force. */
  readonly onFailed: (error: unknown, known: T | undefined) => void
}

export function startDiscovery<T>(find: () => Promise<T>, { onFound, onFailed }: DiscoveryEvents<T>): Discovery<T> {
  let known: T | undefined
  let underWay: Promise<T> | undefined
  let timer: NodeJS.Timeout | undefined
  let retryMs = firstRetryMs
  let stopped = false

  function again(delayMs: number): void {
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(inBackground, delayMs).unref()
  }

  async function run(): Promise<T> {
    try {
      const found = await find()
      if (known === undefined) onFound(found)
      known = found
      again(refreshMs)
      return found
    } catch (error) {
      onFailed(error, known)
      again(known === undefined ? retryMs : refreshRetryMs)
      retryMs = Math.min(2 * retryMs, longestRetryMs)
      throw error
    } finally {
      underWay = undefined
    }
  }

  function discover(): Promise<T> {
    underWay ??= run()
    return underWay
  }

  /** onFailed has been told already. */
  function inBackground(): void {
    discover().catch(() => {})
  }

  inBackground()
  return {
    current: () => known,
    discover,
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** Nothing to find out. */
export function settled<T>(known: T): Discovery<T> {
  return { current: () => known, discover: async () => known, stop: () => {} }
}
