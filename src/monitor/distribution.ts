/**
 * Distribution: how many of some values lie below each of some bounds, as a Prometheus histogram tells it. PURE.
 *
 * prom-client has one too, whose every observation costs a twentieth of a login (it makes a text of all labels each time).
 */
export type Distribution = {
  observe(value: number): void
  read(): {
    /** For each bound, the values that are not above it. */
    readonly counts: readonly number[]
    readonly count: number
    readonly sum: number
  }
}

/** `bounds` ascend. */
export function createDistribution(bounds: readonly number[]): Distribution {
  const within = bounds.map(() => 0)
  let count = 0
  let sum = 0
  return {
    observe(value) {
      count++
      sum += value
      for (let index = 0; index < bounds.length; index++)
        if (value <= (bounds[index] ?? 0)) {
          within[index] = (within[index] ?? 0) + 1
          return
        }
    },
    read() {
      let below = 0
      const counts = within.map(some => {
        below += some
        return below
      })
      return { counts, count, sum }
    },
  }
}
