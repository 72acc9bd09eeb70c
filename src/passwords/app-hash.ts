/**
 * App hash: what is kept of an app password, `{SHA256}` and the base64 of the SHA-256 over its letters, as Dovecot would
 * write it. A fast hash is enough for 131 random bits: there is nothing to guess, so there is nothing to slow down.
 */
import { Buffer } from 'node:buffer'
import { createHash, timingSafeEqual } from 'node:crypto'

const prefix = '{SHA256}'
const digestBytes = 32
/** Stands in where there is no record, so that every try costs the same. */
const dummy = Buffer.alloc(digestBytes)

export function hashAppPassword(letters: string): string {
  return `${prefix}${digest(letters).toString('base64')}`
}

/** In a time that tells nothing about the hash, nor whether there is one. */
export function isAppPasswordHash(hash: string | undefined, letters: string): boolean {
  const decoded = Buffer.from(hash?.slice(prefix.length) ?? '', 'base64')
  const real = hash?.startsWith(prefix) === true && decoded.length === digestBytes
  const same = timingSafeEqual(digest(letters), real ? decoded : dummy)
  return real && same
}

function digest(letters: string): Buffer {
  return createHash('sha256').update(letters).digest()
}
