/** Passwords for tests. */
import { hashAppPassword } from '../../src/passwords/app-hash.ts'
import type { PasswordRecord } from '../../src/passwords/password.ts'

/** In the form of an app password, with this id. */
export function lettersOf(id: string): string {
  return `${id}qabcdefghjkmnpqrstuvwxyzabcde`
}

/** A password of which the test says only what matters; without more, an app password that is `lettersOf` its id. */
export function passwordRecord(given: Partial<PasswordRecord> = {}): PasswordRecord {
  const id = given.id ?? 'kfm'
  return {
    id,
    account: 'alice@example.org',
    label: 'Phone',
    hash: hashAppPassword(lettersOf(id)),
    created: Date.parse('2026-01-31T12:00:00.000Z'),
    expires: undefined,
    services: [],
    networks: [],
    ...given,
  }
}
