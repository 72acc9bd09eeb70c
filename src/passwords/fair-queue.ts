/**
 * Fair queue: work of which only so much may be done at a time. What is too much waits, for a while and up to a limit,
 * and of the places to wait in nobody has more than a quarter.
 */
import { performance } from 'node:perf_hooks'

export type FairQueue = {
  /** Undefined: there is no place, or it took too long to get to the work. Rejects as the work does. */
  run<Result>(source: string, work: () => Promise<Result>): Promise<Result | undefined>
  /** Turns everybody away, those who wait among them. */
  close(): void
}

export type FairQueueOptions = {
  readonly atATime: number
  readonly maxWaiting: number
  /** Whoever has waited for longer has gone. */
  readonly maxWaitMs: number
}

type Waiting = { readonly since: number; readonly start: (mayStart: boolean) => void }

export function createFairQueue({ atATime, maxWaiting, maxWaitMs }: FairQueueOptions): FairQueue {
  const maxEach = Math.max(1, Math.floor(maxWaiting / 4))
  let waiting: Waiting[] = []
  /** How many places each has; nobody with none is in here. */
  const places = new Map<string, number>()
  let running = 0
  let closed = false

  async function turn(source: string): Promise<boolean> {
    if (closed) return false
    if (running < atATime) {
      running++
      return true
    }
    const taken = places.get(source) ?? 0
    if (taken >= maxEach || waiting.length >= maxWaiting) return false
    places.set(source, taken + 1)
    const mayStart = await new Promise<boolean>(start => waiting.push({ since: performance.now(), start }))
    const left = (places.get(source) ?? 1) - 1
    if (left === 0) places.delete(source)
    else places.set(source, left)
    return mayStart
  }

  /** The place at work goes to the next; `running` stays, unless there is nobody. */
  function next(): void {
    for (;;) {
      const first = waiting.shift()
      if (first === undefined) {
        running--
        return
      }
      const inTime = performance.now() - first.since <= maxWaitMs
      first.start(inTime)
      if (inTime) return
    }
  }

  return {
    async run(source, work) {
      if (!(await turn(source))) return undefined
      try {
        return await work()
      } finally {
        next()
      }
    },
    close() {
      closed = true
      for (const { start } of waiting) start(false)
      waiting = []
    },
  }
}
