/** Generate: a new app password, from the operating system's random source. Shown once, and kept as a hash only. */
import { randomInt } from 'node:crypto'
import { hashAppPassword } from './app-hash.ts'
import { alphabet, formatAppPassword, idLength, length } from './app-password.ts'

export type NewAppPassword = {
  readonly id: string
  /** The password itself, in groups. */
  readonly shown: string
  readonly hash: string
}

/** So that a free id is found soon: there are 12,167. Nobody has so many devices. */
const maxTaken = 1_000

/** `taken`: the ids of all passwords that the account has, of those that have expired too. */
export function generateAppPassword(taken: Iterable<string>): NewAppPassword {
  const ids = new Set(taken)
  if (ids.size >= maxTaken) throw new Error(`the account has ${ids.size} app passwords; revoke some first`)
  for (;;) {
    const id = randomLetters(idLength)
    if (ids.has(id)) continue
    const letters = id + randomLetters(length - idLength)
    return { id, shown: formatAppPassword(letters), hash: hashAppPassword(letters) }
  }
}

function randomLetters(count: number): string {
  return Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join('')
}
