/**
 * Strict JSON: the bytes of one JSON object (RFC 8259) to the object, if they can be read in one way only. PURE.
 *
 * A name may be in an object once. JSON.parse takes the last of several, other parsers the first, so that two of them
 * read different claims in the same signed bytes; RFC 7515 section 4 and RFC 7519 section 4 let a reader refuse that.
 * No byte order mark, and at most 32 levels.
 */
import { isUtf8 } from 'node:buffer'
import type { Claims } from './token-verdict.ts'

const deepest = 32

/** In JSON: a bracket, or a string and whether a colon follows, which makes it a name. */
const tokens = /[{}[\]]|"[^"\\]*(?:\\.[^"\\]*)*"(?=[\t\n\r ]*(:?))/g

/** The object, or what is wrong with it: in a word that shows nothing of it. */
export function parseObject(bytes: Buffer): Claims | string {
  if (!isUtf8(bytes)) return 'not UTF-8'
  const text = bytes.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'not JSON'
  }
  return isObject(value) ? (flaw(text) ?? value) : 'not an object'
}

/** `text` is JSON, so that brackets match and names stand where they may. */
function flaw(text: string): string | undefined {
  const open: Set<string>[] = []
  for (const [token, colon] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') {
      if (open.push(new Set()) > deepest) return `nested more than ${deepest} levels deep`
    } else if (token === '}' || token === ']') {
      open.pop()
    } else if (colon === ':') {
      const names = open.at(-1)
      const name: string = JSON.parse(token)
      if (names?.has(name)) return 'a name is there twice'
      names?.add(name)
    }
  }
  return undefined
}

export function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
