/**
 * Status words: a daemon's status as lines for people. What is wrong comes first, with its cure. PURE.
 */
import { reasons } from '../auth/reason.ts'
import { formatProblem } from '../config/problem.ts'
import { escaped } from '../escape.ts'
import type { DirectoryStatus, Status, StoreStatus } from '../status.ts'
import { findTroubles, isGrave, since, type Trouble, timeInWords } from './status-troubles.ts'
import { formatDuration, plural } from './words.ts'

/** Of the problems of one file; `bearerd check` prints all. */
const maxProblems = 10

/** `version`: of the command that asks, which after an upgrade may be newer than the daemon. */
export function statusInWords(status: Status, version: string, nowMs: number): string[] {
  const troubles = findTroubles(status, nowMs)
  const sections = [
    [...headline(status, troubles), ...upgrade(status, version)],
    troubles.flatMap(troubleInWords),
    processInWords(status, nowMs),
    listenersInWords(status),
    ...status.directories.map(directory => directoryInWords(directory, nowMs)),
    storesInWords(status, nowMs),
    loginsInWords(status.logins),
  ]
  // The daemon may have been told anything by anybody, and the reader's terminal would obey.
  return sections
    .filter(lines => lines.length > 0)
    .flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]))
    .map(line => escaped(line).trimEnd())
}

function headline({ version, state }: Status, troubles: readonly Trouble[]): string[] {
  const errors = troubles.filter(isGrave).length
  const warnings = troubles.length - errors
  const found = [
    errors > 0 ? `${plural(errors, 'thing')} to mend` : [],
    warnings > 0 ? plural(warnings, 'warning') : [],
  ].flat()
  return [`bearerd ${version} is ${state}: ${found.join(', ') || 'all is well'}`]
}

function upgrade(status: Status, version: string): string[] {
  if (status.version === version) return []
  return [`This command is of version ${version}: "systemctl restart bearerd" makes the daemon that, too.`]
}

/** Not escaped yet. */
export function troubleInWords({ severity, subject, seen, problems, moreProblems, cure }: Trouble): string[] {
  const more = problems.length + moreProblems - maxProblems
  return [
    `${severity === 'error' ? 'FAIL' : 'WARN'}  ${subject}: ${seen}`,
    ...problems.slice(0, maxProblems).map(problem => `      ${formatProblem(problem)}`),
    ...(more > 0 ? [`      and ${more} more, which "bearerd check" prints`] : []),
    ...(cure === undefined ? [] : [`      ${cure}`]),
  ]
}

function processInWords({ pid, node, started, uptimeSeconds, config, logLevel }: Status, nowMs: number): string[] {
  return table([
    ['process', `pid ${pid}, Node ${node}, up ${formatDuration(uptimeSeconds * 1000)}, since ${timeInWords(started)}`],
    ['configuration', `${config.file}, read ${since(config.loaded, nowMs)}`],
    ['log level', logLevel],
  ])
}

function listenersInWords({ listeners }: Status): string[] {
  const rows = listeners.map(({ name, protocol, path, inherited, open, connections }) => [
    name,
    protocol,
    path,
    `${open ? plural(connections, 'connection') : 'not open'}${inherited ? ', made by systemd' : ''}`,
  ])
  return rows.length === 0 ? [] : ['listeners', ...table(rows).map(indented)]
}

function directoryInWords({ name, methods, issuer, provider, cache, keys }: DirectoryStatus, nowMs: number): string[] {
  const { lastSuccess, lastError } = provider
  const error = lastError && `${since(lastError.time, nowMs)}: ${lastError.cause}`
  const rows = [
    ['judges by', `${methods.join(', ')}${issuer === undefined ? '' : ` of ${issuer}`}`],
    ['provider', providerInWords(provider)],
    ['last success', lastSuccess === undefined ? 'none since the start' : since(lastSuccess, nowMs)],
    ['last error', error ?? 'none since the start'],
    ['cache', cacheInWords(cache)],
    ...(keys === undefined ? [] : [['keys', `${keys.count}, fetched ${since(keys.fetched, nowMs)}`]]),
  ]
  return [`directory ${name}`, ...table(rows).map(indented)]
}

const providerStates = { ok: 'ok', failing: 'FAILING', unknown: 'not asked yet' } as const

function providerInWords({ state, inFlight, breakers }: DirectoryStatus['provider']): string {
  const open = Object.entries(breakers).filter(([, breaker]) => breaker === 'open')
  return [
    providerStates[state],
    inFlight > 0 ? `${plural(inFlight, 'request')} under way` : [],
    open.map(([request]) => `breaker of ${request} open: asked now and then only`),
  ]
    .flat()
    .join(', ')
}

function cacheInWords({ good, bad, hits, misses }: DirectoryStatus['cache']): string {
  const asked = hits + misses
  const share = asked === 0 ? '' : `; ${Math.floor((100 * hits) / asked)} % of ${plural(asked, 'lookup')} answered`
  return `${plural(good, 'good token')}, ${plural(bad, 'bad one')}${share}`
}

function storesInWords({ accounts, passwords, bindings }: Status, nowMs: number): string[] {
  return table([
    ['accounts', storeInWords(accounts, nowMs)],
    ['app passwords', passwords === undefined ? 'not offered' : storeInWords(passwords, nowMs)],
    ...(bindings === undefined ? [] : [['bindings', storeInWords(bindings, nowMs)]]),
  ])
}

function storeInWords({ count, loaded, loadMs, failures, files }: StoreStatus, nowMs: number): string {
  const took = loadMs === undefined ? '' : ` in ${formatLoad(loadMs)}`
  const failed = failures === 0 ? '' : `; ${plural(failures, 'failed load')} since the start`
  const held = count === undefined ? 'NONE' : `${count}, loaded ${since(loaded, nowMs)}${took}`
  return `${held}${failed}; ${files.join(', ')}`
}

function formatLoad(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`
}

function loginsInWords({ accepted, rejected, unavailable, reasons }: Status['logins']): string[] {
  const total = `logins of the last hour: ${accepted} accepted, ${rejected} refused, ${unavailable} answered "later"`
  return [total, ...table(reasons.map(({ reason, count }) => [String(count), reason, meaningOf(reason)])).map(indented)]
}

function meaningOf(reason: string): string {
  return Object.hasOwn(reasons, reason) ? reasons[reason as keyof typeof reasons].meaning : ''
}

/** Wider than any name; one cell without an end must not make thousands of others as wide. */
const widestColumn = 120

/** Columns, of which the last may be of any length. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((width, row) => Math.min(widestColumn, Math.max(width, row[column]?.length ?? 0)), 0),
  )
  return rows.map(row =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  '),
  )
}

function indented(line: string): string {
  return `  ${line}`
}
