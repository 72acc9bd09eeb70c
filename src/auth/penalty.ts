/**
 * Penalty: who has failed often of late, by address and by name, has to wait longer for the next refusal.
 *
 * What it slows down is guessing, not logging in: a right password is never delayed, and it forgives nothing, or else the
 * delay of a name would tell that somebody logs in with it. A name counts whether or not there is such an account, and
 * a try from its arrival on, so that the penalty doesn't tell how long the work on it takes either.
 * Memory is bounded; beyond, the oldest scores are forgotten.
 */
import { hash } from 'node:crypto'
import { canonicalAddress } from '../accounts/address.ts'
import { sourceOf } from '../passwords/network.ts'
import { prepared } from '../passwords/prepare.ts'
import { createGenerations } from './generations.ts'

export type Penalty = {
  /** Counts a try as a failure. */
  begin(who: Culprit): Try
}

export type Culprit = { readonly remoteAddress: string | undefined; readonly name: string | undefined }

export type Try = {
  /** By how much its refusal is to take longer. */
  readonly factor: number
  /** It was no failure after all. Those before it still count. */
  withdraw(): void
}

type Score = { failures: number; readonly endsAt: number }

/** Failures are counted for so long from the first one on. */
const windowMs = 10 * 60_000
const scores = 20_000
const steps = [
  { failures: 100, factor: 4 },
  { failures: 10, factor: 2 },
]

export function createPenalty(now = Date.now): Penalty {
  const known = createGenerations<Score>(scores)

  function count(key: string): Score {
    const score = known.get(key) ?? { failures: 0, endsAt: now() + windowMs }
    score.failures++
    // Anew each time: the latest are kept.
    known.set(key, score, score.endsAt - now())
    return score
  }

  /** Whoever only ever logs in takes no room. */
  function discount(key: string, score: Score): void {
    score.failures--
    if (score.failures === 0 && known.get(key) === score) known.delete(key)
  }

  return {
    begin(who) {
      const counted = keysOf(who).map(key => ({ key, score: count(key) }))
      const before = Math.max(0, ...counted.map(({ score }) => score.failures - 1))
      return {
        factor: steps.find(({ failures }) => before >= failures)?.factor ?? 1,
        withdraw: () => {
          for (const { key, score } of counted) discount(key, score)
        },
      }
    },
  }
}

/**
 * All spellings that `accountNamed` (names.ts) takes for one address meet in one key. Names are of any length, and typed
 * by anybody: their hashes are not.
 */
function keysOf({ remoteAddress, name }: Culprit): string[] {
  const keys = remoteAddress === undefined ? [] : [sourceOf(remoteAddress)]
  if (name !== undefined) {
    const form = prepared(name) ?? name
    keys.push(hash('sha256', canonicalAddress(form) ?? form.toLowerCase(), 'base64'))
  }
  return keys
}
