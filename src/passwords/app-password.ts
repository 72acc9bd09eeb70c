/**
 * App password: the form of the passwords that bearerd makes, and what people make of it when they type one. PURE.
 *
 * 32 letters of an alphabet without look-alikes (no i, l, o): an id of three, by which the record is found, and a secret
 * of 29, which are 131 bits. Shown in groups of four. White space, dashes of all kinds, characters without a width and
 * capitals are forgiven, and so are full-width letters (NFKC): they come from phones and from copying.
 */

export type AppPassword = {
  /** The first letters, unique among the passwords of one account. */
  readonly id: string
  /** All 32, the id among them: what the hash is over. */
  readonly letters: string
}

export const alphabet = 'abcdefghjkmnpqrstuvwxyz'
export const idLength = 3
export const length = 32
const groupLength = 4

/** Longer than any way to type 32 letters: nothing is normalised that isn't worth it. */
const maxTyped = 256
const forgiven = /[\s\p{Pd}\p{Cf}\u2212]+/gu
const wellFormed = new RegExp(`^[${alphabet}]{${length}}$`)
const wellFormedId = new RegExp(`^[${alphabet}]{${idLength}}$`)

/** Undefined: this is no app password, whoever's it may be. */
export function parseAppPassword(typed: string): AppPassword | undefined {
  if (typed.length > maxTyped) return undefined
  const letters = typed.normalize('NFKC').replace(forgiven, '').toLowerCase()
  return wellFormed.test(letters) ? { id: letters.slice(0, idLength), letters } : undefined
}

export function isAppPasswordId(id: string): boolean {
  return wellFormedId.test(id)
}

/** As it is shown to its owner: `kfmq-abcd-…`. */
export function formatAppPassword(letters: string): string {
  return letters.replace(new RegExp(`.{${groupLength}}(?!$)`, 'g'), '$&-')
}
