/**
 * Fingerprint: whether two values of the configuration are the same, secrets included.
 *
 * A hash, so that what is kept for the comparison is no second copy of a secret. It is not for logs.
 */
import { hash } from 'node:crypto'
import { Secret } from './secret.ts'

/** Of anything that JSON can hold, and secrets. The order of an object's keys counts. */
export function fingerprint(value: unknown): string {
  return hash('sha256', JSON.stringify(value, reveal) ?? '')
}

/** `this`, since of a secret the value is "[secret]" by now. */
function reveal(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const original = this[key]
  return original instanceof Secret ? { secret: original.reveal() } : value
}
