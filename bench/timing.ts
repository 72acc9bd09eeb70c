/**
 * Timing: does the time to a refusal tell what was wrong with the password? Logins of several kinds in random order, over
 * the auth socket; every answer is checked to be the same bytes.
 *
 * Each kind's median is compared to that of the first one, and how far that difference may be chance is told by the
 * bootstrap: 95 % of the differences between samples drawn anew from the same figures. The first kind is there twice, so
 * that the table shows what two kinds look like that are the same.
 */
import { createHash, randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnDaemon } from './daemon.ts'
import { address } from './site.ts'

type Kind = { readonly title: string; readonly password: string; readonly user: 'known' | 'disabled' | 'unknown' }

const secret = 'abcdefghjkmnpqrstuvwxyzabcdef'
const right = `kfm${secret}`
const expired = `end${secret}`
const wrong = `kfm${'z'.repeat(29)}`

const kinds: readonly Kind[] = [
  { title: 'wrong app password', password: wrong, user: 'known' },
  { title: 'the same again', password: wrong, user: 'known' },
  { title: 'unknown id', password: `xyz${secret}`, user: 'known' },
  { title: 'unknown user', password: right, user: 'unknown' },
  { title: 'disabled account, right password', password: right, user: 'disabled' },
  { title: 'expired password', password: expired, user: 'known' },
  { title: 'password of another kind', password: 'correct horse battery', user: 'known' },
]

/** Failures on one name lengthen the delay: each account has fewer than that takes. */
const loginsPerAccount = 5

export const timingHead = ['login', 'n', 'p5 µs', 'p50 µs', 'p95 µs', 'difference µs', '95 % by chance']

/** A line of the table for each kind. */
export async function measureTiming(folder: string, delay: '0s' | '2s', perKind: number): Promise<string[][]> {
  const accounts = Math.ceil((kinds.length * perKind) / loginsPerAccount)
  writeSite(folder, delay, accounts)
  const server = await spawnDaemon(folder)
  try {
    const client = await openClient(server.sockets.auth)
    // Until V8 has compiled what runs often. None of these count.
    if (delay === '0s') for (const kind of shuffled(Math.min(perKind, 1000))) await client.login(kind, accounts)
    const times = await measure(client, delay === '0s' ? 'one by one' : 'in a row', accounts, perKind)
    client.close()
    return summarise(times)
  } finally {
    await server.stop()
  }
}

async function measure(
  client: Client,
  pace: 'one by one' | 'in a row',
  accounts: number,
  perKind: number,
): Promise<Map<Kind, number[]>> {
  const times = new Map<Kind, number[]>(kinds.map(kind => [kind, []]))
  const pending: Promise<unknown>[] = []
  for (const kind of shuffled(perKind)) {
    const answered = client.login(kind, accounts).then(us => times.get(kind)?.push(us))
    if (pace === 'one by one') await answered
    else {
      pending.push(answered)
      await sleep(randomInt(2, 5))
    }
  }
  await Promise.all(pending)
  return times
}

/** Pairs of accounts: `user2` is known, `user3` disabled, and so on. */
function writeSite(folder: string, delay: string, accounts: number): void {
  const hash = (letters: string) => `{SHA256}${createHash('sha256').update(letters).digest('base64')}`
  const created = '2026-01-01T00:00:00.000Z'
  const users = Array.from({ length: 2 * accounts }, (_, user) => user)
  const lines = (all: readonly object[]) => all.map(line => `${JSON.stringify(line)}\n`).join('')
  writeFileSync(
    join(folder, 'accounts.jsonl'),
    lines(users.map(user => ({ address: address(user), enabled: user % 2 === 0 }))),
  )
  const records = users.flatMap(user => [
    { id: 'kfm', account: address(user), label: '', hash: hash(right), created },
    { id: 'end', account: address(user), label: '', hash: hash(expired), created, expires: created },
  ])
  writeFileSync(join(folder, 'app-passwords.jsonl'), lines(records), { mode: 0o600 })
  writeFileSync(
    join(folder, 'bearerd.toml'),
    `state-dir = "${folder}"
[accounts]
files = ["${folder}/accounts.jsonl"]
[app-passwords]
failure-delay = "${delay}"
[listen.imap]
protocol = "dovecot-auth"
path = "${folder}/auth"
[listen.userdb]
protocol = "dovecot-master"
path = "${folder}/userdb"
[log]
format = "json"
`,
  )
}

