/**
 * Table: an account in the spelling of its file, as `fields.ts` reads it, with the keys that say something. PURE.
 *
 * Values are canonical, not as they were written: a quota is in bytes, a time in UTC.
 */
import type { Account } from './account.ts'
import type { Table } from './fields.ts'

/** In the order in which they are written. */
export const accountKeys = [
  'address',
  'full-name',
  'aliases',
  'username',
  'subject',
  'directory',
  'enabled',
  'receive',
  'quota',
  'send-as',
  'userdb',
  'created',
] as const

type Key = (typeof accountKeys)[number]

export function accountTable(account: Account): Table {
  const { address, fullName, aliases, username, subject, directory, enabled, receives, quota, sendAs, userdb } = account
  const values: Record<Key, unknown> = {
    address,
    'full-name': fullName,
    aliases: aliases.length === 0 ? undefined : aliases,
    username,
    subject,
    directory,
    enabled: enabled ? undefined : false,
    receive: !enabled && receives ? true : undefined,
    quota,
    'send-as': sendAs.length === 0 ? undefined : sendAs,
    userdb: Object.keys(userdb).length === 0 ? undefined : userdb,
    created: account.created === undefined ? undefined : new Date(account.created).toISOString(),
  }
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
