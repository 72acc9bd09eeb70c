/**
 * Suggest: the known word that somebody probably meant. PURE.
 *
 * Edit distance with swapped neighbours counted as one edit (optimal string alignment). Case, hyphens and underscores
 * don't count: `fullName` and `full_name` both mean `full-name`. A third of the word may be wrong, and at least one letter.
 */

export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: { readonly name: string; readonly edits: number } | undefined
  const meant = simplify(word)
  for (const name of known) {
    const candidate = simplify(name)
    const tolerance = Math.max(1, Math.floor(candidate.length / 3))
    if (Math.abs(meant.length - candidate.length) > tolerance) continue
    const edits = distance(meant, candidate)
    if (edits <= tolerance && edits < (best?.edits ?? Infinity)) best = { name, edits }
  }
  return best?.name
}

const simplify = (word: string): string => word.toLowerCase().replace(/[-_]/g, '')

/** Letters to insert, delete, replace or swap with a neighbour to make `b` of `a`. */
export function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        row > 1 && column > 1 && swapped ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
      )
    }
    beforeLast = last
    last = current
  }
  return last[b.length] ?? 0
}
