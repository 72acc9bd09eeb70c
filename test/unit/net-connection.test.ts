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
  { requests = 100, greeting = '' } = {},
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
  it('ends a connection that has nothing to do', async t => {
    const { client, connection, closed } = await openPair(t)
    connection.drain()
    await Promise.all([client.closed, closed])
  })

  it('lets requests at work finish, sends their replies, and begins no others', async t => {
    const { client, connection, wire, received, receives, closed } = await openPair(t, (_, wire) => wire.begin())
    client.socket.write('1\n2\n')
    await receives(2)
    connection.drain()
    client.socket.write('3\n')
    wire.end()
    wire.send('two\n')
    await client.receive('two\n')
    wire.end()
    wire.send(`${'x'.repeat(1_000_000)}one\n`)
    await client.receive('one\n')
    await Promise.all([client.closed, closed])
    assert.deepEqual(received, ['1', '2'])
  })
})
