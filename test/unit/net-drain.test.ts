/** The order in which connections end; the connections are the test's, and time passes as it says. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Connection } from '../../src/net/connection.ts'
import { drain } from '../../src/net/drain.ts'
import { stopClock } from '../support/clock.ts'

type Fake = { busy: boolean; quietMs: number; unread?: number }

const times = { quietMs: 100, lateMs: 1000, endMs: 2000 }

/** Names of connections → what holds them up. What happens is noted, with the time and, of releases, the turn of the loop. */
function setUp(t: TestContext, fakes: Record<string, Fake>) {
  const clock = stopClock(t)
  const connections = new Set<Connection>()
  const events: string[] = []
  let turns = 0
  for (const [name, fake] of Object.entries(fakes)) {
    let released = false
    const connection: Connection = {
      drain: phase => events.push(`${performance.now()} ${phase} ${name}`),
      isIdle: quietMs => !fake.busy && !released && quietMs <= fake.quietMs,
      hears: () => {
        if (!fake.unread) return false
        fake.unread--
        events.push(`${performance.now()} hear ${name}`)
        return true
      },
      release: () => {
        released = true
        events.push(`${performance.now()} release ${name}`)
        turnsOf.push(turns)
        setImmediate(() => connections.delete(connection))
      },
    }
    connections.add(connection)
  }
  const turnsOf: number[] = []
  let done = false
  const drained = drain(connections, times).then(() => {
    done = true
  })
  /** Lets the loop turn, and time pass between. */
  const run = async (untilMs: number) => {
    for (;;) {
      for (let turn = 0; turn < 20; turn++) {
        turns++
        await new Promise(resolve => setImmediate(resolve))
      }
      if (done || performance.now() >= untilMs) return
      clock.pass(10)
    }
  }
  return { clock, connections, events, drained, run, isDone: () => done, turnsOf }
}

describe('drain', () => {
  it('ends idle connections one in a turn of the event loop', async t => {
    const idle = { busy: false, quietMs: 100 }
    const { events, run, isDone, turnsOf } = setUp(t, { a: idle, b: idle, c: idle })
    await run(20)
    assert.deepEqual(events.slice(3), ['0 release a', '0 release b', '0 release c'])
    assert.equal(new Set(turnsOf).size, 3, String(turnsOf))
    assert.equal(isDone(), true)
  })

  it('ends none that is heard of at the last moment', async t => {
    const late = { busy: false, quietMs: 100, unread: 3 }
    const { events, run, isDone } = setUp(t, { late })
    await run(20)
    assert.deepEqual(events, ['0 begin late', '0 hear late', '0 hear late', '0 hear late', '0 release late'])
    assert.equal(isDone(), true)
  })

  it('waits for silence, but not for ever', async t => {
    const quiet = { busy: false, quietMs: 0 }
    const { events, run } = setUp(t, { chatty: { busy: false, quietMs: 0 }, quiet })
    await run(200)
    assert.deepEqual(events, ['0 begin chatty', '0 begin quiet'])
    quiet.quietMs = 100
    await run(400)
    assert.deepEqual(events.slice(2), ['210 release quiet'])
    await run(1000)
    assert.deepEqual(events.slice(3), ['500 release chatty'])
  })

  it('waits for what is at work, says when it is late, and gives up at the end', async t => {
    const slow = { busy: true, quietMs: 0 }
    const { connections, events, run, isDone, drained } = setUp(t, { slow, stuck: { busy: true, quietMs: 0 } })
    await run(1500)
    assert.deepEqual(events.slice(2), ['1000 late slow', '1000 late stuck'])
    slow.busy = false
    await run(1900)
    assert.deepEqual(events.slice(4), ['1510 release slow'])
    await run(2200)
    assert.deepEqual(events.slice(5), ['2000 end stuck'])
    assert.equal(isDone(), false, 'the last replies are being written')
    await run(2300)
    await drained
    assert.equal(connections.size, 1, 'left to whoever called')
  })
})
