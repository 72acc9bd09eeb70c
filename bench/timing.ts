/**
 * Timing: does the time to a refusal tell what was wrong with the password? Logins of several kinds in random order, over
 * the auth socket; every answer is checked to be the same bytes.
 *
 * Each kind's median is compared to that of the first one, and how far that difference may be chance is told by the
 * bootstrap: 95 % of the differences between samples drawn anew from the same figures. The first kind is there twice, so
 * that the table shows what two kinds look like that are the same.
 *
 * Once where there are app passwords alone, and once where there are imported hashes, on one of which everything that is
 * refused is tried.
 */
import { createHash, randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnDaemon } from './daemon.ts'
import { address } from './site.ts'

/** Of every three accounts one is each of these, in this order. Only the last has an imported hash, where there are any. */
const roles = ['known', 'disabled', 'imported'] as const

type Kind = {
  readonly title: string
  readonly password: string
  readonly user: (typeof roles)[number] | 'unknown'
}

export type Scene = {
  /** For people. */
  readonly passwords: string
  readonly imported: boolean
  readonly kinds: readonly Kind[]
  /** Logins of each kind before those that count. */
  readonly warmUp: number
  /** Between logins that aren't awaited: so that imported hashes needn't wait for a thread for long. */
  readonly paceMs: readonly [min: number, max: number]
}

const secret = 'abcdefghjkmnpqrstuvwxyzabcdef'
const right = `kfm${secret}`
const expired = `end${secret}`
const wrong = `kfm${'z'.repeat(29)}`
const foreign = 'correct horse battery'

const appKinds: readonly Kind[] = [
  { title: 'wrong app password', password: wrong, user: 'known' },
  { title: 'the same again', password: wrong, user: 'known' },
  { title: 'unknown id', password: `xyz${secret}`, user: 'known' },
  { title: 'unknown user', password: right, user: 'unknown' },
  { title: 'disabled account, right password', password: right, user: 'disabled' },
  { title: 'expired password', password: expired, user: 'known' },
  { title: 'password of another kind', password: foreign, user: 'known' },
]

const importedKinds: readonly Kind[] = [
  { title: 'wrong imported password', password: foreign, user: 'imported' },
  { title: 'the same again', password: foreign, user: 'imported' },
  { title: 'account with app passwords only', password: foreign, user: 'known' },
  { title: 'unknown user', password: foreign, user: 'unknown' },
  { title: 'disabled account', password: foreign, user: 'disabled' },
  { title: 'disabled account, right password', password: right, user: 'disabled' },
  { title: 'expired password', password: expired, user: 'known' },
]

export const appPasswords: Scene = {
  passwords: 'app passwords',
  imported: false,
  kinds: appKinds,
  warmUp: 1000,
  paceMs: [2, 5],
}
export const importedPasswords: Scene = {
  passwords: 'app and imported passwords',
  imported: true,
  kinds: importedKinds,
  warmUp: 5,
  paceMs: [150, 250],
}

/** Failures on one name lengthen the delay: each account has fewer than that takes. */
const loginsPerAccount = 5

export const timingHead = ['login', 'n', 'p5 µs', 'p50 µs', 'p95 µs', 'difference µs', '95 % by chance']

/** A line of the table for each kind. */
export async function measureTiming(
  folder: string,
  scene: Scene,
  delay: '0s' | '2s',
  perKind: number,
): Promise<string[][]> {
  const accounts = Math.ceil((scene.kinds.length * perKind) / loginsPerAccount)
  writeSite(folder, delay, accounts, scene.imported)
  const server = await spawnDaemon(folder)
  try {
    const client = await openClient(server.sockets.auth)
    // Until V8 has compiled what runs often. None of these count.
    if (delay === '0s')
      for (const kind of shuffled(scene, Math.min(perKind, scene.warmUp))) await client.login(kind, accounts)
    const times = await measure(client, scene, delay === '0s' ? 'one by one' : 'in a row', accounts, perKind)
    client.close()
    return summarise(scene, times)
  } finally {
    await server.stop()
  }
}

async function measure(
  client: Client,
  scene: Scene,
  pace: 'one by one' | 'in a row',
  accounts: number,
  perKind: number,
): Promise<Map<Kind, number[]>> {
  const times = new Map<Kind, number[]>(scene.kinds.map(kind => [kind, []]))
  const pending: Promise<unknown>[] = []
  for (const kind of shuffled(scene, perKind)) {
    const answered = client.login(kind, accounts).then(us => times.get(kind)?.push(us))
    if (pace === 'one by one') await answered
    else {
      pending.push(answered)
      await sleep(randomInt(...scene.paceMs))
    }
  }
  await Promise.all(pending)
  return times
}

function writeSite(folder: string, delay: string, accounts: number, imported: boolean): void {
  const hash = (letters: string) => `{SHA256}${createHash('sha256').update(letters).digest('base64')}`
  const created = '2026-01-01T00:00:00.000Z'
  const users = Array.from({ length: roles.length * accounts }, (_, user) => user)
  const lines = (all: readonly object[]) => all.map(line => `${JSON.stringify(line)}\n`).join('')
  writeFileSync(
    join(folder, 'accounts.jsonl'),
    lines(users.map(user => ({ address: address(user), enabled: roleOf(user) !== 'disabled' }))),
  )
  const records = users.flatMap(user => [
    { id: 'kfm', account: address(user), label: '', hash: hash(right), created },
    { id: 'end', account: address(user), label: '', hash: hash(expired), created, expires: created },
    ...(imported && roleOf(user) === 'imported'
      ? [{ id: 'imported', account: address(user), label: '', hash: importedHash(user), created }]
      : []),
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

const roleOf = (user: number) => roles[user % roles.length]

/** Of nobody's password, with a salt of the account's own: one check serves all who try the same on the same hash. */
function importedHash(user: number): string {
  return `{BLF-CRYPT}$2y$10$${String(user).padStart(21, '0')}.${'a'.repeat(31)}`
}

function shuffled({ kinds }: Scene, perKind: number): Kind[] {
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
  const first = (id % accounts) * roles.length
  if (user === 'unknown') return `nope${String(address(first)).slice('user'.length)}`
  return address(first + roles.indexOf(user))
}

function summarise({ kinds }: Scene, times: ReadonlyMap<Kind, readonly number[]>): string[][] {
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
