/**
 * Fields: one account as written, in TOML or JSON, to an `Account`, or everything that is wrong with it. PURE.
 *
 * Written by hand rather than with a validation library: a million of them have to be read in a second or two.
 * A userdb field is any that Dovecot knows (a letter first, so never `__proto__`), its value a string, an integer or a
 * boolean (yes or no), without control characters; 4096 characters in all, before templates are filled in (`userdb.ts` has the limit after).
 */
import { nearest } from '../config/suggest.ts'
import { describeKind, parseSize } from '../config/values.ts'
import type { KeyPath } from '../toml.ts'
import type { Account } from './account.ts'
import { canonicalAddress, canonicalCatchAll } from './address.ts'

export type Complaint = { readonly path: KeyPath; readonly message: string }
type Complain = (message: string, ...path: KeyPath) => undefined
export type Table = Readonly<Record<string, unknown>>

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
const known: ReadonlySet<string> = new Set(accountKeys)

/** Shared by all accounts that have none: there may be a million. */
const none: readonly string[] = Object.freeze([])
const noFields: Readonly<Record<string, string>> = Object.freeze({})

const maxNameLength = 1024
const maxUserdbLength = 4096
/** The highest uid there can be: the one above it is -1, "no change" to the system calls. */
export const maxId = 2 ** 32 - 2
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i
export const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029\ufffd]/u

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

/** The account, or undefined after at least one complaint. */
export function decodeAccount(table: Table, complaint: (complaint: Complaint) => void): Account | undefined {
  let sound = true
  const complain: Complain = (message, ...path) => {
    sound = false
    complaint({ path, message })
    return undefined
  }
  for (const key of Object.keys(table)) if (!known.has(key)) complainUnknown(key, complain)
  const enabled = readFlag(table, 'enabled', complain) ?? true
  const receive = readFlag(table, 'receive', complain)
  if (enabled && receive === false) complain('has a meaning only with enabled = false', 'receive')
  const account: Account = {
    address: readAddress(table.address, complain, 'address') ?? '',
    aliases: readList(table, 'aliases', complain, readAlias),
    fullName: readName(table, 'full-name', complain),
    username: readName(table, 'username', complain),
    subject: readName(table, 'subject', complain),
    directory: readName(table, 'directory', complain),
    enabled,
    receives: enabled || receive === true,
    sendAs: readList(table, 'send-as', complain, readAddress),
    quota: readQuota(table.quota, complain),
    userdb: readUserdb(table.userdb, complain),
    created: readTime(table.created, complain),
  }
  return sound ? account : undefined
}

function complainUnknown(key: string, complain: Complain): undefined {
  const meant = nearest(key.slice(0, 64), known)
  const hint = key.startsWith('userdb.') ? 'write it as "userdb": {…}' : meant && `did you mean "${meant}"?`
  return complain(`unknown key${hint ? `; ${hint}` : ''}`, key)
}

function readAddress(value: unknown, complain: Complain, ...path: KeyPath): string | undefined {
  const address = typeof value === 'string' ? canonicalAddress(value) : undefined
  return address ?? complain(`expected an address such as "alice@example.org"${got(value)}`, ...path)
}

function readAlias(value: unknown, complain: Complain, ...path: KeyPath): string | undefined {
  const catchAll = typeof value === 'string' ? canonicalCatchAll(value) : undefined
  return catchAll ?? readAddress(value, complain, ...path)
}

function readList(table: Table, key: string, complain: Complain, read: typeof readAddress): readonly string[] {
  const value = table[key]
  if (value === undefined) return none
  if (!Array.isArray(value)) {
    complain(`expected a list of addresses${got(value)}`, key)
    return none
  }
  return value.map((item: unknown, index) => read(item, complain, key, index) ?? '')
}

function readName(table: Table, key: string, complain: Complain): string | undefined {
  const value = table[key]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '') return complain(`expected a text${got(value)}`, key)
  if (value.length > maxNameLength) return complain(`expected at most ${maxNameLength} characters`, key)
  if (/[\r\n\u2028\u2029]/.test(value)) return complain('has a line break', key)
  return unprintable.test(value) ? complain('expected a text without control characters', key) : value
}

function readFlag(table: Table, key: string, complain: Complain): boolean | undefined {
  const value = table[key]
  if (value === undefined || typeof value === 'boolean') return value
  return complain(`expected true or false${got(value)}`, key)
}

function readTime(value: unknown, complain: Complain): number | undefined {
  if (value === undefined) return undefined
  return parseTime(value) ?? complain(timeExpected, 'created')
}

export const timeExpected = 'expected a time such as "2026-01-31T12:00:00Z"'

/** RFC 3339, with a time zone, to milliseconds since 1970. TOML has dates of its own, whose text is that. */
export function parseTime(value: unknown): number | undefined {
  const text = value instanceof Date ? value.toISOString() : value
  const ms = typeof text === 'string' && rfc3339.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

function readQuota(value: unknown, complain: Complain): number | undefined {
  if (value === undefined) return undefined
  const bytes = typeof value === 'string' ? parseSize(value) : value
  if (typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes > 0) return bytes
  return complain('expected a size such as "5GiB" or "500MB", or a number of bytes; without the key, no limit', 'quota')
}

function readUserdb(value: unknown, complain: Complain): Readonly<Record<string, string>> {
  if (value === undefined) return noFields
  if (!isTable(value)) {
    complain(`expected a table of userdb fields${got(value)}`, 'userdb')
    return noFields
  }
  const fields: Record<string, string> = {}
  let length = 0
  for (const [key, item] of Object.entries(value)) {
    const text = readUserdbField(key, item, complain)
    if (text === undefined) continue
    fields[key] = text
    length += key.length + text.length
  }
  if (length > maxUserdbLength) complain(`expected at most ${maxUserdbLength} characters in all`, 'userdb')
  return fields
}

function readUserdbField(key: string, value: unknown, complain: Complain): string | undefined {
  if (!/^[a-z][a-z0-9_/.-]{0,127}$/i.test(key)) return complain('is not the name of a userdb field', 'userdb', key)
  const text = scalar(value)
  if (text === undefined) return complain(`expected a text, an integer, true or false${got(value)}`, 'userdb', key)
  if (unprintable.test(text)) return complain('expected a text without control characters', 'userdb', key)
  if ((key !== 'uid' && key !== 'gid') || !/^-?\d+$/.test(text)) return text
  const id = Number(text)
  if (key === 'uid' && id === 0) return complain('0 is root, whom Dovecot never serves', 'userdb', key)
  return id >= 0 && id <= maxId ? String(id) : complain(`expected a name or 1 to ${maxId}`, 'userdb', key)
}

function scalar(value: unknown): string | undefined {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return value
  return Number.isSafeInteger(value) ? String(value) : undefined
}

/** The kind of what stands there, if it is the kind that is wrong. */
export function got(value: unknown): string {
  if (typeof value === 'string') return ''
  return `, got ${value === null ? 'null' : describeKind(value)}`
}
