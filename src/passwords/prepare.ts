/**
 * Prepare: SASLprep (RFC 4013), the form in which names and passwords outside ASCII are compared: `ﬁ` typed as one
 * character is `fi`, a no-break space is a space, a soft hyphen is nothing. PURE.
 *
 * What is presented is a query (RFC 4616 section 2, RFC 3454 section 7): characters newer than Unicode 3.2 may be in it.
 * A second chance, not a filter: what SASLprep prohibits has been used as typed all along, by Dovecot among others. So
 * callers try the text as it came, and then this.
 */
import { createRequire } from 'node:module'

/** Longer than any name and any password that people type; NFKC of accents in disorder takes quadratic time. */
const maxChars = 1024

const ascii = /^[\0-\x7f]*$/

let saslprep: typeof import('@mongodb-js/saslprep') | undefined

/** Undefined: the text is in this form already, or has none. */
export function prepared(text: string): string | undefined {
  // SASLprep changes nothing in ASCII.
  if (text.length > maxChars || ascii.test(text)) return undefined
  // Its tables take 20 ms and 6 MB, which those who never need them don't pay.
  saslprep ??= createRequire(import.meta.url)('@mongodb-js/saslprep') as NonNullable<typeof saslprep>
  try {
    const form = saslprep(text, { allowUnassigned: true })
    return form === text ? undefined : form
  } catch {
    // Prohibited, of mixed direction, or nothing is left of it.
    return undefined
  }
}
