/** One connection over a real Unix socket; the protocol is lines, and the session is the test's. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type Connection, openConnection } from '../../src/net/connection.ts'
import { lines } from '../../src/net/framing.ts'
import { ProtocolError, type Session, type Wire } from '../../src/net/session.ts'
import { stopClock } from '../support/clock.ts'
import { createRecorder } from '../support/log.ts'
import { type Client, connectClient, makeFolder } from '../support/sockets.ts'
import { settle } from '../support/wire.ts'

type Pair = {
  readonly client: Client
  readonly connection: Connection
  /** The server's end. */
  readonly socket: Socket
  readonly wire: Wire
  readonly received: readonly string[]
  /** Times that the session was told of the end. */
  readonly ends: () => number
  readonly closed: Promise<void>
  readonly log: ReturnType<typeof createRecorder>
  /** Resolves when the session has received so many lines. */
  receives(count: number): Promise<void>
}

async function openPair(
  t: TestContext,
  receive: (line: string, wire: Wire) => void = () => {},
  {
    requests = 100,
    greeting = '',
    session = {},
  }: { requests?: number; greeting?: string; session?: Partial<Session<string>> } = {},
): Promise<Pair> {
  const path = join(makeFolder(t), 'socket')
  const server = createServer({ allowHalfOpen: true }).listen(path)
  t.after(() => server.close())
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = await connectClient(t, path)
  const [socket] = await accepted
  t.mock.method(socket, 'end', () => assert.fail('half-closed'))
  const log = createRecorder()
  const received: string[] = []
  let ends = 0
  let wire: Wire | undefined
  let arrived = () => {}
  let closed = () => {}
  const whenClosed = new Promise<void>(resolve => {
    closed = resolve
  })
  const open = (opened: Wire): Session<string> => {
    wire = opened
    if (greeting !== '') opened.send(greeting)
    return {
      receive: line => {
        received.push(line)
        arrived()
        receive(line, opened)
      },
      closed: () => {
        ends++
      },
      ...session,
    }
  }
  const connection = openConnection(
    socket,
    { framer: () => lines({ maxBytes: 100 }), open },
    { listener: 'test', id: 1, requests, log, closed },
  )
  assert.ok(wire)
  const receives = (count: number) =>
    new Promise<void>(resolve => {
      arrived = () => {
        if (received.length >= count) resolve()
      }
      arrived()
    })
  return { client, connection, socket, wire, received, ends: () => ends, closed: whenClosed, log, receives }
}

describe('reading', () => {
  it('hands over frames in order, however they come', async t => {
    const { client, received, receives } = await openPair(t)
    client.socket.write('a\nb\nc')
    await receives(2)
    client.socket.write('c\n')
    await receives(3)
    assert.deepEqual(received, ['a', 'b', 'cc'])
  })

  it('stops while as many requests are at work as the limit allows', async t => {
    const { client, wire, socket, received, receives } = await openPair(t, (_, wire) => wire.begin(), { requests: 2 })
    client.socket.write('1\n2\n3\n4\n')
    await receives(2)
    await settle()
    assert.deepEqual([received.length, socket.isPaused()], [2, true])
    wire.end()
    assert.deepEqual([received.length, socket.isPaused()], [3, true])
    wire.end()
    assert.deepEqual([received.length, socket.isPaused()], [4, false])
    client.socket.write('5\n')
    wire.end()
    await receives(5)
  })

  it('goes on in order when requests end while others are handed over', async t => {
    const { client, received, receives } = await openPair(
      t,
      (_, wire) => {
        wire.begin()
        wire.end()
      },
      { requests: 1 },
    )
    client.socket.write('1\n2\n3\n')
    await receives(3)
    assert.deepEqual(received, ['1', '2', '3'])
  })
})

