/**
 * Userdb: the fields that Dovecot is told about an account. PURE.
 *
 * Defaults first, then the quota, then the account's own fields: the later one wins, the order stays. `{address}`,
 * `{local}` and `{domain}` are filled in once, so that nothing in an address can stand for more than itself.
 */
import { Buffer } from 'node:buffer'
import type { Account } from './account.ts'
import { domainOf } from './address.ts'

export type Fields = Readonly<Record<string, string>>

/** Dovecot reads lines of 8192 bytes at most (auth-master.c MAX_INBUF_SIZE); id, name and auth_mech= want some. */
export const maxFieldsBytes = 7_500

/** Of a reply: a TAB and a "=" for each field. */
export function fieldsBytes(fields: Fields): number {
  return Object.entries(fields).reduce((sum, [name, value]) => sum + Buffer.byteLength(name + value) + 2, 0)
}

export function userdbFields(account: Account, defaults: Fields): Fields {
  const { address, quota, userdb } = account
  const fields: Record<string, string> = { ...defaults, ...(quota === undefined ? {} : quotaFields(quota)), ...userdb }
  for (const [name, value] of Object.entries(fields)) if (value.includes('{')) fields[name] = fill(value, address)
  return fields
}

/**
 * Dovecot 2.3 reads quota_rule (storage= counts KiB unless it has a suffix: quota-util.c quota_limit_parse), 2.4 reads
 * quota_storage_size; each takes `B` for bytes, and passes over the other's field.
 */
function quotaFields(bytes: number): Fields {
  return { quota_rule: `*:storage=${bytes}B`, quota_storage_size: `${bytes}B` }
}

function fill(template: string, address: string): string {
  const domain = domainOf(address)
  const values: Fields = { address, domain, local: address.slice(0, -domain.length - 1) }
  return template.replace(/\{(address|local|domain)\}/g, (_, name: string) => values[name] ?? '')
}
