/**
 * Strict base64 (RFC 4648 section 4), as Dovecot's own server wants it: padded, no other characters, no stray bits.
 * PURE. Node's decoder skips what it doesn't know, and knows the URL alphabet too.
 */
export function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