describe('writing', () => {
  it('greets at once, before the peer says anything', async t => {
    const { client } = await openPair(t, undefined, { greeting: 'hello\n' })
    assert.equal(await client.receive('\n'), 'hello\n')
  })

  it('puts all replies of one turn into one write, those of promises too', async t => {
    const answer = async (line: string, wire: Wire) => {
      await Promise.resolve()
      await Promise.resolve()
      wire.send(`${line}!\n`)
    }
    const { client, socket } = await openPair(t, (line, wire) => void answer(line, wire))
    const write = t.mock.method(socket, 'write')
    client.socket.write('1\n2\n3\n')
    assert.equal(await client.receive('3!\n'), '1!\n2!\n3!\n')
    assert.equal(write.mock.callCount(), 1)
  })

  it('reads nothing while the peer does not take its replies', async t => {
    let taken = Promise.resolve()
    let isTaken = false
    const { client, wire, socket, received, receives } = await openPair(t, (line, wire) => {
      if (line !== 'big') return
      wire.send('x'.repeat(4_000_000))
      taken = wire.drained().then(() => {
        isTaken = true
      })
    })
    client.socket.pause()
    client.socket.write('big\nin the same breath\n')
    await receives(1)
    client.socket.write('later\n')
    await settle()
    assert.deepEqual([received, socket.isPaused(), isTaken], [['big'], true, false])
    client.socket.resume()
    await taken
    await receives(3)
    assert.deepEqual(received, ['big', 'in the same breath', 'later'])
    await wire.drained()
  })

  it('hangs up on a peer that does not take them for 30 s', async t => {
    const clock = stopClock(t)
    const { client, wire, closed, log } = await openPair(t)
    client.socket.pause()
    wire.send('x'.repeat(4_000_000))
    const drained = wire.drained()
    clock.pass(30_000)
    await closed
    await drained
    assert.deepEqual(
      log.lines.map(({ level, event, problem }) => [level, event, problem]),
      [['warn', 'protocol', 'it does not read its replies']],
    )
  })
})

describe('deadlines', () => {
  it('30 s for the first request', async t => {
    const clock = stopClock(t)
    const { client, closed, log } = await openPair(t)
    clock.pass(30_000)
    await Promise.all([client.closed, closed])
    assert.equal(log.lines[0]?.problem, 'a request is not complete after 30 s')
  })

  it('30 s for the rest of a request; none between requests', async t => {
    const clock = stopClock(t)
    const { client, socket, ends, receives, closed } = await openPair(t)
    client.socket.write('1\n')
    await receives(1)
    clock.pass(100_000)
    assert.equal(ends(), 0)
    // A request that is complete gives the next one, begun in the same breath, its own 30 s.
    client.socket.write('2')
    await once(socket, 'data')
    clock.pass(29_000)
    client.socket.write('\n3')
    await receives(2)
    await settle()
    clock.pass(29_000)
    assert.equal(socket.destroyed, false)
    client.socket.write('…')
    await once(socket, 'data')
    clock.pass(1_000)
    await closed
  })

  it('an hour of silence', async t => {
    const { client, socket, closed } = await openPair(t)
    assert.equal(socket.timeout, 3_600_000)
    socket.emit('timeout')
    await Promise.all([client.closed, closed])
  })
})

describe('the end', () => {
  it('comes when the peer hangs up, once', async t => {
    const { client, socket, ends, closed, log } = await openPair(t)
    client.socket.end()
    await closed
    assert.deepEqual([socket.destroyed, ends(), log.lines], [true, 1, []])
  })

  it('comes with an error of the socket, once', async t => {
    const { socket, ends, closed } = await openPair(t)
    socket.destroy(new Error('EPIPE'))
    await closed
    assert.equal(ends(), 1)
  })

  it('comes at once when the session wants it: nothing more is handed over, and nothing sent', async t => {
    const { client, received, ends, closed, log } = await openPair(t, (_, wire) => {
      wire.send('unsent\n')
      wire.destroy('enough')
      wire.send('unsent\n')
      wire.destroy('twice')
    })
    client.socket.write('1\n2\n')
    await Promise.all([client.closed, closed])
    assert.deepEqual([received, ends()], [['1'], 1])
    await assert.rejects(client.receive('unsent'), /closed after: $/)
    assert.deepEqual(
      log.lines.map(({ level, event, why }) => [level, event, why]),
      [['info', 'hang_up', 'enough']],
    )
  })

  it('comes when the peer breaks its protocol, and the log says how', async t => {
    const { client, closed, log } = await openPair(t, () => {
      throw new ProtocolError('no such command')
    })
    client.socket.write('1\n')
    await Promise.all([client.closed, closed])
    const message = 'the peer broke its protocol'
    assert.deepEqual(log.lines, [
      { level: 'warn', event: 'protocol', listener: 'test', connection: 1, problem: 'no such command', message },
    ])
  })

  it('comes when a request is too long', async t => {
    const { client, closed, log } = await openPair(t)
    client.socket.write('x'.repeat(200))
    await Promise.all([client.closed, closed])
    assert.match(String(log.lines[0]?.problem), /longer than/)
  })

  it('comes with a fault of ours, and the log has the stack but not the message', async t => {
    const { client, closed, log } = await openPair(t, line => {
      throw new TypeError(`secret ${line}`)
    })
    client.socket.write('token\n')
    await Promise.all([client.closed, closed])
    const [line] = log.lines
    assert.deepEqual([line?.level, line?.event, line?.error], ['error', 'internal_error', 'TypeError'])
    assert.match(String(line?.stack), /net-connection/)
    assert.doesNotMatch(JSON.stringify(log.lines), /secret|token/)
  })
})

