/**
 * Accounts from Dovecot's passwd-file: user, uid, gid, gecos, home and the userdb_* extra fields. PURE.
 *
 * Passwords, and from where they may be used (`allow_nets`), are left to `bearerd app-password import`. Whom Dovecot lets
 * nowhere in (`nologin`) is disabled here, and has mail. In extra fields Dovecot replaces variables (db-passwd-file.c,
 * userdb-passwd-file.c: passwd_file_add_extra_userdb_fields): the address, its local part and its domain have a spelling
 * here too, of others there is a complaint.
 */
import type { AccountRow, Imported, RowComplaint } from '../accounts/merge.ts'
import { quote } from '../config/values.ts'
import { type PasswdLine, parsePasswdFile } from '../passwords/passwd-file.ts'

const variables: Readonly<Record<string, string>> = {
  '%u': '{address}',
  '%{user}': '{address}',
  '%n': '{local}',
  '%{username}': '{local}',
  '%d': '{domain}',
  '%{domain}': '{domain}',
  '%%': '%',
}

/** A field without what says that it counts only where nothing else has set it: in 2.3, and since 2.4. */
const nameOf = (key: string): string => key.replace(/:(?:protected|default)$/, '')
const isNoLogin = (key: string): boolean => nameOf(key) === 'nologin'

/** `domain` is added to users that have none. */
export function readPasswdAccounts(text: string, domain: string | undefined): Imported {
  const { lines, problems } = parsePasswdFile(text)
  const accounts: AccountRow[] = []
  const complaints: RowComplaint[] = [...problems]
  const left = new Set<string>()
  let [passwords, disabled] = [0, 0]
  let restricted = false
  for (const row of lines) {
    const { line, user, password, gecos, extra } = row
    if (!user.includes('@') && domain === undefined) {
      complaints.push({ line, message: 'this user has no domain; --domain adds one to those that have none' })
      continue
    }
    const other = Object.entries(extra).find(([key]) => nameOf(key) === 'user')?.[1]
    if (other !== undefined && ![user, '%u', '%{user}'].includes(other)) {
      complaints.push({
        line,
        message: `is another name of ${quote(other)}; add it there as an alias, or leave it out`,
      })
      continue
    }
    if (password !== undefined) passwords++
    const closed = Object.keys(extra).some(isNoLogin)
    if (closed) disabled++
    for (const key of Object.keys(extra))
      if (!key.startsWith('userdb_') && !isNoLogin(key) && (key !== 'allow_nets' || password === undefined))
        left.add(key)
    restricted ||= password !== undefined && 'allow_nets' in extra
    const fullName = gecos?.split(',', 1)[0]?.trim()
    const set = { ...(fullName ? { 'full-name': fullName } : {}), ...(closed ? { enabled: false, receive: true } : {}) }
    const address = user.includes('@') ? user : `${user}@${domain}`
    accounts.push({ line, address, patch: { set, userdb: userdbOf(row, complaints) } })
  }
  const notes = disabled === 0 ? [] : [`${disabled} with nologin: disabled, and mail to them is accepted`]
  return { accounts, aliases: [], complaints, notes: [...notes, ...describeRest(left, passwords, restricted)] }
}

function userdbOf({ line, uid, gid, home, extra }: PasswdLine, complaints: RowComplaint[]): Record<string, string> {
  const own = Object.entries({ uid, gid, home }).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))
  const more = Object.entries(extra)
    .filter(([key]) => key.startsWith('userdb_'))
    .map(([key, value]) => {
      const name = key.slice('userdb_'.length)
      const translated = value.replace(/%(?:\{[^}]*\}|.)/g, variable => variables[variable] ?? '\0')
      if (translated.includes('\0'))
        complaints.push({
          line,
          path: `userdb.${name}`,
          message: 'has a variable of Dovecot; only %u, %n and %d are known',
        })
      return [name, translated]
    })
  return Object.fromEntries([...own, ...more])
}

function describeRest(left: ReadonlySet<string>, passwords: number, restricted: boolean): string[] {
  const notes: string[] = []
  const names = [...left].filter(name => /^[\w.-]{1,64}$/.test(name)).slice(0, 10)
  if (names.length > 0) notes.push(`not taken, since they are about logins at Dovecot: ${names.join(', ')}`)
  const what = `${passwords} password${passwords === 1 ? '' : 's'}${restricted ? ', and allow_nets' : ''}`
  if (passwords > 0) notes.push(`${what}: bearerd app-password import FILE takes them`)
  return notes
}
