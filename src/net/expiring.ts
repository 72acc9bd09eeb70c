/**
 * Expiring: a map whose entries live for one fixed time. One timer serves them all, since they end in the order in which
 * they came: a request that is answered at once costs no timer of its own. The timer keeps no process alive.
 *
 * Beyond `limit` entries, the oldest go, as if their time were over: a tenth at once, because a Map that loses one at its
 * head for each one at its tail is slow.
 */
export type Expiring<Key, Value> = {
  /** A key that is there already starts anew. */
  set(key: Key, value: Value): void
  get(key: Key): Value | undefined
  /** Removes an entry and returns it. */
  take(key: Key): Value | undefined
  size(): number
  /** Removes all entries and returns them; none of them expires. */
  takeAll(): [Key, Value][]
  /** Forgets all entries; none of them expires. */
  clear(): void
}

type ExpiringOptions<Key, Value> = {
  readonly afterMs: number
  readonly limit?: number
  expired?(value: Value, key: Key): void
}

type Entry<Value> = { readonly value: Value; readonly dueMs: number }

const renewAfterSets = 4096

export function createExpiring<Key, Value>(options: ExpiringOptions<Key, Value>): Expiring<Key, Value> {
  const { afterMs, limit = Number.POSITIVE_INFINITY, expired } = options
  let entries = new Map<Key, Entry<Value>>()
  let timer: NodeJS.Timeout | undefined
  let sets = 0

  /**
   * A Map that is long in use keeps its outgrown tables, and V8 everything that was ever in them, until the next full
   * garbage collection: entries that lived for a moment cost four times as much.
   */
  function renew(): void {
    sets = 0
    entries = new Map(entries)
  }

  /** Unless it has been taken, or set anew, by what `expired` did for one before it. */
  function expire(key: Key, entry: Entry<Value>): void {
    if (entries.get(key) !== entry) return
    entries.delete(key)
    expired?.(entry.value, key)
  }

  function sweep(): void {
    timer = undefined
    const nowMs = performance.now()
    for (const [key, entry] of entries) {
      if (entry.dueMs > nowMs) {
        startTimer(Math.ceil(entry.dueMs - nowMs))
        return
      }
      expire(key, entry)
    }
  }

  function startTimer(ms: number): void {
    timer ??= setTimeout(sweep, ms).unref()
  }

  function shed(): void {
    for (const [key, entry] of entries) {
      if (entries.size <= 0.9 * limit) return
      expire(key, entry)
    }
  }

  function take(key: Key): Value | undefined {
    const entry = entries.get(key)
    if (entry === undefined) return undefined
    entries.delete(key)
    return entry.value
  }

  function clear(): void {
    entries.clear()
    clearTimeout(timer)
    timer = undefined
  }

  return {
    set: (key, value) => {
      if (++sets >= renewAfterSets) renew()
      entries.delete(key)
      entries.set(key, { value, dueMs: performance.now() + afterMs })
      if (entries.size > limit) shed()
      startTimer(afterMs)
    },
    get: key => entries.get(key)?.value,
    take,
    size: () => entries.size,
    takeAll: () => {
      const all = [...entries].map(([key, { value }]): [Key, Value] => [key, value])
      clear()
      return all
    },
    clear,
  }
}
