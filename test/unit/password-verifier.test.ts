/** The verifier: which record a password is tried on, at what cost, and who gets how much of it. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { formatAppPassword } from '../../src/passwords/app-password.ts'
import { createFairQueue } from '../../src/passwords/fair-queue.ts'
import { createHashPool, type HashPool } from '../../src/passwords/hash-pool.ts'
import type { HashTask } from '../../src/passwords/hash-worker.ts'
import type { Attempt, Match, PasswordRecord, Verifier } from '../../src/passwords/password.ts'
import { createVerifier } from '../../src/passwords/verifier.ts'
import { stopClock } from '../support/clock.ts'
import { createRecorder } from '../support/log.ts'
import { passwordHashes } from '../support/password-hashes.ts'
import { lettersOf, passwordRecord } from '../support/passwords.ts'

const [chosen = '', importedHash = ''] = passwordHashes[0] ?? []
const app = passwordRecord()
const imported = passwordRecord({ id: 'imported', hash: importedHash })
const both = [imported, app]
const alice = '192.0.2.1'

/** Threads that check nothing until the test says so. */
function createSlowPool(threads = 1) {
  const tasks: (HashTask & { answer: (right: boolean) => void; fail: (error: Error) => void })[] = []
  const pool: HashPool = {
    threads,
    check: task => new Promise((answer, fail) => tasks.push({ ...task, answer, fail })),
    async close() {},
  }
  return { pool, tasks }
}

function open(t: TestContext, given: { pool?: HashPool; maxWaiting?: number } = {}) {
  const log = createRecorder()
  const verifier = createVerifier({ log, pool: createHashPool(log, 1), ...given })
  t.after(() => verifier.close())
  return { verifier, log }
}

/** The kind of a match, or why there is none. */
async function outcome(match: ReturnType<Verifier['verify']>): Promise<string> {
  const found: Match = await match
  if (found.kind === 'match') return `match ${found.record.id}`
  return found.kind === 'none' ? found.why : found.kind
}

/** Lets everything that has been settled have its effect. */
const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

test('an app password is answered at once, also as people type it', t => {
  const { verifier } = open(t)
  for (const typed of [lettersOf('kfm'), formatAppPassword(lettersOf('kfm')).toUpperCase()])
    assert.deepEqual(verifier.verify(typed, both, alice), { kind: 'match', record: app })
})

test('a wrong one is answered at once, with what was wrong, for the log', t => {
  const { verifier } = open(t)
  const records = [passwordRecord({ id: 'abc' }), app]
  const none = (why: string) => ({ kind: 'none', why })
  assert.deepEqual(verifier.verify(`kfm${lettersOf('abc').slice(3, -1)}a`, records, alice), none('mismatch'))
  assert.deepEqual(verifier.verify(lettersOf('xyz'), records, alice), none('unknown'))
  assert.deepEqual(verifier.verify(lettersOf('xyz'), [], alice), none('unknown'))
  assert.deepEqual(verifier.verify('hunter2', records, alice), none('foreign'))
  assert.deepEqual(verifier.verify('', [], undefined), none('foreign'))
})

test('an imported hash is checked in a thread', async t => {
  const { verifier, log } = open(t)
  assert.equal(await outcome(verifier.verify(chosen, both, alice)), 'match imported')
  assert.equal(await outcome(verifier.verify(`${chosen}!`, both, alice)), 'mismatch')
  assert.deepEqual(log.lines, [])
})

test('one hash a try: what names an app password is tried on that alone, all else on the imported hash', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool })
  assert.equal(await outcome(verifier.verify(lettersOf('kfm'), both, alice)), 'match kfm')
  assert.equal(await outcome(verifier.verify(`${lettersOf('kfm').slice(0, -1)}a`, both, alice)), 'mismatch')
  assert.equal(tasks.length, 0)
  const unknown = outcome(verifier.verify(lettersOf('xyz'), both, alice))
  await settle()
  assert.deepEqual(tasks[0]?.passwords, [lettersOf('xyz')])
  tasks[0]?.answer(false)
  assert.equal(await unknown, 'mismatch')
})

