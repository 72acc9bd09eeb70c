/** Logins with passwords: the passwords, as they are typed, and a verifier that takes its time where real ones do. */
import { hashAppPassword } from '../../src/passwords/app-hash.ts'
import { parseAppPassword } from '../../src/passwords/app-password.ts'
import { isImportedHash } from '../../src/passwords/hash.ts'
import type {
  Attempt,
  Match,
  PasswordIndex,
  PasswordRecord,
  PasswordStore,
  Verifier,
} from '../../src/passwords/password.ts'
import { passwordRecord } from './passwords.ts'

export const appPassword = 'kfmq-abcd-efgh-jkmn-pqrs-tuvw-xyza-bcde'

/** The record of what is typed, an app password or, in any other form, an imported one. */
export function typedPassword({
  typed = appPassword,
  ...given
}: Partial<PasswordRecord> & { readonly typed?: string } = {}): PasswordRecord {
  const app = parseAppPassword(typed)
  const hash = app === undefined ? importedHash(typed) : hashAppPassword(app.letters)
  return passwordRecord({ id: app?.id ?? 'imported', hash, created: Date.UTC(2026, 0, 1), ...given })
}

/** As no scheme has it: only the verifier below knows it. */
const importedHash = (typed: string): string => `{SSHA512}${Buffer.from(typed).toString('base64')}`

export function passwordIndexOf(records: readonly PasswordRecord[]): PasswordIndex {
  return {
    size: records.length,
    imported: records.filter(({ hash }) => isImportedHash(hash)),
    of: account => records.filter(record => record.account === account),
    all: () => records,
  }
}

export type TestPasswords = PasswordStore & {
  index: PasswordIndex | undefined
  readonly uses: { id: string; from: string | undefined }[]
}

export function openPasswords(records: readonly PasswordRecord[]): TestPasswords {
  const store: TestPasswords = {
    index: passwordIndexOf(records),
    uses: [],
    current: () => store.index,
    used: ({ id }, from) => void store.uses.push({ id, from }),
  }
  return store
}

/** What was verified: each is one hash. And what was disguised. */
export type TestVerifier = Verifier & {
  readonly asked: { password: string; records: number }[]
  readonly disguised: Attempt[]
}

/** App passwords at once, and refused ones without the work of a disguise; imported ones after `meanwhile` has run. */
export function createTestVerifier(meanwhile: () => void = () => {}, busy = false): TestVerifier {
  const asked: { password: string; records: number }[] = []
  const disguised: Attempt[] = []
  const imported = async (password: string, record: PasswordRecord): Promise<Match> => {
    await Promise.resolve()
    meanwhile()
    if (busy) return { kind: 'busy' }
    return record.hash === importedHash(password) ? { kind: 'match', record } : { kind: 'none', why: 'mismatch' }
  }
  return {
    asked,
    disguised,
    close: async () => {},
    disguise(match, attempt) {
      disguised.push(attempt)
      return match
    },
    verify(password, records) {
      asked.push({ password, records: records.length })
      const app = parseAppPassword(password)
      const record = records.find(({ id }) => id === app?.id)
      if (app !== undefined && record !== undefined) {
        const same = record.hash === hashAppPassword(app.letters)
        return same ? { kind: 'match', record } : { kind: 'none', why: 'mismatch' }
      }
      const old = records.find(({ hash }) => hash.startsWith('{SSHA512}'))
      if (old !== undefined) return imported(password, old)
      return { kind: 'none', why: app === undefined ? 'foreign' : 'unknown' }
    },
  }
}
