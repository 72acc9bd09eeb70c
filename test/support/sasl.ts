/** What the property tests of the SASL mechanisms have in common. */
import fc from 'fast-check'

/** Any RFC 6750 b64token of at most 100 bytes. */
export const token = fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,90}={0,2}$/)
