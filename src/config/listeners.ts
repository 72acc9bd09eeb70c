/** Listeners: `[listen.NAME]`, one socket each, checked across their keys. */
import { Buffer } from 'node:buffer'
import { resolve } from 'node:path'
import type { ListenerConfig } from './config.ts'
import type { Report } from './report.ts'
import type { RawConfig, RawListener } from './schema.ts'
import { maxPathBytes, quote } from './values.ts'

/** `report` begins at `listen`; relative paths belong to `folder`. */
export function readListeners(raw: RawConfig['listen'], folder: string, report: Report): ListenerConfig[] {
  if (raw.size === 0) report.error([], 'expected at least one [listen.NAME]')
  const owners = new Map<string, string>()
  return [...raw].flatMap(([name, table]) => {
    const listener = readListener(name, table, folder, report.within(name))
    if (listener === undefined) return []
    const owner = owners.get(listener.path)
    if (owner !== undefined)
      report.error([name, 'path'], `${listener.path} is the path of listener ${quote(owner)} already`)
    owners.set(listener.path, name)
    return [listener]
  })
}

export function hasLogins({ protocol }: Pick<ListenerConfig, 'protocol'>): boolean {
  return protocol === 'dovecot-auth' || protocol === 'postfix-sasl'
}

/** Undefined only if an error has been reported. */
function readListener(name: string, raw: RawListener, folder: string, report: Report): ListenerConfig | undefined {
  const { protocol, group } = raw
  if (protocol === undefined || raw.path === undefined) return undefined
  const path = resolve(folder, raw.path)
  const bytes = Buffer.byteLength(path)
  if (bytes > maxPathBytes) report.error(['path'], `expected a path of at most ${maxPathBytes} bytes, got ${bytes}`)
  const isMaster = protocol === 'dovecot-master'
  const mode = raw.mode ?? (isMaster ? 0o600 : 0o660)
  if (isMaster && (mode & 0o007) !== 0)
    report.warn(
      ['mode'],
      'lets every process of this machine read all userdb entries; "0600" or "0660" with a group does not',
    )
  if (raw['xoauth2-challenge'] !== undefined && !hasLogins({ protocol }))
    report.error(['xoauth2-challenge'], `there are no logins on a listener of protocol ${quote(protocol)}`)
  return { name, protocol, path, mode, group, xoauth2Challenge: raw['xoauth2-challenge'] ?? 'auto' }
}
