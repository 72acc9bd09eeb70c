/** What the property tests of the SASL mechanisms have in common. */
import fc from 'fast-check'

/** Any RFC 6750 b64token of at most 100 bytes. */
export const token = fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,90}={0,2}$/)

/** Any name that a client may ask for. */
export const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter(text => !/[\x00-\x1f\x7f]/.test(text))

/** Any password of at most 100 bytes. */
export const password = fc.string({ unit: 'binary', minLength: 1, maxLength: 25 }).filter(text => !text.includes('\0'))