test('a password outside ASCII is tried as typed and as SASLprep has it', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool })
  const checked = outcome(verifier.verify('ﬁsch\u00a0ü', [imported], alice))
  await settle()
  assert.deepEqual(tasks[0]?.passwords, ['ﬁsch\u00a0ü', 'fisch ü'])
  tasks[0]?.answer(true)
  assert.equal(await checked, 'match imported')
})

test('one check serves all who ask meanwhile, right or wrong', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool })
  const asked = [1, 2, 3].map(() => outcome(verifier.verify('secret', [imported], alice)))
  const wrong = [1, 2].map(() => outcome(verifier.verify('wrong', [imported], alice)))
  await settle()
  tasks[0]?.answer(true)
  assert.deepEqual(await Promise.all(asked), ['match imported', 'match imported', 'match imported'])
  await settle()
  tasks[1]?.answer(false)
  assert.deepEqual(await Promise.all(wrong), ['mismatch', 'mismatch'])
  assert.equal(tasks.length, 2)
})

test('what was right is remembered for a minute, for that hash alone; what was wrong is not', async t => {
  const clock = stopClock(t)
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool })
  async function checks(password: string, record = imported): Promise<number> {
    const before = tasks.length
    const asked = verifier.verify(password, [record], alice)
    await settle()
    tasks[before]?.answer(password === 'secret')
    await asked
    return tasks.length - before
  }
  assert.equal(await checks('secret'), 1)
  assert.equal(await checks('secret'), 0)
  assert.deepEqual(verifier.verify('secret', [imported], alice), { kind: 'match', record: imported })
  assert.equal(await checks('wrong'), 1)
  assert.equal(await checks('wrong'), 1)
  assert.equal(await checks('secret', { ...imported, hash: `${importedHash.slice(0, -1)}z` }), 1, 'a new hash')
  clock.pass(59_999)
  assert.equal(await checks('secret'), 0)
  clock.pass(1)
  assert.equal(await checks('secret'), 1)
})

test('checks wait for a thread up to a limit: beyond, whoever has most waiting is turned away', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool, maxWaiting: 8 })
  let asked = 0
  const ask = (from: string | undefined) => outcome(verifier.verify(`try ${asked++}`, [imported], from))
  const first = ask(alice)
  const hers = Array.from({ length: 8 }, () => ask(alice))
  assert.equal(await ask(alice), 'busy', 'no place for more of her own')
  const others = [ask('2001:db8::1'), ask('2001:db8::2'), ask('2001:db8::ffff')]
  assert.deepEqual(await Promise.all(hers.slice(-3)), ['busy', 'busy', 'busy'], 'her newest')
  others.push(ask(undefined))
  assert.equal(await hers[4], 'busy')
  assert.equal(await ask('2001:db8::3'), 'busy', 'the same /64, which has nearly as much')
  const answers = Promise.all([first, ...hers.slice(0, 4), ...others])
  for (let done = 0; done < 9; done++) {
    await settle()
    assert.equal(tasks.length, done + 1, 'one at a time')
    tasks[done]?.answer(false)
  }
  assert.deepEqual(new Set(await answers), new Set(['mismatch']))
  const next = ask(alice)
  await settle()
  tasks[9]?.answer(true)
  assert.equal(await next, 'match imported', 'places are given back')
})

test('who has waited too long is not computed for', async t => {
  const clock = stopClock(t)
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool })
  const first = outcome(verifier.verify('one', [imported], alice))
  const late = outcome(verifier.verify('two', [imported], alice))
  await settle()
  clock.pass(4_001)
  const inTime = outcome(verifier.verify('three', [imported], alice))
  tasks[0]?.answer(true)
  assert.deepEqual([await first, await late], ['match imported', 'busy'])
  await settle()
  assert.deepEqual(tasks[1]?.passwords, ['three'])
  tasks[1]?.answer(true)
  assert.equal(await inTime, 'match imported')
})

test('a password of more than 256 bytes is tried on no imported hash', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool })
  assert.equal(await outcome(verifier.verify('ü'.repeat(129), both, alice)), 'foreign')
  const longest = outcome(verifier.verify('ü'.repeat(128), both, alice))
  await settle()
  tasks[0]?.answer(true)
  assert.equal(await longest, 'match imported')
})