describe('draining', () => {
  it('reads and answers as before; idle is what has been answered', async t => {
    const { client, connection, wire, receives } = await openPair(t, (line, wire) => {
      if (line === 'wait') wire.begin()
      else wire.send(`${line}!\n`)
    })
    connection.drain('begin')
    assert.equal(connection.isIdle(0), true)
    client.socket.write('wait\n')
    await receives(1)
    assert.equal(connection.isIdle(0), false, 'a request is at work')
    client.socket.write('a\n')
    await client.receive('a!\n')
    wire.end()
    assert.equal(connection.isIdle(0), true)
    wire.send('waited\n')
    assert.equal(connection.isIdle(0), false, 'a reply is to be written')
    await client.receive('waited\n')
    assert.equal(connection.isIdle(0), true)
    client.socket.write('b')
    while (connection.isIdle(0)) await settle()
    client.socket.write('\n')
    await client.receive('b!\n')
  })

  it('silence counts from the beginning of it, or from what was heard last', async t => {
    const clock = stopClock(t)
    const { client, connection, receives } = await openPair(t)
    clock.pass(1000)
    connection.drain('begin')
    assert.deepEqual([connection.isIdle(0), connection.isIdle(1)], [true, false])
    clock.pass(100)
    assert.deepEqual([connection.isIdle(100), connection.isIdle(101)], [true, false])
    client.socket.write('a\n')
    await receives(1)
    assert.equal(connection.isIdle(1), false)
    connection.drain('late')
    clock.pass(50)
    assert.deepEqual([connection.isIdle(50), connection.isIdle(51)], [true, false])
  })

  it('the session is told of its phases, may wait for its peer, and learns why its connection ends', async t => {
    const told: unknown[] = []
    let awaits = true
    const { client, connection, closed } = await openPair(t, undefined, {
      session: {
        drain: phase => told.push(phase),
        awaitsPeer: () => awaits,
        closed: drained => told.push(drained),
      },
    })
    connection.drain('begin')
    connection.drain('late')
    assert.equal(connection.isIdle(0), false)
    awaits = false
    assert.equal(connection.isIdle(0), true)
    connection.release()
    assert.equal(connection.isIdle(0), false, 'it is gone')
    await Promise.all([client.closed, closed])
    connection.drain('end')
    assert.deepEqual(told, ['begin', 'late', true])
  })

  it('what a peer has written in this very moment is heard, and answered', async t => {
    const { client, connection } = await openPair(t, (line, wire) => wire.send(`${line}!\n`))
    connection.drain('begin')
    assert.equal(connection.hears(), false)
    client.socket.write('a\n')
    assert.equal(connection.isIdle(0), true, 'the event loop has not looked')
    assert.equal(connection.hears(), true)
    assert.equal(connection.isIdle(0), false)
    await client.receive('a!\n')
    assert.equal(connection.hears(), false)
    client.socket.destroy()
    assert.equal(connection.hears(), false)
  })

  it('a peer that hangs up meanwhile has done so by itself', async t => {
    const told: unknown[] = []
    const session = { closed: (drained?: boolean) => told.push(drained) }
    const { client, connection, closed } = await openPair(t, undefined, { session })
    connection.drain('begin')
    client.socket.destroy()
    await closed
    assert.deepEqual(told, [false])
  })
})
