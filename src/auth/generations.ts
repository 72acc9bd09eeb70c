/**
 * Generations: a bounded map from text to values that end by themselves. The only importer of node-cache.
 *
 * node-cache evicts nothing and throws when full. Two generations of it, swapped when the young one is full, make a map
 * that junk can't lock: what was written last is there, what was written long ago goes first.
 */
import NodeCache from 'node-cache'

export type Generations<T> = {
  get(key: string): T | undefined
  /** Nothing is kept for a time that isn't a number from 1 on. */
  set(key: string, value: T, ttlMs: number): void
  delete(key: string): void
  /** How many there are, those past their time too. */
  size(): number
  /** Forgets all. Returns how many there were. */
  clear(): number
}

/** Holds between `max / 2` and `max` of the entries last written. */
export function createGenerations<T>(max: number): Generations<T> {
  // No sweep (checkperiod): it would block, and the bound is in the number of keys, not in their age.
  const create = (): NodeCache => new NodeCache({ useClones: false, checkperiod: 0 })
  let young = create()
  let old = create()
  const size = (): number => young.getStats().keys + old.getStats().keys
  return {
    get: key => young.get<T>(key) ?? old.get<T>(key),
    set(key, value, ttlMs) {
      // To node-cache 0 means for ever and NaN its default, which is for ever too.
      if (!(ttlMs >= 1 && ttlMs < Number.POSITIVE_INFINITY)) return
      if (young.getStats().keys >= Math.max(1, max / 2)) {
        old = young
        young = create()
      }
      young.set(key, value, ttlMs / 1000)
    },
    delete(key) {
      young.del(key)
      old.del(key)
    },
    size,
    clear() {
      const count = size()
      young = create()
      old = create()
      return count
    },
  }
}
