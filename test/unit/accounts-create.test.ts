/** Accounts for newcomers: durable before anybody is let in, and never two for one address. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, utimes } from 'node:fs/promises'
import test from 'node:test'
import { type Account, CreateLimitError, type NewAccount } from '../../src/accounts/account.ts'
import { planCreation } from '../../src/accounts/creation.ts'
import { createNewcomers, hourMs } from '../../src/accounts/newcomers.ts'
import { account, indexOf } from '../support/accounts.ts'
import { createRecorder } from '../support/log.ts'
import { newcomer, openShelf, type Shelf } from '../support/store.ts'

const first = '{"address":"first@example.org"}\n'
const isRoot = process.getuid?.() === 0
const nobody = 65_534

async function objects(shelf: Shelf, name = 'a.jsonl'): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(shelf.path(name), 'utf8')).split('\n')
  assert.equal(lines.pop(), '')
  return lines.map(line => JSON.parse(line))
}

const dora: NewAccount = {
  address: 'dora@example.org',
  fullName: 'Dora Nováková',
  subject: 'f81d4fae',
  directory: 'main',
}

test('the account is on disk and in force, and a load would read it the same', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', '[[account]]\naddress = "alice@example.org"\n')
  await shelf.write('a.jsonl', first)
  const store = shelf.open(['a.jsonl', 'a.toml'])
  await store.load()
  const created = await store.create(dora)
  assert.equal(store.current()?.byName('Dora@example.org'), created)
  assert.deepEqual(store.current()?.bySubject('f81d4fae'), [created])
  const [, written] = await objects(shelf)
  assert.deepEqual(
    { ...written, created: '' },
    {
      address: 'dora@example.org',
      'full-name': 'Dora Nováková',
      subject: 'f81d4fae',
      directory: 'main',
      created: '',
    },
  )
  assert.ok(Math.abs(Date.parse(String(written?.created)) - Date.now()) < 60_000)
  assert.deepEqual(await store.load(), [])
  assert.deepEqual(store.current()?.byName('dora@example.org'), created)
})

test('it goes to the last .jsonl file', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  await shelf.write('b.jsonl', '')
  await shelf.write('c.toml', '')
  const store = shelf.open(['a.jsonl', 'b.jsonl', 'c.toml'])
  await store.load()
  await store.create(newcomer('new@example.org'))
  assert.deepEqual(await readFile(shelf.path('a.jsonl'), 'utf8'), first)
  assert.equal((await objects(shelf, 'b.jsonl')).length, 1)
})

test('the store’s own change is no reason to load; somebody else’s is', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  const store = shelf.open(['a.jsonl'])
  await store.load()
  store.watch()
  await store.logged('accounts_loaded')
  await store.create(newcomer('new@example.org'))
  await appendFile(shelf.path('a.jsonl'), '{"address":"other@example.org"}\n')
  const { accounts } = await store.logged('accounts_loaded')
  assert.equal(accounts, 3)
  assert.equal(store.lines.filter(({ event }) => event === 'accounts_loaded').length, 2)
})

test('two logins of one newcomer at once make one account', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  const store = shelf.open(['a.jsonl'])
  await store.load()
  const [one, other] = await Promise.all([store.create(dora), store.create(dora)])
  assert.equal(one, other)
  assert.equal((await objects(shelf)).length, 2)
})

test('two newcomers with one address don’t share it', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  const store = shelf.open(['a.jsonl'])
  await store.load()
  const results = await Promise.allSettled([store.create(dora), store.create({ ...dora, subject: 'somebody else' })])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
  assert.equal((await objects(shelf)).length, 2)
  assert.equal((await store.logged('account_not_created')).why, 'its address has an owner by now')
})

test('what somebody else wrote in the meantime counts', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  await shelf.write('b.toml', '')
  const store = shelf.open(['a.jsonl', 'b.toml'])
  await store.load()
  const taken = '[[account]]\naddress = "alice@example.org"\naliases = ["dora@example.org"]\n'
  await shelf.write('b.toml', taken)
  await assert.rejects(store.create(dora), /has an owner/)
  assert.equal(store.current()?.byName('dora@example.org')?.address, 'alice@example.org')
  assert.equal(await readFile(shelf.path('a.jsonl'), 'utf8'), first)
})

test('nothing is added to files with errors: not before a good load, not after a bad one', async t => {
  const shelf = await openShelf(t)
  const torn = `${first}{"address":"tor`
  await shelf.write('a.jsonl', torn)
  const store = shelf.open(['a.jsonl'])
  await store.load()
  await assert.rejects(store.create(dora), /have errors/)
  assert.equal(await readFile(shelf.path('a.jsonl'), 'utf8'), torn)
  await shelf.write('a.jsonl', first)
  await store.create(dora)
  await appendFile(shelf.path('a.jsonl'), '{"address":"tor')
  await assert.rejects(store.create(newcomer('new@example.org')), /have errors/)
  assert.deepEqual(store.addresses(), ['first@example.org', 'dora@example.org'])
})

test('a last line without a newline stays a line', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first.trim())
  const store = shelf.open(['a.jsonl'])
  await store.load()
  await store.create(newcomer('new@example.org'))
  assert.deepEqual(
    (await objects(shelf)).map(({ address }) => address),
    ['first@example.org', 'new@example.org'],
  )
})

test('an empty file gets no empty line', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', '')
  const store = shelf.open(['a.jsonl'])
  await store.load()
  await store.create(newcomer('new@example.org'))
  assert.equal((await objects(shelf)).length, 1)
})

test('owner and mode stay, a symbolic link stays one, and nothing is left over', async t => {
  const shelf = await openShelf(t)
  await mkdir(shelf.path('real'))
  await shelf.write('real/a.jsonl', first)
  await chmod(shelf.path('real/a.jsonl'), 0o640)
  if (isRoot) await chown(shelf.path('real/a.jsonl'), 12_345, 12_346)
  await symlink('real/a.jsonl', shelf.path('a.jsonl'))
  const store = shelf.open(['a.jsonl'])
  await store.load()
  await store.create(newcomer('new@example.org'))
  const { mode, uid, gid } = await stat(shelf.path('real/a.jsonl'))
  assert.equal(mode & 0o7777, 0o640)
  if (isRoot) assert.deepEqual([uid, gid], [12_345, 12_346])
  assert.deepEqual(await readdir(shelf.path('real')), ['a.jsonl'])
  assert.deepEqual((await readdir(shelf.folder)).sort(), ['a.jsonl', 'real'])
  assert.equal((await objects(shelf)).length, 2)
})

test('a copy left behind by a writer that was killed is ignored, then removed', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  await shelf.write('a.jsonl.new-0123456789abcdef', `${first}{"address":"half`)
  const store = shelf.open(['a.jsonl'])
  assert.deepEqual(await store.load(), [])
  await store.create(newcomer('new@example.org'))
  assert.deepEqual(await readdir(shelf.folder), ['a.jsonl'])
  assert.equal((await objects(shelf)).length, 2)
})

test('what can’t be written is not created, and nothing is changed', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  await mkdir(shelf.path('a.jsonl.new-0123456789abcdef'))
  const store = shelf.open(['a.jsonl'])
  await store.load()
  await assert.rejects(store.create(dora))
  assert.equal((await store.logged('account_not_created')).level, 'error')
  assert.equal(await readFile(shelf.path('a.jsonl'), 'utf8'), first)
  assert.deepEqual(store.addresses(), ['first@example.org'])
  assert.deepEqual((await readdir(shelf.folder)).sort(), ['a.jsonl', 'a.jsonl.new-0123456789abcdef'])
})

test('a file that is not to be written to is not written to', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  await chmod(shelf.path('a.jsonl'), 0o444)
  const store = shelf.open(['a.jsonl'])
  await store.load()
  if (isRoot) {
    // Root may write to everything, so somebody else has to try.
    for (const path of [shelf.folder, shelf.path('a.jsonl')]) await chown(path, nobody, nobody)
    process.seteuid?.(nobody)
    t.after(() => process.seteuid?.(0))
  }
  await assert.rejects(store.create(dora), { code: 'EACCES' })
  assert.deepEqual(await readdir(shelf.folder), ['a.jsonl'])
})

test('a lock that somebody holds is waited for, then it is a failure; a stale one is taken over', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  await mkdir(shelf.path('a.jsonl.lock'))
  const store = shelf.open(['a.jsonl'])
  await store.load()
  await assert.rejects(store.create(dora), { code: 'ELOCKED' })
  assert.equal(await readFile(shelf.path('a.jsonl'), 'utf8'), first)
  const longAgo = new Date(Date.now() - 60_000)
  await utimes(shelf.path('a.jsonl.lock'), longAgo, longAgo)
  await store.create(dora)
  assert.deepEqual(await readdir(shelf.folder), ['a.jsonl'])
})

test('newcomers who wait for the lock hold up no reload', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  await mkdir(shelf.path('a.jsonl.lock'))
  const store = shelf.open(['a.jsonl'])
  await store.load()
  const creations = Array.from({ length: 40 }, (_, n) => store.create(newcomer(`new${n}@example.org`)))
  const failed = Promise.allSettled(creations)
  await assert.rejects(creations.at(-1) ?? Promise.resolve(), /too many/)
  await shelf.write('a.jsonl', first.replace('}', ',"enabled":false}'))
  await store.load()
  assert.equal(store.current()?.byName('first@example.org')?.enabled, false)
  await rm(shelf.path('a.jsonl.lock'), { recursive: true })
  const outcomes = await failed
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 32)
})

test('so many an hour, and the log says once what to do about it', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  const store = shelf.open(['a.jsonl'], { create: { domains: [], perHour: 2 } })
  await store.load()
  const outcomes = await Promise.allSettled(
    Array.from({ length: 6 }, (_, n) => store.create(newcomer(`new${n}@example.org`))),
  )
  const refused = outcomes.flatMap(outcome => (outcome.status === 'rejected' ? [outcome.reason] : []))
  assert.equal(refused.length, 4)
  for (const error of refused) assert.ok(error instanceof CreateLimitError)
  await assert.rejects(store.create(newcomer('late@example.org')), CreateLimitError)
  assert.equal((await objects(shelf)).length, 3)
  const [said, ...more] = store.lines.filter(({ event }) => event === 'create_limit')
  assert.deepEqual([said?.level, said?.perHour, more], ['warn', 2, []])
  assert.match(String(said?.cure), /accounts\.create\.per-hour.*account import/)
  assert.ok(!store.lines.some(({ event }) => event === 'account_not_created'))
})

test('who has an account already gets it beyond the limit too', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  const store = shelf.open(['a.jsonl'], { create: { domains: [], perHour: 1 } })
  await store.load()
  const [one, other] = await Promise.all([store.create(dora), store.create(dora)])
  assert.equal(one, other)
  assert.equal(await store.create(dora), one)
})

test('the limit outlives a restart; accounts from before the hour, from files and from times to come don’t count', async t => {
  const shelf = await openShelf(t)
  const made = (address: string, minutes: number, directory?: string): string =>
    `${JSON.stringify({ address, directory, created: new Date(Date.now() + minutes * 60_000) })}\n`
  const rest = [made('a@b', -61, 'main'), made('c@b', -5), made('d@b', 120, 'main')].join('')
  await shelf.write('a.jsonl', rest + made('e@b', -59, 'main'))
  const full = shelf.open(['a.jsonl'], { create: { domains: [], perHour: 1 } })
  await full.load()
  await assert.rejects(full.create(dora), CreateLimitError)
  await shelf.write('a.jsonl', rest)
  const open = shelf.open(['a.jsonl'], { create: { domains: [], perHour: 1 } })
  await open.load()
  await open.create(dora)
  await assert.rejects(open.create(newcomer('new@example.org')), CreateLimitError)
})

test('an hour later there is room again, and the log says so', () => {
  const { lines, ...log } = createRecorder()
  let now = 0
  const newcomers = createNewcomers(2, log, () => now)
  newcomers.count([0, 60_000])
  now = 60_000
  for (let n = 0; n < 3; n++) assert.throws(() => newcomers.admit(), CreateLimitError)
  now = hourMs - 1
  assert.throws(() => newcomers.admit(), CreateLimitError)
  now = hourMs
  newcomers.admit()
  assert.deepEqual(
    lines.map(({ level, event, state }) => [level, event, state]),
    [
      ['warn', 'create_limit', 'closed'],
      ['info', 'create_limit', 'open'],
    ],
  )
})

test('an account is made now, to the millisecond', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  const store = shelf.open(['a.jsonl'])
  await store.load()
  const before = Date.now()
  const { created = 0, directory, subject } = await store.create(dora)
  assert.ok(before <= created && created <= Date.now())
  assert.deepEqual([directory, subject], ['main', 'f81d4fae'])
  await store.load()
  assert.equal(store.current()?.byName('dora@example.org')?.created, created)
})

test('without a .jsonl file, or a file at all, nothing is created', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', '')
  const store = shelf.open(['a.toml'])
  await store.load()
  await assert.rejects(store.create(dora), /no \.jsonl file/)
  await assert.rejects(shelf.open(['b.jsonl']).create(dora), /have errors/)
  await assert.rejects(shelf.open(['a.toml', 'b.jsonl']).create({ ...dora, directory: 'gone' }))
})

/** Starts the writer program; its addresses as they are confirmed. */
function startWriter(file: string, prefix: string, count: number) {
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      new URL('../support/create-accounts.ts', import.meta.url).pathname,
      file,
      prefix,
      String(count),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const confirmed: string[] = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    confirmed.push(...lines)
  })
  return { child, confirmed, closed: once(child, 'close') }
}

