/** The verifier: which record a password is tried on, at what cost, and who gets how much of it. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { formatAppPassword } from '../../src/passwords/app-password.ts'
import { createFairQueue } from '../../src/passwords/fair-queue.ts'
import type { HashPool } from '../../src/passwords/hash-pool.ts'
import type { HashTask } from '../../src/passwords/hash-worker.ts'
import type { Match, Verifier } from '../../src/passwords/password.ts'
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
  const verifier = createVerifier({ log, ...given })
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

test('checks wait for a thread up to a limit, of which nobody has more than a quarter: beyond, busy', async t => {
  const { pool, tasks } = createSlowPool()
  const { verifier } = open(t, { pool, maxWaiting: 8 })
  let asked = 0
  const ask = (from: string | undefined) => outcome(verifier.verify(`try ${asked++}`, [imported], from))
  const first = ask(alice)
  const waiting = [ask(alice), ask(alice)]
  assert.equal(await ask(alice), 'busy', 'a third place')
  waiting.push(ask('2001:db8::1'), ask('2001:db8::2'))
  assert.equal(await ask('2001:db8::ffff'), 'busy', 'the same /64')
  waiting.push(ask('198.51.100.1'), ask(undefined), ask('198.51.100.2'), ask('198.51.100.3'))
  assert.equal(await ask('198.51.100.4'), 'busy', 'no place at all')
  const answers = Promise.all([first, ...waiting])
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

test('the queue passes on what the work rejects with, and goes on', async () => {
  const queue = createFairQueue({ atATime: 1, maxWaiting: 4, maxWaitMs: 1000 })
  await assert.rejects(
    queue.run('a', () => Promise.reject(new Error('broken'))),
    /broken/,
  )
  assert.equal(await queue.run('a', async () => 7), 7)
})
