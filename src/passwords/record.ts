/**
 * Record: one line of app-passwords.jsonl to a password, or everything that is wrong with it, and back. PURE.
 *
 * `{"id","account","label","hash","created","expires","services","networks"}`, the last three only where there is
 * something to say. A line has 8 KiB at most. Messages repeat nothing that was read but the names of keys.
 */
import { canonicalAddress } from '../accounts/address.ts'
import { type Complaint, got, isTable, parseTime, type Table, timeExpected, unprintable } from '../accounts/fields.ts'
import { nearest } from '../config/suggest.ts'
import { isAppPasswordId } from './app-password.ts'
import { parseHash } from './hash.ts'
import { parseNetwork } from './network.ts'
import type { PasswordRecord, Service } from './password.ts'
import { services } from './service.ts'

export type ParsedLine =
  | { readonly ok: true; readonly record: PasswordRecord }
  | { readonly ok: false; readonly complaints: readonly Complaint[] }

type Complain = (message: string, ...path: (string | number)[]) => undefined

export const maxLineBytes = 8 * 1024
export const maxLabelLength = 256
const maxNetworks = 64
const known = new Set(['id', 'account', 'label', 'hash', 'created', 'expires', 'services', 'networks'])
const everyService: readonly Service[] = Object.freeze([])
const everyNetwork: readonly string[] = Object.freeze([])

/** One line, without its newline. */
export function parsePasswordLine(line: string): ParsedLine {
  const complaints: Complaint[] = []
  const value = parseJson(line)
  if (!isTable(value)) return { ok: false, complaints: [{ path: [], message: 'expected one JSON object on the line' }] }
  const record = decodePassword(value, complaint => complaints.push(complaint))
  return record === undefined ? { ok: false, complaints } : { ok: true, record }
}

/** Without a newline. */
export function formatPasswordLine(record: PasswordRecord): string {
  return JSON.stringify({
    id: record.id,
    account: record.account,
    label: record.label,
    hash: record.hash,
    created: new Date(record.created).toISOString(),
    expires: record.expires === undefined ? undefined : new Date(record.expires).toISOString(),
    services: record.services.length === 0 ? undefined : record.services,
    networks: record.networks.length === 0 ? undefined : record.networks,
  })
}

/** The password, or undefined after at least one complaint. */
export function decodePassword(table: Table, complaint: (complaint: Complaint) => void): PasswordRecord | undefined {
  let sound = true
  const complain: Complain = (message, ...path) => {
    sound = false
    complaint({ path, message })
    return undefined
  }
  for (const key of Object.keys(table)) if (!known.has(key)) complainUnknown(key, complain)
  const hash = readHash(table.hash, complain)
  const record: PasswordRecord = {
    id: readId(table.id, hash, complain),
    account: readAccount(table.account, complain),
    label: readLabel(table.label, complain),
    hash,
    created: readTime(table, 'created', complain) ?? 0,
    expires: table.expires === undefined ? undefined : readTime(table, 'expires', complain),
    services: readList(table, 'services', everyService, readService, complain),
    networks: readList(table, 'networks', everyNetwork, readNetwork, complain),
  }
  return sound ? record : undefined
}

function complainUnknown(key: string, complain: Complain): undefined {
  const meant = nearest(key.slice(0, 64), known)
  return complain(`unknown key${meant === undefined ? '' : `; did you mean "${meant}"?`}`, key)
}

/** An app password is found by its id: with another it would never match. */
function readId(value: unknown, hash: string, complain: Complain): string {
  if (typeof value !== 'string' || !/^[a-z0-9-]{1,32}$/.test(value))
    complain(`expected up to 32 lower-case letters, digits and dashes${got(value)}`, 'id')
  else if (hash.startsWith('{SHA256}') && !isAppPasswordId(value))
    complain('expected three letters of those that app passwords are made of', 'id')
  else return value
  return ''
}

function readAccount(value: unknown, complain: Complain): string {
  const address = typeof value === 'string' ? canonicalAddress(value) : undefined
  return address ?? complain(`expected an address such as "alice@example.org"${got(value)}`, 'account') ?? ''
}

function readLabel(value: unknown, complain: Complain): string {
  if (value === undefined) return ''
  if (typeof value !== 'string') complain(`expected a text${got(value)}`, 'label')
  else if (value.length > maxLabelLength) complain(`expected at most ${maxLabelLength} characters`, 'label')
  else if (unprintable.test(value)) complain('expected a text without control characters', 'label')
  else return value
  return ''
}

function readHash(value: unknown, complain: Complain): string {
  if (typeof value !== 'string') return complain(`expected a text${got(value)}`, 'hash') ?? ''
  const parsed = parseHash(value)
  return parsed.ok ? value : (complain(parsed.message, 'hash') ?? '')
}

function readTime(table: Table, key: string, complain: Complain): number | undefined {
  return parseTime(table[key]) ?? complain(timeExpected, key)
}

/** Without the key there is no restriction; an empty list would be read as either. */
function readList<Item>(
  table: Table,
  key: string,
  none: readonly Item[],
  read: (value: unknown, complain: Complain, ...path: (string | number)[]) => Item | undefined,
  complain: Complain,
): readonly Item[] {
  const value = table[key]
  if (value === undefined) return none
  if (!Array.isArray(value)) complain(`expected a list${got(value)}`, key)
  else if (value.length === 0) complain('expected at least one; without the key, all are allowed', key)
  else if (value.length > maxNetworks) complain(`expected at most ${maxNetworks}`, key)
  else return value.flatMap((item: unknown, index) => read(item, complain, key, index) ?? [])
  return none
}

function readService(value: unknown, complain: Complain, ...path: (string | number)[]): Service | undefined {
  const service = services.find(name => name === value)
  return service ?? complain(`expected one of ${services.join(', ')}${got(value)}`, ...path)
}

function readNetwork(value: unknown, complain: Complain, ...path: (string | number)[]): string | undefined {
  if (typeof value !== 'string') return complain(`expected a text${got(value)}`, ...path)
  const parsed = parseNetwork(value)
  return parsed.ok ? parsed.network : complain(parsed.message, ...path)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
