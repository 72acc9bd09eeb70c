/**
 * Strict base64 (RFC 4648 section 4), as Dovecot's own server wants it: padded, no other characters, no stray bits.
 * PURE.
 *
 * Node's decoder skips what it doesn't know, which the length shows, and knows the URL alphabet too. Only the last four
 * characters need to be encoded again to see that their spare bits are zero.
 */
export function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || text.includes('-') || text.includes('_')) return undefined
  const bytes = Buffer.from(text, 'base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  if (bytes.length !== (text.length / 4) * 3 - padding) return undefined
  return bytes.toString('base64', bytes.length - (3 - padding)) === text.slice(-4) ? bytes : undefined
}
