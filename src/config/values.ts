/**
 * Values: the small spellings inside bearerd.toml's strings, read into what the program works with. PURE.
 *
 * A reader answers undefined for what it can't read; what was expected instead is said by `schema.ts`.
 */
import { escaped } from '../escape.ts'

/** unix(7): sun_path has 108 bytes, the last of which is NUL. */
export const maxPathBytes = 107

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** "500ms", "5s", "1h": one whole number with its unit, in milliseconds. */
export function parseDuration(text: string): number | undefined {
  const [, count = '', unit = ''] = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) ?? []
  const factor = durationUnits[unit]
  return factor === undefined ? undefined : exact(Number(count) * factor)
}

/** "16KiB", "10MiB", "5GB", "512B": KiB counts 1024, KB 1000 bytes, in either case. */
export function parseSize(text: string): number | undefined {
  const [, count = '', prefix = '', binary, unit] = /^(\d{1,15})([kmgt]?)(i?)(b)$/i.exec(text) ?? []
  if (unit === undefined || (prefix === '' && binary !== '')) return undefined
  const power = ' kmgt'.indexOf(prefix.toLowerCase() || ' ')
  return exact(Number(count) * (binary === '' ? 1000 : 1024) ** power)
}

/** A size as `parseSize` reads it, in the largest unit without a remainder; a number where that would be bytes. */
export function formatSize(bytes: number): string | number {
  for (let power = 4; power > 0; power--)
    for (const [base, binary] of [
      [1024, 'i'],
      [1000, ''],
    ] as const)
      if (bytes > 0 && bytes % base ** power === 0) return `${bytes / base ** power}${' KMGT'[power]}${binary}B`
  return bytes
}

/** "0660": permission bits in octal, as chmod takes them. */
export function parseMode(text: string): number | undefined {
  return /^0?[0-7]{3}$/.test(text) ? Number.parseInt(text, 8) : undefined
}

/** A number that lost no digit on its way through floating point. */
function exact(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined
}

/** What is wrong with a provider's URL; undefined: nothing. The URL is not repeated: a password may be in it. */
export function urlComplaint(
  text: string,
  { allowHttp, issuer }: { allowHttp: boolean; issuer: boolean },
): string | undefined {
  // URL() forgives spaces, backslashes and missing slashes: what it makes of them may be another host.
  if (!/^https?:\/\/[^/]/i.test(text) || /[\s\p{C}\\]/u.test(text) || !URL.canParse(text))
    return 'expected a URL such as "https://accounts.example.org"'
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return 'expected a URL without a user name and password in it'
  if (text.includes('#')) return 'expected a URL without a fragment ("#")'
  if (issuer && /\/\.well-known\/[^/]*$/.test(text))
    return 'expected the issuer, not the address of its discovery document: leave out "/.well-known/…"'
  if (issuer && text.includes('?')) return 'expected a URL without a query ("?"), as OpenID Connect Discovery asks'
  if (url.protocol === 'http:' && !allowHttp && !isLoopback(url.hostname))
    return 'expected https: on plain http everybody on the way can read the tokens (allow-http = true permits it)'
  return undefined
}

/** `hostname` as URL() writes it: IPv4 addresses in dotted decimals, whatever they were before. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** The names of a template's placeholders: "/var/vmail/{domain}/{local}" has `domain` and `local`. */
export function placeholders(template: string): string[] {
  return [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name)
}

/** A text in quotes, fit for a terminal: what doesn't print is escaped, what is long is cut. */
export function quote(text: string): string {
  const shown = text.length > 256 ? `${text.slice(0, 256)}…` : text
  return `"${escaped(shown.replace(/["\\]/g, '\\$&'))}"`
}

/** `directory."my provider".fields.email[0]`: a key path as one would write it in TOML. */
export function formatPath(path: readonly (string | number)[]): string {
  return path
    .map(key => (typeof key === 'number' ? `[${key}]` : `.${/^[A-Za-z0-9_-]{1,256}$/.test(key) ? key : quote(key)}`))
    .join('')
    .replace(/^\./, '')
}

/** A TOML value as the object of "got": strings as they are, of everything else the kind only. */
export function describe(value: unknown): string {
  return typeof value === 'string' ? quote(value) : describeKind(value)
}

/** The kind of a TOML value, without the value. */
export function describeKind(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Date) return 'a date'
  return typeof value === 'object' ? 'a table' : `a ${typeof value}`
}
