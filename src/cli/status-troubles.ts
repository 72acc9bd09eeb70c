/**
 * Status troubles: what of a daemon's status an administrator should mend, with the cure. PURE.
 *
 * Errors: something is not working now, or not as the files say. Warnings: it works, and might not as she wants.
 */
import { isError } from '../config/problem.ts'
import type { DirectoryStatus, ListenerStatus, ProviderStatus, Status, StoreStatus } from '../status.ts'
import { formatDuration, formatTime, plural } from './words.ts'

export type Trouble = {
  readonly severity: 'error' | 'warning'
  /** What has it: "directory main", "accounts". */
  readonly subject: string
  readonly seen: string
  /** More to read before the cure: problems of a file, as `check` prints them. */
  readonly problems: StoreStatus['problems']
  readonly moreProblems: number
  readonly cure: string | undefined
}

/** Errors first. */
export function findTroubles(status: Status, nowMs: number): Trouble[] {
  const { listeners, directories, config } = status
  const all = [
    ...ofState(status),
    ...listeners.flatMap(listener => ofListener(listener, status.state)),
    ...findStoreTroubles(status, nowMs),
    ...directories.flatMap(directory => ofProvider(directory, nowMs)),
    ...ofConfig(config, nowMs),
    ...directories.flatMap(ofDirectory),
  ]
  return [...all.filter(isGrave), ...all.filter(trouble => !isGrave(trouble))]
}

/** Of what is read beside bearerd.toml. */
export function findStoreTroubles({ accounts, passwords, bindings }: Status, nowMs: number): Trouble[] {
  return [
    ...ofStore('accounts', accounts, 'every login and lookup is answered "later"', nowMs),
    ...ofStore('app passwords', passwords, 'every login with a password is answered "later"', nowMs),
    ...ofStore('bindings', bindings, 'logins that need one are answered "later"', nowMs),
  ]
}

export function isGrave({ severity }: Trouble): boolean {
  return severity === 'error'
}

function trouble(severity: Trouble['severity'], subject: string, seen: string, cure?: string): Trouble {
  return { severity, subject, seen, problems: [], moreProblems: 0, cure }
}

function ofState({ state }: Status): Trouble[] {
  if (state === 'running') return []
  const cure = state === 'stopping' ? undefined : 'If this lasts, "journalctl -u bearerd" tells what it waits for.'
  return [trouble('warning', 'bearerd', `is ${state}`, cure)]
}

function ofListener({ name, open, refusing, connections }: ListenerStatus, state: Status['state']): Trouble[] {
  const subject = `listen.${name}`
  if (!open && state === 'running') {
    const cure = '"systemctl restart bearerd" opens it, or says why it can\'t be.'
    return [trouble('error', subject, 'is not open: mail servers get no answer there', cure)]
  }
  if (!refusing) return []
  const cure = 'Raise limits.connections if this is normal load; else see who has so many ("ss -xp").'
  return [trouble('error', subject, `refuses connections, as there are ${connections} already`, cure)]
}

function ofStore(subject: string, store: StoreStatus | undefined, effect: string, nowMs: number): Trouble[] {
  if (store === undefined) return []
  const { count, loaded, problems, moreProblems } = store
  const found = { subject, problems, moreProblems }
  const cure = 'Mend this; the files are read again by themselves. "bearerd check" tells what is left.'
  if (count === undefined) return [{ ...found, severity: 'error', seen: `none are loaded: ${effect}`, cure }]
  if (problems.some(isError)) {
    const seen = `the last load has failed; those of ${since(loaded, nowMs)} stay in force`
    return [{ ...found, severity: 'error', seen, cure }]
  }
  const warnings = problems.length + moreProblems
  if (warnings === 0) return []
  return [{ ...found, severity: 'warning', seen: plural(warnings, 'warning'), cure: undefined }]
}

function ofProvider({ name, provider }: DirectoryStatus, nowMs: number): Trouble[] {
  if (provider.state !== 'failing') return []
  const { failingSince, lastError } = provider
  const cause = lastError === undefined ? '' : `: ${lastError.cause}`
  const seen = `the provider gives no good answer since ${since(failingSince, nowMs)}${cause}`
  return [trouble('error', `directory ${name}`, seen, providerCure(lastError))]
}

function providerCure(lastError: ProviderStatus['lastError']): string {
  const cure = lastError === undefined ? '' : `${lastError.cure} `
  return `${cure}"bearerd doctor" looks at all of it.`
}

function ofConfig({ file, loaded, refused }: Status['config'], nowMs: number): Trouble[] {
  if (refused === undefined) return []
  const problems = refused.problems.filter(isError)
  const seen = `the reload of ${since(refused.time, nowMs)} was refused for ${plural(problems.length, 'error')}; the configuration of ${since(loaded, nowMs)} stays in force`
  const cure = 'Mend this; then "bearerd check && bearerd reload".'
  return [{ severity: 'error', subject: file, seen, problems, moreProblems: 0, cure }]
}

function ofDirectory({ name, warnings }: DirectoryStatus): Trouble[] {
  return warnings.map(warning => trouble('warning', `directory ${name}`, warning))
}

/** `2026-01-31 12:00 UTC (9 min ago)`. */
export function since(time: string | undefined, nowMs: number): string {
  const ms = Date.parse(time ?? '')
  return timeInWords(time) + (Number.isNaN(ms) ? '' : ` (${formatDuration(nowMs - ms)} ago)`)
}

export function timeInWords(time: string | undefined): string {
  const ms = Date.parse(time ?? '')
  return Number.isNaN(ms) ? 'an unknown time' : formatTime(ms)
}
