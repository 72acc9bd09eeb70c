/**
 * Table: an account in the spelling of its file, as `fields.ts` reads it, with the keys that say something. PURE.
 *
 * Values are canonical, not as they were written: a quota has the largest unit that fits, a time is in UTC.
 */
import { formatSize } from '../config/values.ts'
import type { Account } from './account.ts'
import type { accountKeys, Table } from './fields.ts'

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
    quota: quota === undefined ? undefined : formatSize(quota),
    'send-as': sendAs.length === 0 ? undefined : sendAs,
    userdb: Object.keys(userdb).length === 0 ? undefined : userdb,
    created: account.created === undefined ? undefined : new Date(account.created).toISOString(),
  }
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
