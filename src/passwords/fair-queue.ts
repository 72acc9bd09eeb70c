/**
 * Fair queue: work of which only so much may be done at a time. What is too much waits, for a while and up to a limit.
 *
 * The sources take turns (RFC 970), and when there is no place left, the one with most waiting loses its newest to one
 * that has fewer: whoever sends many delays herself.
 */

export type FairQueue = {
  /** Undefined: there is no place, or it took too long to get to the work. Rejects as the work does. */
  run<Result>(source: string, work: () => Promise<Result>): Promise<Result | undefined>
  /** Turns everybody away, those who wait among them. */
  close(): void
}

export type FairQueueOptions = {
  readonly atATime: number
  readonly maxWaiting: number
  /** Whoever has waited for so long is turned away. */
  readonly maxWaitMs: number
}

/** Ends somebody's waiting. */
type Place = (mayStart: boolean) => void

export function createFairQueue({ atATime, maxWaiting, maxWaitMs }: FairQueueOptions): FairQueue {
  /** Who waits, by source, oldest first; the source whose turn it is comes first. None is empty. */
  const lines = new Map<string, Place[]>()
  let running = 0
  let closed = false

  async function turn(source: string): Promise<boolean> {
    if (closed) return false
    if (running < atATime) {
      running++
      return true
    }
    return makeRoom(source) && wait(source)
  }

  function wait(source: string): Promise<boolean> {
    const line = lines.get(source) ?? []
    lines.set(source, line)
    return new Promise(resolve => {
      const place: Place = mayStart => {
        clearTimeout(timer)
        line.splice(line.indexOf(place), 1)
        if (line.length === 0) lines.delete(source)
        resolve(mayStart)
      }
      const timer = setTimeout(place, maxWaitMs, false)
      line.push(place)
    })
  }

  function makeRoom(source: string): boolean {
    const all = [...lines.values()]
    if (all.flat().length < maxWaiting) return true
    const longest = all.reduce((a, b) => (b.length > a.length ? b : a), [])
    if (longest.length <= (lines.get(source)?.length ?? 0) + 1) return false
    longest.at(-1)?.(false)
    return true
  }

  /** The place at work goes to the next; `running` stays, unless there is nobody. */
  function next(): void {
    const [first] = lines
    if (first === undefined) {
      running--
      return
    }
    const [source, line] = first
    lines.delete(source)
    lines.set(source, line)
    line[0]?.(true)
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
      for (const place of [...lines.values()].flat()) place(false)
    },
  }
}
