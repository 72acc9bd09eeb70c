/**
 * Hider: takes a secret out of a text that is about to be shown: itself, the base64 that it is in, and, of a token, its pieces. PURE.
 *
 * A provider or a server may send back what it was sent, in whatever form it likes.
 */
import { Buffer } from 'node:buffer'

/** So much of a token tells nothing, and may stand in a word by chance. */
const longestHarmless = 11

export function createHider(secret: string, kind: 'token' | 'password'): (text: string) => string {
  const encoded = [0, 1, 2].map(offset => encodedAt(offset, secret)).filter(part => part.length >= 4)
  return text =>
    text
      .replaceAll(secret, `<${kind}>`)
      .replace(/[\w+/=-]+/g, run => (encoded.some(part => run.includes(part)) ? `<${kind} in base64>` : run))
}

/** As above, and no piece of the token is left that is longer than a word. */
export function createTokenHider(token: string): (text: string) => string {
  const hide = createHider(token, 'token')
  return text => hide(text).replace(/[\w.~+/=-]{12,}/g, run => hidePieces(run, token))
}

function hidePieces(run: string, token: string): string {
  let shown = ''
  for (let at = 0; at < run.length; ) {
    const length = commonLength(run, at, token)
    const isPiece = length > longestHarmless
    shown += isPiece ? '<token>' : run[at]
    at += isPiece ? length : 1
  }
  return shown
}

/** How long the piece of the token is that the run has there; 0 if it is harmless. */
function commonLength(run: string, at: number, token: string): number {
  let length = longestHarmless + 1
  if (at + length > run.length || !token.includes(run.slice(at, at + length))) return 0
  while (at + length < run.length && token.includes(run.slice(at, at + length + 1))) length++
  return length
}

/** The characters of base64 that depend on nothing but the secret, where it begins so many bytes into a group of three. */
function encodedAt(offset: number, secret: string): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
  const start = Math.ceil((offset * 8) / 6)
  return bytes.toString('base64').slice(start, Math.floor((bytes.length * 8) / 6))
}
