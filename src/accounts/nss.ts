/**
 * NSS: names of users and groups to the numbers that Dovecot wants, asked of the system as `id` would: by getent(1),
 * which knows LDAP and sssd where /etc/passwd doesn't.
 *
 * One question a distinct name for as long as a resolver lives (a load of the account files). A name that isn't known,
 * and a question that couldn't be asked, are problems: a mailbox must never be opened as somebody else. Nor as root,
 * whom Dovecot refuses to serve (lib-storage mail-storage-service.c).
 */
import { execFile } from 'node:child_process'
import { maxId } from './fields.ts'
import type { Fields } from './userdb.ts'

export type Resolved =
  | { readonly ok: true; readonly fields: Fields }
  /** `key` is `uid` or `gid`. */
  | { readonly ok: false; readonly key: string; readonly message: string }

export type NssResolver = {
  /** Whether these fields name a user or group, so that there is something to ask. */
  needed(fields: Fields): boolean
  /** The fields with uid and gid as numbers. */
  resolve(fields: Fields): Promise<Resolved>
}

type Answer = { readonly id: string } | { readonly message: string }

const databases = { uid: 'passwd', gid: 'group' } as const
const keys = ['uid', 'gid'] as const
const timeoutMs = 5_000
/** getent's exit status for "no such key". */
const notFound = 2

const isNumber = (text: string): boolean => /^\d+$/.test(text)
/** Never an option, never a number; nothing that passwd(5) couldn't hold. */
const isName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_.@-]{0,255}\$?$/.test(text)

export function createNssResolver({ command = 'getent' } = {}): NssResolver {
  const answers = new Map<string, Promise<Answer>>()

  function ask(key: 'uid' | 'gid', name: string): Promise<Answer> {
    const question = `${key} ${name}`
    const answer = answers.get(question) ?? lookup(command, databases[key], name)
    answers.set(question, answer)
    return answer
  }

  return {
    needed: ({ uid, gid }) => (uid !== undefined && !isNumber(uid)) || (gid !== undefined && !isNumber(gid)),
    async resolve(fields) {
      const numbers: Record<string, string> = {}
      for (const key of keys) {
        const name = fields[key]
        if (name === undefined) continue
        const answer = isNumber(name) ? { id: name } : await ask(key, name)
        if ('message' in answer) return { ok: false, key, message: answer.message }
        if (key === 'uid' && Number(answer.id) === 0)
          return { ok: false, key, message: 'this is root, whom Dovecot never serves' }
        if (Number(answer.id) > maxId) return { ok: false, key, message: `expected a name or a number up to ${maxId}` }
        numbers[key] = answer.id
      }
      return { ok: true, fields: { ...fields, ...numbers } }
    },
  }
}

function lookup(command: string, database: 'passwd' | 'group', name: string): Promise<Answer> {
  if (!isName(name)) return Promise.resolve({ message: 'expected a number or a name as in passwd(5)' })
  const what = database === 'passwd' ? 'user' : 'group'
  return new Promise(resolve => {
    execFile(command, [database, name], { timeout: timeoutMs, maxBuffer: 1024 * 1024 }, (error, stdout) => {
      const [, , id] = stdout.split('\n', 1)[0]?.split(':') ?? []
      if (error?.code === notFound)
        resolve({ message: `no ${what} "${name}" on this machine; create it, or give a number` })
      else if (error !== null || id === undefined || !isNumber(id))
        resolve({ message: `"getent ${database} ${name}" failed (${why(error)}); a number needs no lookup` })
      else resolve({ id })
    })
  })
}

function why(error: { code?: unknown; killed?: boolean } | null): string {
  if (error === null) return 'its answer is not an entry'
  return error.killed ? `no answer in ${timeoutMs / 1000} s` : String(error.code ?? 'killed')
}
