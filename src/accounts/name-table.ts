/**
 * Name table: whose a name is, for millions of names. PURE.
 *
 * A hash table with open addressing that holds no names, only their hashes and the positions of their owners in a list;
 * whether an owner really has the name is asked of the list. A Map of two million addresses takes three times the memory
 * and the time, and halts everything while it grows; this one grows in 64 parts, each by itself. The hash (FNV-1a over
 * UTF-16 code units) need not withstand an enemy: the names in the table are the administrator's.
 */

export type NameTable = {
  /** Position of the name's owner. */
  find(name: string): number | undefined
  /** Gives the name to an owner. If it has one already, she keeps it, and it is her position that is returned. */
  claim(name: string, position: number): number | undefined
}

/** Pairs of a name's hash and its owner's position plus one; 0 there: a free slot. */
type Part = { slots: Int32Array; used: number }

const partBits = 6
const firstCapacity = 16

/** `owns` tells whether the owner at a position has a name. */
export function createNameTable(owns: (position: number, name: string) => boolean): NameTable {
  const parts: Part[] = []
  for (let count = 0; count < 2 ** partBits; count++) parts.push({ slots: emptySlots(firstCapacity), used: 0 })

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
      const hash = hashOf(name)
      const { slots } = partOf(hash)
      return ownerAt(slots, probe(slots, hash, name))
    },
    claim(name, position) {
      const hash = hashOf(name)
      const part = partOf(hash)
      const slot = probe(part.slots, hash, name)
      const owner = ownerAt(part.slots, slot)
      if (owner !== undefined) return owner
      part.slots[slot] = hash
      part.slots[slot + 1] = position + 1
      part.used++
      // At most three quarters full: probes stay short, and there is always a free slot to end them.
      if (part.used * 8 >= part.slots.length * 3) part.slots = doubled(part.slots)
      return undefined
    },
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

/** A signed 32-bit number, as the slots hold it. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  return hash | 0
}
