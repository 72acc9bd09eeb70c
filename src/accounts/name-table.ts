/**
 * Name table: whose a name is, for millions of names. PURE.
 *
 * A hash table with open addressing that holds no names, only their hashes and the positions of their owners in a list;
 * whether an owner really has the name is asked of the list. A Map of two million addresses takes three times the memory
 * and the time, and halts everything while it grows; this one grows in 64 parts, each by itself and at a time of its own.
 *
 * Newcomers choose their addresses, so the hash is a keyed one: HalfSipHash-1-3, which the Linux kernel has for the same
 * use (Documentation/security/siphash.rst), over UTF-16 code units. Who doesn't know the seed can't choose names that
 * meet in one slot. V8 seeds the hashes of its Maps likewise.
 */

/** A secret of the process: two numbers of 32 bits. */
export type Seed = readonly [number, number]

export type NameTable = {
  /** Position of the name's owner. */
  find(name: string): number | undefined
  /** Gives the name to an owner. If it has one already, she keeps it, and it is her position that is returned. */
  claim(name: string, position: number): number | undefined
  /**
   * Takes over the names of a table with the same seed, while it has none of its own. `moved` says where the owners are
   * now; -1: gone, and her names with her. In steps of a few milliseconds.
   */
  inherit(former: NameTable, moved: Int32Array): Generator<void>
  readonly parts: readonly Part[]
}

/** Pairs of a name's hash and its owner's position plus one; 0 there: a free slot. */
type Part = { slots: Int32Array; used: number; readonly fullAt: number }

const partBits = 6
const partCount = 2 ** partBits
/** Room for nobody, until somebody comes. */
const noSlots = new Int32Array(2)

/** `owns` tells whether the owner at a position has a name. */
export function createNameTable(owns: (position: number, name: string) => boolean, seed: Seed): NameTable {
  // Half to three quarters full, each part at a measure of its own, so that they don't all grow at once. There is always
  // a free slot to end a probe.
  const parts = Array.from({ length: partCount }, (_, number): Part => {
    return { slots: noSlots, used: 0, fullAt: 0.5 + (0.25 * number) / partCount }
  })

  function partOf(hash: number): Part {
    const part = parts[hash >>> (32 - partBits)]
    if (part === undefined) throw new RangeError('no such part')
    return part
  }
  /** The slot of the name's owner, or the free one where she would be. */
  function probe(slots: Int32Array, hash: number, name: string): number {
    let slot = firstSlot(slots, hash)
    for (let entry = slots[slot + 1]; entry; entry = slots[slot + 1]) {
      if (slots[slot] === hash && owns(entry - 1, name)) break
      slot = nextSlot(slots, slot)
    }
    return slot
  }

  function ownerAt(slots: Int32Array, slot: number): number | undefined {
    const entry = slots[slot + 1]
    return entry ? entry - 1 : undefined
  }

  return {
    find(name) {
      const hash = hashOf(name, seed)
      const { slots } = partOf(hash)
      return ownerAt(slots, probe(slots, hash, name))
    },
    claim(name, position) {
      const hash = hashOf(name, seed)
      const part = partOf(hash)
      if (2 * (part.used + 1) >= part.slots.length * part.fullAt) part.slots = doubled(part.slots)
      const slot = probe(part.slots, hash, name)
      const owner = ownerAt(part.slots, slot)
      if (owner !== undefined) return owner
      part.slots[slot] = hash
      part.slots[slot + 1] = position + 1
      part.used++
      return undefined
    },
    *inherit(former, moved) {
      for (const [number, { slots }] of former.parts.entries()) {
        const part = parts[number]
        if (part !== undefined) inheritPart(part, slots, moved)
        yield
      }
    },
    parts,
  }
}

const emptySlots = (capacity: number): Int32Array => new Int32Array(2 * capacity)
const firstSlot = (slots: Int32Array, hash: number): number => (2 * hash) & (slots.length - 1)
const nextSlot = (slots: Int32Array, slot: number): number => (slot + 2) & (slots.length - 1)

function put(slots: Int32Array, hash: number, entry: number): void {
  let slot = firstSlot(slots, hash)
  while (slots[slot + 1] !== 0) slot = nextSlot(slots, slot)
  slots[slot] = hash
  slots[slot + 1] = entry
}

function doubled(slots: Int32Array): Int32Array {
  const larger = emptySlots(slots.length)
  for (let slot = 0; slot < slots.length; slot += 2) {
    const entry = slots[slot + 1] ?? 0
    if (entry !== 0) put(larger, slots[slot] ?? 0, entry)
  }
  return larger
}

function inheritPart(part: Part, former: Int32Array, moved: Int32Array): void {
  if (former.length > noSlots.length) part.slots = emptySlots(former.length / 2)
  for (let slot = 0; slot < former.length; slot += 2) {
    const entry = former[slot + 1] ?? 0
    const position = entry === 0 ? -1 : (moved[entry - 1] ?? -1)
    if (position < 0) continue
    put(part.slots, former[slot] ?? 0, position + 1)
    part.used++
  }
}

/** HalfSipHash-1-3 of the name in UTF-16, low byte first: a signed 32-bit number, as the slots hold it. */
export function hashOf(name: string, [key0, key1]: Seed): number {
  let v0 = key0 | 0
  let v1 = key1 | 0
  let v2 = 0x6c796765 ^ key0
  let v3 = 0x74656462 ^ key1
  const { length } = name
  const words = length >>> 1
  // One round for each two characters, one for the rest and the length, three to finish.
  for (let word = 0; word < words + 4; word++) {
    let data = 0
    if (word < words) data = name.charCodeAt(2 * word) | (name.charCodeAt(2 * word + 1) << 16)
    else if (word === words) data = (length << 25) | (length & 1 ? name.charCodeAt(length - 1) : 0)
    else if (word === words + 1) v2 ^= 0xff
    v3 ^= data
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= data
  }
  return v1 ^ v3
}
