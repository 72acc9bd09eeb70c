/**
 * What the options of `app-password create` ask for, or everything that is wrong with them. PURE.
 *
 * Messages repeat what was given: a command line is no place for secrets, so that none is repeated.
 */
import { nearest } from '../config/suggest.ts'
import { parseDuration, quote } from '../config/values.ts'
import { parseNetwork } from '../passwords/network.ts'
import type { PasswordRecord, Service } from '../passwords/password.ts'
import { parseService, services } from '../passwords/service.ts'

/** What a new password is to be, whosever. */
export type Wish = Pick<PasswordRecord, 'label' | 'expires' | 'services' | 'networks'>

/** As given. */
export type WishOptions = {
  readonly label: string
  readonly expires?: string
  readonly services?: string
  readonly networks?: string
}

type Complain = (message: string) => undefined

const maxLabelLength = 200
const unprintable = /[\p{C}\p{Zl}\p{Zp}\ufffd]/u
/** So few are months, mistyped. */
const leastMinutesMs = 3_600_000
/** The last moment that RFC 3339 can write. */
const lastMs = Date.parse('9999-12-31T23:59:59.999Z')

/** The wish, or undefined after at least one complaint. */
export function readWish(given: WishOptions, nowMs: number, complaint: (message: string) => void): Wish | undefined {
  let sound = true
  const complain: Complain = message => {
    sound = false
    complaint(message)
    return undefined
  }
  const wish: Wish = {
    label: readLabel(given.label, complain) ?? '',
    expires: readExpires(given.expires, nowMs, complain),
    services: readList(given.services, readService, complain),
    networks: readList(given.networks, readNetwork, complain),
  }
  return sound ? wish : undefined
}

export function readLabel(text: string, complain: Complain): string | undefined {
  const label = text.trim().normalize('NFC')
  if (label !== '' && label.length <= maxLabelLength && !unprintable.test(label)) return label
  return complain(`--label: expected 1 to ${maxLabelLength} printable characters`)
}

/** "180d" from now on, or until the day "2027-01-31" begins, in UTC. */
function readExpires(text: string | undefined, nowMs: number, complain: Complain): number | undefined {
  if (text === undefined) return undefined
  const durationMs = parseDuration(text)
  const expires = durationMs === undefined ? parseDay(text) : nowMs + durationMs
  if (expires === undefined)
    return complain(
      `--expires: expected days or hours ("180d", "12h") or a day such as "2027-01-31", got ${quote(text)}`,
    )
  if (durationMs !== undefined && durationMs < leastMinutesMs && /\dm$/.test(text))
    return complain(`--expires: ${quote(text)} is minutes; months are not a unit, write "180d"`)
  if (expires <= nowMs) return complain(`--expires: ${quote(text)} is not in the future`)
  return expires > lastMs ? complain(`--expires: ${quote(text)} is too far away`) : expires
}

function parseDay(text: string): number | undefined {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN
  // The 31st of June would be the 1st of July.
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text) ? ms : undefined
}

/** Separated by commas, in the order given, each once. */
function readList<Item>(
  text: string | undefined,
  read: (text: string, complain: Complain) => Item | undefined,
  complain: Complain,
): readonly Item[] {
  if (text === undefined) return []
  return [...new Set(text.split(',').flatMap(item => read(item.trim(), complain) ?? []))]
}

function readService(text: string, complain: Complain): Service | undefined {
  const service = parseService(text)
  if (service !== undefined) return service
  const meant = nearest(text, services)
  const hint = meant === undefined ? `; there are ${services.join(', ')}` : `; did you mean "${meant}"?`
  return complain(`--services: ${quote(text)} is no service${hint}`)
}

function readNetwork(text: string, complain: Complain): string | undefined {
  const parsed = parseNetwork(text)
  return parsed.ok ? parsed.network : complain(`--networks: ${quote(text)}: ${parsed.message}`)
}
