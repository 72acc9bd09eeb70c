/**
 * Quote: how what came from the network is shown, in logs and explanations. PURE.
 *
 * In quotes, cut, and without a character that could make it look like anything else.
 */
import { escaped } from '../escape.ts'

const longest = 256
const most = 16

export function quote(text: string | undefined): string {
  if (text === undefined) return 'absent'
  return escaped(JSON.stringify(text.slice(0, longest)))
}

/** A claim that should be text, or is not there. */
export function quoteValue(value: unknown): string {
  return value === undefined || typeof value === 'string' ? quote(value) : 'not a text'
}

export function list(texts: readonly string[]): string {
  if (texts.length === 0) return 'none'
  const shown = texts.slice(0, most).map(quote).join(', ')
  return texts.length > most ? `${shown} …` : shown
}
