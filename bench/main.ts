/**
 * Main: `npm run bench [-- --quick] [name…]`, after the build. Starts the parts, measures row by row, prints tables.
 *
 * The servers take turns, row by row and round by round, so that a busy machine treats them alike; a figure is the median
 * of the rounds; the times of refused passwords (`timing.ts`) are of one run. Everything listens on loopback or on sockets in a folder of its own, and is gone at the end.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { accountsHead, lookupsHead, measureAccounts } from './accounts.ts'
import { startDaemon } from './daemon.ts'
import { missing, startDovecot } from './dovecot.ts'
import { startProvider } from './idp.ts'
import { type Bench, type Measured, type Row, rows, type ServerName } from './rows.ts'
import type { Server, Site } from './server.ts'
import { jwks } from './site.ts'
import { appPasswords, importedPasswords, measureTiming, timingHead } from './timing.ts'

const starters: Record<ServerName, (site: Site) => Promise<Server>> = {
  bearerd: site => startDaemon(site, 'userinfo'),
  'bearerd introspecting': site => startDaemon(site, 'introspect'),
  'bearerd by keys': site => startDaemon(site, 'jwt'),
  Dovecot: site => startDovecot(site, false),
  'Dovecot tuned': site => startDovecot(site, true),
}

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean' } }, allowPositionals: true })
const quick = values.quick === true
const rounds = quick ? 1 : 3
const names = [...rows.map(row => row.name), 'start', 'timing', 'accounts']
const unknown = positionals.filter(name => !names.includes(name))
if (unknown.length > 0) {
  console.error(`bench: no such row: ${unknown.join(', ')}; there are ${names.join(', ')}`)
  process.exit(64)
}
const wanted = (name: string) => positionals.length === 0 || positionals.includes(name)

const folder = mkdtempSync(join(tmpdir(), 'bearerd-bench-'))
const provider = await startProvider(jwks)
const bench: Bench = {
  provider,
  accounts: { small: 1000, large: quick ? 100_000 : 1_000_000 },
  warmUpMs: quick ? 500 : 1000,
  measureMs: quick ? 1000 : 2000,
}
const dovecotMissing = missing()
const available = (name: ServerName) => dovecotMissing === undefined || name.startsWith('bearerd')
const running = new Map<string, Server>()
let sites = 0

function newSite(accounts: number): Site {
  sites++
  const site = join(folder, String(sites))
  mkdirSync(site)
  return { folder: site, providerUrl: provider.url, accounts }
}

async function server(name: ServerName, accounts: number): Promise<Server> {
  const key = `${name}, ${accounts} accounts`
  const found = running.get(key)
  if (found !== undefined) return found
  const started = await starters[name](newSite(accounts))
  running.set(key, started)
  return started
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

function medians(all: readonly Measured[]): Measured {
  const of = (pick: (measured: Measured) => number) => median(all.map(pick))
  return {
    requests: of(m => m.requests),
    seconds: of(m => m.seconds),
    p50Ms: of(m => m.p50Ms),
    p95Ms: of(m => m.p95Ms),
    p99Ms: of(m => m.p99Ms),
    cpuUs: of(m => m.cpuUs),
    upstream: of(m => m.upstream),
    generator: of(m => m.generator),
  }
}

/** A Markdown table with straight columns: names to the left, figures to the right. */
function table(head: readonly string[], body: readonly (readonly string[])[], named: number): string {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map(line => line[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i < named ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i < named ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...body.map(line)].join('\n')
}

const head = ['', 'server', 'CPU µs', 'per second', 'p50 ms', 'p95 ms', 'p99 ms', 'requests', 'upstream', 'generator']
const ratioHead = ['bearerd: CPU', 'rate']

async function measureRow(row: Row): Promise<string[][]> {
  const names = row.servers.filter(available)
  const samples = new Map<ServerName, Measured[]>(names.map(name => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      process.stderr.write(`bench: ${row.title}: ${name}, round ${round + 1} of ${rounds}\n`)
      samples.get(name)?.push(await row.measure(bench, await server(name, bench.accounts[row.accounts])))
    }
  }
  const results = names.map(name => ({ name, measured: medians(samples.get(name) ?? []) }))
  const own = results[0]?.measured
  return results.map(({ name, measured }) => [
    name === names[0] ? row.title : '',
    name,
    measured.cpuUs.toFixed(1),
    (measured.requests / measured.seconds).toFixed(0),
    measured.p50Ms.toFixed(2),
    measured.p95Ms.toFixed(2),
    measured.p99Ms.toFixed(2),
    String(measured.requests),
    String(measured.upstream),
    `${(measured.generator * 100).toFixed(0)} %`,
    ...ratios(name, measured, own),
  ])
}

/** bearerd against a Dovecot: how much of its processor time, how many times its rate. */
function ratios(name: ServerName, measured: Measured, own: Measured | undefined): string[] {
  if (own === undefined || !name.startsWith('Dovecot')) return ['', '']
  const rate = (of: Measured) => of.requests / of.seconds
  return [`${(own.cpuUs / measured.cpuUs).toFixed(2)} ×`, `${(rate(own) / rate(measured)).toFixed(2)} ×`]
}

/** A fresh server's start, and its memory two seconds later. */
async function measureStart(name: ServerName, accounts: number): Promise<string[]> {
  process.stderr.write(`bench: start: ${name}, ${accounts} accounts\n`)
  const fresh = await starters[name](newSite(accounts))
  try {
    await sleep(2000)
    return [name, String(accounts), fresh.startMs.toFixed(0), fresh.residentMiB().toFixed(0)]
  } finally {
    await fresh.stop()
  }
}

async function all(): Promise<void> {
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${rounds} round(s), median\n`)
  if (dovecotMissing !== undefined) console.log(`${dovecotMissing}\n`)
  const lines: string[][] = []
  for (const row of rows.filter(({ name }) => wanted(name))) lines.push(...(await measureRow(row)))
  if (lines.length > 0) console.log(`${table([...head, ...ratioHead], lines, 2)}\n`)
  if (wanted('start')) await allStarts()
  if (wanted('timing')) await allTimings()
  if (wanted('accounts')) await allAccounts()
}

async function allStarts(): Promise<void> {
  const starts: string[][] = []
  for (const accounts of [10, bench.accounts.large]) {
    for (const name of (['bearerd', 'Dovecot'] as const).filter(available)) {
      starts.push(await measureStart(name, accounts))
    }
  }
  console.log(`${table(['server', 'accounts', 'start to first answer, ms', 'idle memory, MiB'], starts, 1)}\n`)
}

async function allTimings(): Promise<void> {
  for (const scene of [appPasswords, importedPasswords]) {
    for (const delay of ['0s', '2s'] as const) {
      const what = `${scene.passwords}, failure-delay = "${delay}"`
      process.stderr.write(`bench: timing: ${what}\n`)
      const { folder } = newSite(0)
      const perKind = scene.imported ? (quick ? 10 : 100) : quick ? 200 : delay === '0s' ? 5000 : 1000
      const lines = await measureTiming(folder, scene, delay, perKind)
      console.log(`Time to a refusal, ${what}\n\n${table(timingHead, lines, 1)}\n`)
    }
  }
}

async function allAccounts(): Promise<void> {
  const lines: [string[], string[]][] = []
  for (const count of quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000])
    lines.push(await measureAccounts(count, folder))
  const [costs, lookups] = [lines.map(([first]) => first), lines.map(([, second]) => second)]
  console.log(`${table(accountsHead, costs, 0)}\n\nLookups a second\n\n${table(lookupsHead, lookups, 0)}\n`)
}

try {
  await all()
} finally {
  for (const started of running.values()) await started.stop()
  provider.stop()
  rmSync(folder, { recursive: true, force: true })
}
