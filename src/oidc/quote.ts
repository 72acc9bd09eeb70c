/**
 * Quote: how what came from the network is shown, in logs and explanations. PURE.
 *
 * In quotes, cut, and without a character that could make it look like anything else.
 */
const longest = 256
const most = 16

export function quote(text: string | undefined): string {
  if (text === undefined) return 'absent'
  return JSON.stringify(text.slice(0, longest)).replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    char => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  )
}

export function list(texts: readonly string[]): string {
  if (texts.length === 0) return 'none'
  const shown = texts.slice(0, most).map(quote).join(', ')
  return texts.length > most ? `${shown} …` : shown
}
