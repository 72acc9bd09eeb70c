/**
 * Binding table: who is bound to which `sub`, as the lines of bindings.jsonl say, one after the other. PURE.
 *
 * A binding counts within its directory only: another provider's `sub` may be the same and be somebody else's. Nor does it
 * count for an account that was made later than it: the address has a new owner.
 */
import type { Account } from './account.ts'
import type { Binding, BindingLine } from './binding.ts'

export type BindingIndex = {
  readonly size: number
  /** The only `sub` of a directory that is this account; undefined: it is not bound there. */
  subjectOf(account: Pick<Account, 'address' | 'created'>, directory: string): string | undefined
  /** Addresses bound to a `sub`, for some of which there may be no account any more. Several only by a fault. */
  addressesOf(subject: string, directory: string): readonly string[]
  /** All bindings of an address, whether they count or not. */
  of(address: string): readonly Binding[]
}

export type BindingTable = BindingIndex & { apply(line: BindingLine): void }

type Side = {
  readonly byAddress: Map<string, Binding>
  /** A list only where there are several: of a million bindings hardly one has that. */
  readonly bySubject: Map<string, string | readonly string[]>
}

const nobody: readonly string[] = Object.freeze([])

export function createBindingTable(): BindingTable {
  const sides = new Map<string, Side>()

  function sideOf(directory: string): Side {
    const side = sides.get(directory) ?? { byAddress: new Map(), bySubject: new Map() }
    sides.set(directory, side)
    return side
  }

  return {
    get size() {
      return [...sides.values()].reduce((sum, { byAddress }) => sum + byAddress.size, 0)
    },
    subjectOf({ address, created }, directory) {
      const binding = sides.get(directory)?.byAddress.get(address)
      return binding !== undefined && counts(binding, created) ? binding.subject : undefined
    },
    addressesOf(subject, directory) {
      const side = sides.get(directory)
      return side === undefined ? nobody : addressesIn(side, subject)
    },
    of: address => [...sides.values()].flatMap(({ byAddress }) => byAddress.get(address) ?? []),
    apply(line) {
      const side = sideOf(line.directory)
      const before = side.byAddress.get(line.account)
      if (before !== undefined) remove(side, before)
      if ('subject' in line) add(side, line)
    },
  }
}

/** Of an account without a time all bindings do. */
function counts({ bound }: Binding, created = Number.NEGATIVE_INFINITY): boolean {
  return bound >= created
}

function addressesIn({ bySubject }: Side, subject: string): readonly string[] {
  const addresses = bySubject.get(subject) ?? nobody
  return typeof addresses === 'string' ? [addresses] : addresses
}

function add(side: Side, binding: Binding): void {
  const { account, subject } = binding
  const others = addressesIn(side, subject)
  side.byAddress.set(account, binding)
  side.bySubject.set(subject, others.length === 0 ? account : [...others, account])
}

function remove(side: Side, { account, subject }: Binding): void {
  const others = addressesIn(side, subject).filter(other => other !== account)
  side.byAddress.delete(account)
  if (others.length > 0) side.bySubject.set(subject, others)
  else side.bySubject.delete(subject)
}