function shuffled(perKind: number): Kind[] {
  const all = kinds.flatMap(kind => Array.from({ length: perKind }, () => kind))
  for (let last = all.length - 1; last > 0; last--) {
    const other = randomInt(last + 1)
    const [a, b] = [all[last], all[other]]
    if (a !== undefined && b !== undefined) [all[last], all[other]] = [b, a]
  }
  return all
}

type Client = {
  /** Resolves with the microseconds to the answer. */
  login(kind: Kind, accounts: number): Promise<number>
  close(): void
}

/** Connects and shakes hands. An answer other than the one that all get ends the run. */
async function openClient(path: string): Promise<Client> {
  const waiting = new Map<string, (now: number) => void>()
  let rest = ''
  let ready = (): void => {}
  let id = 0
  const socket = connect(path)
  const greeted = new Promise<void>(resolve => {
    ready = resolve
  })
  socket.on('data', chunk => {
    const now = performance.now()
    const lines = (rest + chunk.toString('latin1')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === 'DONE') ready()
      const [verb, number = ''] = line.split('\t')
      if (verb !== 'FAIL' && verb !== 'OK') continue
      waiting.get(number)?.(line === expectedOf(number) ? now : Number.NaN)
      waiting.delete(number)
    }
  })
  const names = new Map<string, string>()
  const expectedOf = (number: string) => `FAIL\t${number}\tuser=${names.get(number)}`
  socket.write(`VERSION\t1\t2\nCPID\t${process.pid}\n`)
  await greeted
  return {
    close: () => socket.destroy(),
    login(kind, accounts) {
      const number = String(++id)
      const name = nameOf(kind, id, accounts)
      names.set(number, name)
      const message = Buffer.from(`\0${name}\0${kind.password}`).toString('base64')
      // Failures from one address lengthen the delay, too.
      const rip = `10.${(id >> 16) & 255}.${(id >> 8) & 255}.${id & 255}`
      const started = performance.now()
      socket.write(`AUTH\t${number}\tPLAIN\tservice=imap\tsecured\trip=${rip}\tresp=${message}\n`)
      return new Promise((resolve, reject) => {
        waiting.set(number, now => {
          names.delete(number)
          if (Number.isNaN(now)) reject(new Error(`another answer than expected to: ${kind.title}`))
          else resolve((now - started) * 1000)
        })
      })
    },
  }
}

/** Names of the same length for all kinds. */
function nameOf({ user }: Kind, id: number, accounts: number): string {
  const pair = id % accounts
  if (user === 'unknown') return `nope${String(address(2 * pair)).slice('user'.length)}`
  return address(user === 'known' ? 2 * pair : 2 * pair + 1)
}

function summarise(times: ReadonlyMap<Kind, readonly number[]>): string[][] {
  const [first] = kinds
  const base = sorted((first && times.get(first)) ?? [])
  return kinds.map(kind => {
    const own = sorted(times.get(kind) ?? [])
    const [low, high] = bootstrap(base, own)
    const figures = [0.05, 0.5, 0.95].map(share => quantile(own, share).toFixed(0))
    const difference = quantile(own, 0.5) - quantile(base, 0.5)
    const compared = kind === first ? ['', ''] : [difference.toFixed(1), `${low.toFixed(1)} to ${high.toFixed(1)}`]
    return [kind.title, String(own.length), ...figures, ...compared]
  })
}

const sorted = (values: readonly number[]) => Float64Array.from(values).sort()

function quantile(values: Float64Array, share: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN
}

/** Between which the difference of the medians is, 95 times in a hundred. */
function bootstrap(base: Float64Array, own: Float64Array): [low: number, high: number] {
  const draw = (values: Float64Array) => values.map(() => values[Math.floor(Math.random() * values.length)] ?? 0).sort()
  const differences = Float64Array.from({ length: 400 }, () => quantile(draw(own), 0.5) - quantile(draw(base), 0.5))
  differences.sort()
  return [quantile(differences, 0.025), quantile(differences, 0.975)]
}