/** What a refused try on a name looks like from outside: the verifier's answer, as `password-login.ts` gets it. */
function refuse(verifier: Verifier, given: Partial<Attempt> = {}): Promise<string> {
  const attempt = { name: 'x@example.org', password: 'guess', records: [], imported: [imported], remoteAddress: alice }
  const { password, records, remoteAddress, ...rest }: Attempt = { ...attempt, ...given }
  const match = verifier.verify(password, records, remoteAddress)
  if (match instanceof Promise) return outcome(match)
  return outcome(verifier.disguise(match, { password, records, remoteAddress, ...rest }))
}

const wrongApp = `${lettersOf('kfm').slice(0, -1)}a`

test('what is refused at once is disguised as a try on an imported hash, and the reason stays the true one', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool })
  const tries: [Partial<Attempt>, string][] = [
    [{}, 'foreign'],
    [{ password: lettersOf('xyz') }, 'unknown'],
    [{ records: [app] }, 'foreign'],
    [{ records: [app], password: wrongApp }, 'mismatch'],
    [{ records: [app], password: lettersOf('kfm') }, 'match kfm'],
    [{ records: both }, 'mismatch'],
    [{ records: both, password: wrongApp }, 'mismatch'],
    [{ records: both, password: lettersOf('kfm') }, 'match kfm'],
  ]
  for (const [given, expected] of tries) {
    tasks.length = 0
    const asked = refuse(verifier, given)
    await settle()
    assert.deepEqual([tasks[0]?.hash, tasks[0]?.passwords], [importedHash, [given.password ?? 'guess']])
    tasks[0]?.answer(false)
    assert.equal(await asked, expected)
  }
})

test('where nothing is imported, or it is too long for it, nothing is disguised', t => {
  const { verifier } = open(t)
  const attempt = { name: 'x', password: 'guess', records: [], imported: [], remoteAddress: alice }
  const match: Match = { kind: 'none', why: 'foreign' }
  assert.equal(verifier.disguise(match, attempt), match)
  assert.equal(verifier.disguise(match, { ...attempt, imported: [imported], password: 'x'.repeat(257) }), match)
})

test("somebody's right password is never right for whom her hash stands in, nor remembered", async t => {
  const { verifier } = open(t)
  assert.equal(await outcome(verifier.verify(chosen, [imported], alice)), 'match imported')
  const { pool, tasks } = createSlowPool()
  const slow = open(t, { pool }).verifier
  const hers = outcome(slow.verify(chosen, [imported], alice))
  await settle()
  tasks[0]?.answer(true)
  await hers
  for (const checks of [2, 3]) {
    const asked = refuse(slow, { password: chosen })
    await settle()
    assert.equal(tasks.length, checks)
    tasks.at(-1)?.answer(true)
    assert.equal(await asked, 'foreign')
  }
  assert.equal(await refuse(verifier, { password: chosen }), 'foreign')
})

test('busy, waiting and one check for all who ask meanwhile are the same with an imported hash and without', async t => {
  async function observe(
    records: readonly PasswordRecord[],
    password = (n: number) => `guess ${n}`,
  ): Promise<string[]> {
    const { pool, tasks } = createSlowPool()
    const { verifier } = open(t, { pool, maxWaiting: 3 })
    const seen: string[] = []
    for (const n of [0, 0, 1, 2, 3, 4, 4])
      void refuse(verifier, { records, password: password(n) }).then(answer => {
        seen.push(answer === 'busy' ? `${n} busy` : `${n} refused`)
      })
    for (let done = 0; done < 4; done++) {
      await settle()
      seen.push(`check ${tasks.length}`)
      tasks[done]?.answer(false)
    }
    await settle()
    return seen
  }
  const expected = await observe([imported])
  assert.deepEqual(
    expected.filter(line => line.endsWith('busy')),
    ['4 busy', '4 busy'],
  )
  assert.deepEqual(await observe([]), expected)
  assert.deepEqual(await observe([app]), expected)
  const mistyped = (n: number) => `kfm${lettersOf('kfm').slice(3, -1)}${'abcde'.charAt(n)}`
  assert.deepEqual(await observe([app], n => mistyped((n + 1) % 5).replace('kfm', 'xyz')), expected, 'unknown ids')
})

