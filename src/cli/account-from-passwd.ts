/**
 * Accounts from Dovecot's passwd-file: user, uid, gid, gecos, home and the userdb_* extra fields. PURE.
 *
 * Passwords are left to `bearerd app-password import`. In extra fields Dovecot replaces variables (db-passwd-file.c,
 * userdb-passwd-file.c: passwd_file_add_extra_userdb_fields): the address, its local part and its domain have a spelling
 * here too, of others there is a complaint.
 */
import type { AccountRow, Imported, RowComplaint } from '../accounts/merge.ts'
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

/** `domain` is added to users that have none. */
export function readPasswdAccounts(text: string, domain: string | undefined): Imported {
  const { lines, problems } = parsePasswdFile(text)
  const accounts: AccountRow[] = []
  const complaints: RowComplaint[] = [...problems]
  const left = new Set<string>()
  let passwords = 0
  for (const row of lines) {
    const { line, user, password, gecos, extra } = row
    if (!user.includes('@') && domain === undefined) {
      complaints.push({ line, message: 'this user has no domain; --domain adds one to those that have none' })
      continue
    }
    if (password !== undefined) passwords++
    for (const key of Object.keys(extra)) if (!key.startsWith('userdb_')) left.add(key)
    const fullName = gecos?.split(',', 1)[0]?.trim()
    accounts.push({
      line,
      address: user.includes('@') ? user : `${user}@${domain}`,
      patch: { ...(fullName ? { set: { 'full-name': fullName } } : {}), userdb: userdbOf(row, complaints) },
    })
  }
  return { accounts, aliases: [], complaints, notes: describeRest(left, passwords) }
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

function describeRest(left: ReadonlySet<string>, passwords: number): string[] {
  const notes: string[] = []
  const names = [...left].filter(name => /^[\w.-]{1,64}$/.test(name)).slice(0, 10)
  if (names.length > 0) notes.push(`not taken, since they are about logins at Dovecot: ${names.join(', ')}`)
  if (passwords > 0)
    notes.push(`${passwords} password${passwords === 1 ? '' : 's'}: bearerd app-password import FILE takes them`)
  return notes
}
