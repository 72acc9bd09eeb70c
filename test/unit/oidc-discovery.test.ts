/** When discovery is tried again. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startDiscovery } from '../../src/oidc/discovery.ts'

/** A discovery whose tries are counted, and answered by the test. */
function start(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const said: string[] = []
  let tries = 0
  let result: string | Error = new Error('down')
  const discovery = startDiscovery(
    async () => {
      tries++
      if (result instanceof Error) throw result
      return result
    },
    {
      onFound: found => said.push(`found ${found}`),
      onFailed: (_, known) => said.push(`failed, known: ${known}`),
    },
  )
  return {
    discovery,
    said,
    answer: (next: string | Error) => {
      result = next
    },
    /** The tries made in this time. */
    async pass(ms: number): Promise<number> {
      const before = tries
      await turn()
      t.mock.timers.tick(ms)
      await turn()
      return tries - before
    },
    tries: () => tries,
  }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

test('tried at the start, then after 1 s, 2 s, 4 s … 60 s', async t => {
  const { pass, tries, said, discovery } = start(t)
  assert.equal(tries(), 1)
  for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
    assert.equal(await pass(seconds * 1000 - 1), 0, `before ${seconds} s`)
    assert.equal(await pass(1), 1, `after ${seconds} s`)
  }
  assert.equal(discovery.current(), undefined)
  assert.deepEqual(new Set(said), new Set(['failed, known: undefined']))
})

test('found: once a day, and hourly when that fails, with what is known in force', async t => {
  const { pass, said, answer, discovery } = start(t)
  answer('endpoint')
  assert.equal(await pass(1000), 1)
  assert.equal(discovery.current(), 'endpoint')
  const hour = 3600_000
  assert.equal(await pass(24 * hour - 1), 0)
  assert.equal(await pass(1), 1)
  answer(new Error('down'))
  assert.equal(await pass(24 * hour), 1)
  assert.equal(discovery.current(), 'endpoint')
  assert.equal(await pass(hour), 1)
  answer('new endpoint')
  assert.equal(await pass(hour), 1)
  assert.equal(discovery.current(), 'new endpoint')
  assert.equal(await pass(24 * hour - 1), 0)
  assert.deepEqual(said, ['failed, known: undefined', 'found endpoint', ...Array(2).fill('failed, known: endpoint')])
})

test('never twice at a time', async t => {
  const { discovery, answer, tries } = start(t)
  answer('endpoint')
  await assert.rejects(discovery.discover(), { message: 'down' })
  assert.equal(tries(), 1)
  assert.deepEqual(await Promise.all([discovery.discover(), discovery.discover()]), ['endpoint', 'endpoint'])
  assert.equal(tries(), 2)
})

test('stopped: no further try', async t => {
  const { discovery, pass } = start(t)
  discovery.stop()
  assert.equal(await pass(24 * 3600_000), 0)
})