test('a check that fails is busy for whom its hash stands in, too', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool })
  const asked = refuse(verifier)
  await settle()
  tasks[0]?.fail(new Error('too slow'))
  assert.equal(await asked, 'busy')
})

test('the same hash stands in for a name each time, and all do for some', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool, maxWaiting: 1000 })
  const many = Array.from({ length: 10 }, (_, n) => ({ ...imported, account: `u${n}`, hash: `{PBKDF2}${n}` }))
  async function standIn(name: string, password: string, all = many): Promise<string> {
    tasks.length = 0
    const asked = refuse(verifier, { name, password, imported: all })
    await settle()
    tasks[0]?.answer(false)
    await asked
    return tasks[0]?.hash ?? ''
  }
  const counts = new Map<string, number>()
  for (let n = 0; n < 500; n++) {
    const hash = await standIn(`n${n}`, 'one')
    counts.set(hash, (counts.get(hash) ?? 0) + 1)
    assert.equal(await standIn(`n${n}`, 'two'), hash)
    const fewer = Number((await standIn(`n${n}`, 'two', many.slice(0, -1))).at(-1))
    assert.ok(Number(hash.at(-1)) - fewer <= 1, 'a neighbour, when one has gone')
  }
  assert.equal(counts.size, 10)
  assert.ok(Math.min(...counts.values()) > 15, [...counts.values()].join())
})

test('a thread that fails is no verdict: busy, and a log line without anything secret', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier, log } = open(t, { pool })
  const asked = outcome(verifier.verify('hunter2', [imported], alice))
  await settle()
  tasks[0]?.fail(new Error(`out of memory at hunter2 ${importedHash}`))
  assert.equal(await asked, 'busy')
  assert.equal(log.lines[0]?.event, 'password_check_failed')
  assert.doesNotMatch(JSON.stringify(log.lines), /hunter2|BLF-CRYPT/)
  const again = outcome(verifier.verify('hunter2', [imported], alice))
  await settle()
  tasks[1]?.answer(true)
  assert.equal(await again, 'match imported', 'nothing of it stays')
})

test('closing turns away who waits', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool })
  const first = outcome(verifier.verify('one', [imported], alice))
  const second = outcome(verifier.verify('two', [imported], alice))
  await settle()
  await verifier.close()
  assert.equal(await second, 'busy')
  assert.equal(await outcome(verifier.verify('three', [imported], alice)), 'busy')
  tasks[0]?.answer(true)
  assert.equal(await first, 'match imported')
})

/** What of `asked` gets to work, in this order, when each is at work until the next may begin. */
async function servingOrder(asked: readonly string[], maxWaiting: number): Promise<string[]> {
  const queue = createFairQueue({ atATime: 1, maxWaiting, maxWaitMs: 1000 })
  const served: string[] = []
  const work = (name: string) => async () => {
    served.push(name)
    await settle()
  }
  await Promise.all(asked.map(name => queue.run(name.charAt(0), work(name))))
  return served
}

test('the sources take turns, however many a source has waiting', async () => {
  assert.deepEqual(await servingOrder(['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2'], 10), [
    'a1',
    'a2',
    'b1',
    'c1',
    'a3',
    'b2',
    'a4',
  ])
})

test('there is a place for a source that has none waiting, until each has but one', async () => {
  assert.deepEqual(await servingOrder(['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'd1'], 3), ['a1', 'a2', 'b1', 'c1'])
})

test('the queue passes on what the work rejects with, and goes on', async () => {
  const queue = createFairQueue({ atATime: 1, maxWaiting: 4, maxWaitMs: 1000 })
  await assert.rejects(
    queue.run('a', () => Promise.reject(new Error('broken'))),
    /broken/,
  )
  assert.equal(await queue.run('a', async () => 7), 7)
})
