/** HTTP: `[http]`, where metrics and health are asked for, and `[control]`, where `bearerd status` is answered. */
import { Buffer } from 'node:buffer'
import { resolve } from 'node:path'
import type { ControlConfig, HttpConfig } from './config.ts'
import type { Report } from './report.ts'
import type { RawConfig } from './schema.ts'
import { maxPathBytes, quote } from './values.ts'

const controlName = 'control.sock'

/** `report` begins at `http`; relative paths belong to `folder`. */
export function readHttp({ listen }: RawConfig['http'], folder: string, report: Report): HttpConfig | undefined {
  if (listen === undefined) return undefined
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^/:]*)):(\d{1,5})$/.exec(listen) ?? []
  const host = bracketed ?? plain
  if (host === undefined) {
    if (listen.includes('/')) return { kind: 'unix', path: checkedPath(resolve(folder, listen), ['listen'], report) }
    report.error(['listen'], `expected an address and port such as "127.0.0.1:9323", or a path, got ${quote(listen)}`)
    return undefined
  }
  const port = Number(digits)
  if (port < 1 || port > 65_535) report.error(['listen'], `expected a port from 1 to 65535, got ${digits}`)
  if (host === '') report.error(['listen'], 'expected an address before the port, such as "127.0.0.1:9323"')
  else if (!isLoopback(host))
    report.warn(
      ['listen'],
      'everybody who reaches this address reads the metrics, with the names of listeners and directories, unencrypted',
    )
  return { kind: 'tcp', host, port }
}

/** `report` begins at `control`. */
export function readControl({ path }: RawConfig['control'], stateDir: string, folder: string, report: Report) {
  const resolved = path === undefined ? resolve(stateDir, controlName) : resolve(folder, path)
  return { path: checkedPath(resolved, ['path'], report) } satisfies ControlConfig
}

function checkedPath(path: string, key: string[], report: Report): string {
  const bytes = Buffer.byteLength(path)
  if (bytes > maxPathBytes)
    report.error(key, `expected a path of at most ${maxPathBytes} bytes, got ${bytes} (${path})`)
  return path
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