test('two processes write by turns, and nobody is lost', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  const writers = ['x', 'y'].map(prefix => startWriter(shelf.path('a.jsonl'), prefix, 3))
  await Promise.all(writers.map(({ closed }) => closed))
  const confirmed = writers.flatMap(writer => writer.confirmed)
  assert.equal(confirmed.length, 6)
  const store = shelf.open(['a.jsonl'])
  assert.deepEqual(await store.load(), [])
  assert.deepEqual(store.addresses()?.sort(), ['first@example.org', ...confirmed].sort())
})

test('a writer that is killed leaves a whole file, and in it everybody who was let in', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  const writer = startWriter(shelf.path('a.jsonl'), 'x', 100_000)
  while (writer.confirmed.length < 5) await once(writer.child.stdout, 'data')
  writer.child.kill('SIGKILL')
  await writer.closed
  const store = shelf.open(['a.jsonl'])
  assert.deepEqual(await store.load(), [])
  const addresses = new Set(store.addresses())
  for (const address of writer.confirmed) assert.ok(addresses.has(address), address)
  assert.ok(addresses.size <= writer.confirmed.length + 2)
})

const index = indexOf([
  account({ address: 'alice@example.org', aliases: ['sales@example.org'], subject: 's1', directory: 'main' }),
])
const plan = (given: Partial<NewAccount>): string => {
  const planned = planCreation(newcomer('new@example.org', given), index, new Date(0))
  return planned.kind === 'refused' ? planned.why : planned.kind
}

