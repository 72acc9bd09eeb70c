/**
 * Penalty: who has failed often of late, by address and by name, has to wait longer for the next refusal.
 *
 * What it slows down is guessing, not logging in: a right password is never delayed. A name counts whether or not there
 * is such an account, so that the penalty doesn't tell. Memory is bounded; beyond, the oldest scores are forgotten.
 */
import { hash } from 'node:crypto'
import { canonicalAddress } from '../accounts/address.ts'
import { sourceOf } from '../passwords/network.ts'
import { createGenerations } from './generations.ts'

export type Penalty = {
  /** By how much a refusal is to take longer now. */
  factor(who: Culprit): number
  failed(who: Culprit): void
  /** A right password: bygones are bygones. */
  forgive(who: Culprit): void
}

export type Culprit = { readonly remoteAddress: string | undefined; readonly name: string | undefined }

type Score = { readonly failures: number; readonly endsAt: number }

/** Failures are counted for so long from the first one on. */
const windowMs = 10 * 60_000
const scores = 20_000
const steps = [
  { failures: 100, factor: 4 },
  { failures: 10, factor: 2 },
]

export function createPenalty(now = Date.now): Penalty {
  const known = createGenerations<Score>(scores)
  return {
    factor(who) {
      const failures = Math.max(0, ...keysOf(who).map(key => known.get(key)?.failures ?? 0))
      return steps.find(step => failures >= step.failures)?.factor ?? 1
    },
    failed(who) {
      for (const key of keysOf(who)) {
        const { failures, endsAt } = known.get(key) ?? { failures: 0, endsAt: now() + windowMs }
        known.set(key, { failures: failures + 1, endsAt }, endsAt - now())
      }
    },
    forgive(who) {
      for (const key of keysOf(who)) known.delete(key)
    },
  }
}

/** Names are of any length, and typed by anybody: their hashes are not. */
function keysOf({ remoteAddress, name }: Culprit): string[] {
  const keys = remoteAddress === undefined ? [] : [sourceOf(remoteAddress)]
  if (name !== undefined) keys.push(hash('sha256', canonicalAddress(name) ?? name.toLowerCase(), 'base64'))
  return keys
}
