/**
 * Accounts process: COUNT FILE. Makes an account file of that size, loads it, changes it twice, asks for its accounts, and
 * prints the figures as JSON. A process of its own, so that its memory and its stalls are those of the account store.
 */
import { closeSync, openSync, readFileSync, renameSync, utimesSync, writeSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { residentMiB } from './process.ts'

export type Change = { readonly ms: number; readonly stallMs: number; readonly peakMiB: number }

export type AccountFigures = {
  readonly bytes: number
  readonly load: Change & { readonly restMiB: number }
  /** One line of the file is another. */
  readonly edit: Change
  /** All of them are. */
  readonly rewrite: Change
  /** A second. */
  readonly lookups: Readonly<Record<'address' | 'alias' | 'extension' | 'unknown', number>>
}

// As built: tsx would put more into each function.
const { createAccountStore }: typeof import('../src/accounts/store.ts') = await import(
  new URL('../dist/accounts/store.js', import.meta.url).href
)

const [count = 0, file = ''] = [Number(process.argv[2]), process.argv[3]]

/** One or two aliases each. `tag` is in an alias of the account in the middle; `gap` makes all lines other ones. */
function writeAccounts(path: string, tag: string, gap: string): number {
  const out = openSync(path, 'w')
  let bytes = 0
  for (let user = 0; user < count; ) {
    let lines = ''
    for (const end = Math.min(user + 1000, count); user < end; user++) {
      const middle = user === count >> 1 ? tag : ''
      const second = user % 2 === 0 ? `,"first.last${user}@example.org"` : ''
      lines += `{"address":${gap}"user${user}@example.org","aliases":["u.${user}${middle}@example.net"${second}]}\n`
    }
    bytes += writeSync(out, lines)
  }
  closeSync(out)
  // What was just written to is left to settle first.
  const longAgo = Date.now() / 1000 - 60
  utimesSync(path, longAgo, longAgo)
  return bytes
}

function peakMiB(): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
  return Number(kilobytes) / 1024
}

/** proc(5): from here on the peak counts anew. */
function forgetPeak(): void {
  const out = openSync('/proc/self/clear_refs', 'w')
  writeSync(out, '5')
  closeSync(out)
}

const log = { debug() {}, info() {}, warn: fail, error: fail }

function fail(fields: object, message: string): never {
  throw new Error(`${message} ${JSON.stringify(fields)}`)
}

const store = createAccountStore(
  {
    configFile: '/etc/bearerd/bearerd.toml',
    files: [file],
    unknown: 'reject',
    recipientDelimiter: '+',
    defaults: { uid: '5000', gid: '5000', home: '/var/vmail/{domain}/{local}' },
    create: { domains: [], perHour: 100 },
  },
  ['provider'],
  log,
)

async function measure(work: () => Promise<unknown>): Promise<Change> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  // The first samples are of whatever came before.
  await sleep(100)
  forgetPeak()
  delay.enable()
  await sleep(20)
  delay.reset()
  const started = performance.now()
  await work()
  const ms = performance.now() - started
  await sleep(20)
  delay.disable()
  return { ms, stallMs: delay.max / 1e6, peakMiB: peakMiB() }
}

async function replaced(by: string, tag: string): Promise<void> {
  renameSync(by, file)
  const alias = `u.${count >> 1}${tag}@example.net`
  while (store.current()?.byName(alias) === undefined) await sleep(1)
}

function lookups(name: (user: number) => string, isKnown: boolean): number {
  const index = store.current()
  const rounds = 300_000
  let found = 0
  const started = performance.now()
  // A prime, so that hardly any account is asked for twice in a row of thousands.
  for (let n = 0; n < rounds; n++) if (index?.recipient(name((n * 7919) % count)) !== undefined) found++
  const seconds = (performance.now() - started) / 1000
  if (found !== (isKnown ? rounds : 0)) throw new Error(`${found} of ${rounds} names found`)
  return rounds / seconds
}

const bytes = writeAccounts(file, '', '')
writeAccounts(`${file}.edited`, '.edited', '')
writeAccounts(`${file}.rewritten`, '.rewritten', ' ')

const load = await measure(() => store.load())
await sleep(1000)
const restMiB = residentMiB(process.pid)
store.watch()
const edit = await measure(() => replaced(`${file}.edited`, '.edited'))
const rewrite = await measure(() => replaced(`${file}.rewritten`, '.rewritten'))
store.close()

const figures: AccountFigures = {
  bytes,
  load: { ...load, restMiB },
  edit,
  rewrite,
  lookups: {
    address: lookups(user => `user${user}@example.org`, true),
    alias: lookups(user => (user === count >> 1 ? 'user0@example.org' : `u.${user}@example.net`), true),
    extension: lookups(user => `user${user}+news@example.org`, true),
    unknown: lookups(user => `nobody${user}@example.org`, false),
  },
}
console.log(JSON.stringify(figures))