test('what stands in the way of a newcomer', () => {
  assert.equal(plan({}), 'new')
  assert.equal(plan({ address: 'alice@example.org' }), 'its address has an owner by now')
  assert.equal(plan({ address: 'sales@example.org' }), 'its address has an owner by now')
  assert.equal(plan({ subject: 's1' }), 'its subject has an account by now')
  assert.equal(plan({ subject: 's1', directory: 'other' }), 'new')
  assert.equal(plan({ address: 'alice@example.org', subject: 's1' }), 'exists')
  assert.equal(plan({ address: 'no address' }), 'a name in it is none that an account can have')
  assert.equal(plan({ subject: 'a\nb' }), 'a name in it is none that an account can have')
  assert.equal(plan({ address: 'alice+new@example.org' }), "it is an extension of somebody's address by now")
})

test('an odd full name locks nobody out', () => {
  const names: [given: string, kept: string | undefined][] = [
    ['Dora\u0007\n', 'Dora'],
    ['', undefined],
    ['\u0000', undefined],
    ['\ud83d', undefined],
    ['x'.repeat(100_000), 'x'.repeat(256)],
    [`${'x'.repeat(255)}😀`, 'x'.repeat(255)],
    ['"},{"address":"root@example.org', '"},{"address":"root@example.org'],
  ]
  for (const [given, kept] of names) {
    const planned = planCreation(newcomer('new@example.org', { fullName: given }), index, new Date(0))
    const made: Account | undefined = planned.kind === 'new' ? planned.account : undefined
    assert.equal(made?.address, 'new@example.org')
    assert.equal(made?.fullName, kept)
  }
})
