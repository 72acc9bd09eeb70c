import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { basename, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { ListenerConfig } from '../../src/config/config.ts'
import { ListenError } from '../../src/net/bind.ts'
import { lines } from '../../src/net/framing.ts'
import { type Listener, listen } from '../../src/net/listener.ts'
import type { Dialect } from '../../src/net/session.ts'
import { createRecorder } from '../support/log.ts'
import { connectClient, makeFolder } from '../support/sockets.ts'
import { settle } from '../support/wire.ts'

const limits = { connections: 10, requests: 10, tokenBytes: 100 }

/** "wait" is at work until `finish`; everything else is answered at once. */
function createDialect(waits: (finish: () => void) => void = () => {}): Dialect<string> {
  return {
    framer: () => lines({ maxBytes: 100 }),
    open: wire => ({
      receive: line => {
        if (line !== 'wait') wire.send(`${line}!\n`)
        else {
          wire.begin()
          waits(() => {
            wire.end()
            wire.send('waited\n')
          })
        }
      },
      closed: () => {},
    }),
  }
}

function config(path: string, more: Partial<ListenerConfig> = {}): ListenerConfig {
  return {
    name: 'imap',
    protocol: 'dovecot-auth',
    path,
    mode: 0o660,
    group: undefined,
    xoauth2Challenge: 'auto',
    ...more,
  }
}

async function open(
  t: TestContext,
  given: ListenerConfig,
  { connections = 10, log = createRecorder(), dialect = createDialect() } = {},
): Promise<Listener> {
  const listener = await listen(given, dialect, { ...limits, connections }, log, undefined)
  t.after(() => listener.close())
  return listener
}

const refuses = (t: TestContext, given: ListenerConfig, message: RegExp) =>
  assert.rejects(open(t, given), error => error instanceof ListenError && message.test(error.message))

/** A socket file that nobody listens on. Closing a server removes the path that it was bound to, not the renamed file. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer().listen(`${path}.bound`)
  await once(server, 'listening')
  renameSync(`${path}.bound`, path)
  server.close()
  await once(server, 'close')
}

describe('a socket by path', () => {
  it('serves, with its mode, and is gone after it is closed', async t => {
    const path = join(makeFolder(t), 'socket')
    const umask = process.umask()
    const listener = await open(t, config(path, { mode: 0o640 }))
    assert.equal(statSync(path).mode & 0o777, 0o640)
    assert.equal(process.umask(), umask)
    const client = await connectClient(t, path)
    client.socket.write('a\n')
    assert.equal(await client.receive('\n'), 'a!\n')
    assert.equal(listener.status().connections, 1)
    await listener.close()
    await client.closed
    assert.equal(existsSync(path), false)
  })

  it("is nobody's but ours until it has its group and its mode", async t => {
    const path = join(makeFolder(t), 'socket')
    const { umask } = process
    const seen: number[] = []
    t.mock.method(process, 'umask', (mask: number) => {
      if (existsSync(path)) seen.push(statSync(path).mode & 0o777)
      return umask.call(process, mask)
    })
    await open(t, config(path, { mode: 0o666 }))
    assert.deepEqual(seen, [0o600])
    assert.equal(statSync(path).mode & 0o777, 0o666)
  })

  it('belongs to its group, by name or number', async t => {
    const gid = process.getegid?.() ?? 0
    const name = spawnSync('getent', ['group', String(gid)], { encoding: 'utf8' }).stdout.split(':')[0] ?? ''
    for (const group of [name, String(gid)]) {
      const path = join(makeFolder(t), 'socket')
      await open(t, config(path, { group }))
      assert.equal(statSync(path).gid, gid)
    }
  })

  it('needs a group that exists', t =>
    refuses(t, config(join(makeFolder(t), 'socket'), { group: 'no-such-group' }), /group no-such-group does not exist/))

  it('needs a directory', t =>
    refuses(t, config(join(makeFolder(t), 'nowhere/socket')), /nowhere does not exist; create it/))

  it('has at most 107 bytes', async t => {
    const folder = makeFolder(t)
    const fitting = join(folder, 'x'.repeat(107 - folder.length - 1))
    await open(t, config(fitting))
    await refuses(t, config(`${fitting}x`), /longer than 107 bytes/)
  })
})

describe('a path where something is already', () => {
  it('is taken over from a process that is gone', async t => {
    const path = join(makeFolder(t), 'socket')
    await leaveStale(path)
    await open(t, config(path))
    const client = await connectClient(t, path)
    client.socket.write('a\n')
    await client.receive('a!')
  })

  it("is left where bearerd's user may not ask who listens", {
    skip: process.getuid?.() !== 0 && 'only root can act as others',
  }, async t => {
    const folder = makeFolder(t)
    chmodSync(folder, 0o777)
    const path = join(folder, 'socket')
    await leaveStale(path)
    chmodSync(path, 0o600)
    const module = new URL('../../src/net/bind.ts', import.meta.url).href
    const place = JSON.stringify({ key: 'listen.imap', path, mode: 0o660 })
    const code = `import { createServer } from 'node:net'
import { bind } from '${module}'
await bind(createServer(), ${place}).catch(({ message }) => console.log(message))`
    const args = ['--import', 'tsx', '--input-type=module', '--eval', code]
    const { stdout, stderr } = spawnSync(process.execPath, args, { uid: 65_534, gid: 65_534, encoding: 'utf8' })
    assert.equal(
      stdout,
      `listen.imap: can't listen on ${path} (EADDRINUSE); a socket that is not bearerd's is there. If it is that of a socket unit: enable the unit, then "systemctl restart bearerd.target"\n`,
      stderr,
    )
    assert.ok(existsSync(path))
  })

  it('is left to a process that listens', async t => {
    const path = join(makeFolder(t), 'socket')
    await open(t, config(path))
    await refuses(t, config(path, { mode: 0o666 }), /another process listens/)
    assert.equal(statSync(path).mode & 0o777, 0o660)
    const client = await connectClient(t, path)
    client.socket.write('a\n')
    await client.receive('a!')
  })

  it('is left to a file', async t => {
    const path = join(makeFolder(t), 'socket')
    writeFileSync(path, 'precious')
    await refuses(t, config(path), /exists and is no socket/)
    assert.equal(existsSync(path), true)
  })
})

describe('connections', () => {
  it('are refused beyond the limit, which is logged when it begins and ends', async t => {
    const path = join(makeFolder(t), 'socket')
    const log = createRecorder()
    const listener = await open(t, config(path), { connections: 1, log })
    const first = await connectClient(t, path)
    first.socket.write('a\n')
    await first.receive('a!')
    for (let count = 0; count < 3; count++) await (await connectClient(t, path)).closed
    assert.equal(listener.status().connections, 1)
    first.socket.destroy()
    while (listener.status().connections > 0) await settle()
    const next = await connectClient(t, path)
    next.socket.write('b\n')
    await next.receive('b!')
    assert.deepEqual(
      log.lines.map(({ level, event }) => [level, event]),
      [
        ['warn', 'refusing'],
        ['info', 'accepting'],
      ],
    )
  })

  it('at work may finish when the listener closes; idle ones end, new ones are not accepted', async t => {
    const path = join(makeFolder(t), 'socket')
    let finish = () => {}
    const dialect = createDialect(waiting => {
      finish = waiting
    })
    const listener = await open(t, config(path), { dialect })
    const [idle, busy] = [await connectClient(t, path), await connectClient(t, path)]
    busy.socket.write('hello\nwait\n')
    await busy.receive('hello!')
    const closed = listener.close({ quietMs: 0, lateMs: 60_000, endMs: 60_000 })
    await idle.closed
    assert.deepEqual([existsSync(path), listener.status().connections], [false, 1])
    finish()
    await busy.receive('waited')
    await busy.closed
    await closed
  })

  it('that take too long to finish are ended, and told that it was not the peer', async t => {
    const path = join(makeFolder(t), 'socket')
    const ends: (boolean | undefined)[] = []
    const { framer, open: serve } = createDialect()
    const dialect: Dialect<string> = {
      framer,
      open: wire => ({ ...serve(wire), closed: drained => ends.push(drained) }),
    }
    const listener = await open(t, config(path), { dialect })
    const busy = await connectClient(t, path)
    busy.socket.write('hello\nwait\n')
    await busy.receive('hello!')
    await listener.close({ quietMs: 0, lateMs: 1, endMs: 1 })
    await busy.closed
    assert.deepEqual(ends, [true])
  })

  it('may wait by the hundred while the event loop is busy', async t => {
    const path = join(makeFolder(t), 'socket')
    await open(t, config(path), { connections: 1000 })
    const most = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'))
    // Node connects at once, and nobody can accept before this turn ends.
    const sockets = Array.from({ length: Math.min(most, 900) }, () => connect(path))
    t.after(() => sockets.map(socket => socket.destroy()))
    await Promise.all(sockets.map(socket => once(socket, 'connect')))
  })
})

describe('what is served', () => {
  const shouting: Dialect<string> = {
    framer: () => lines({ maxBytes: 100 }),
    open: wire => ({ receive: line => wire.send(`${line.toUpperCase()}!\n`), closed: () => {} }),
  }

  it('can change for connections that come later, and those that are open stay as they are', async t => {
    const path = join(makeFolder(t), 'socket')
    const listener = await open(t, config(path))
    const before = await connectClient(t, path)
    before.socket.write('a\n')
    await before.receive('a!')
    listener.serve(config(path, { name: 'renamed' }), shouting, { ...limits, connections: 2 })
    before.socket.write('b\n')
    await before.receive('b!')
    const after = await connectClient(t, path)
    after.socket.write('c\n')
    await after.receive('C!')
    await (await connectClient(t, path)).closed
    const status = { name: 'renamed', protocol: 'dovecot-auth', path, inherited: false, open: true }
    assert.deepEqual(listener.status(), { ...status, connections: 2, refusing: true })
  })

  it('can be at a socket with another mode', async t => {
    const path = join(makeFolder(t), 'socket')
    const listener = await open(t, config(path, { mode: 0o600 }))
    await listener.permit(config(path, { mode: 0o666 }))
    assert.equal(statSync(path).mode & 0o777, 0o666)
    const unknown = config(path, { group: 'no-such-group' })
    await assert.rejects(listener.permit(unknown), /listen\.imap: group no-such-group does not exist/)
  })
})

describe('a socket from systemd', () => {
  it('is served as it is, and stays when the listener closes', async t => {
    const folder = makeFolder(t)
    const path = join(folder, 'socket')
    const server = createServer().listen(`${path}.bound`)
    await once(server, 'listening')
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle
    const program = new URL('../support/inherited-listener.ts', import.meta.url).pathname
    const child = spawn(process.execPath, ['--import', 'tsx', program], { stdio: ['pipe', 'inherit', 'inherit', fd] })
    t.after(() => child.kill())
    renameSync(`${path}.bound`, path)
    server.close()
    const client = await connectClient(t, path)
    client.socket.write('a\n')
    await client.receive('a!')
    child.stdin?.write('close\n')
    const [code] = await once(child, 'exit')
    assert.deepEqual([code, existsSync(path)], [0, true], basename(path))
  })

  it('must be one', async () => {
    const given = config('/nowhere')
    await assert.rejects(listen(given, createDialect(), limits, createRecorder(), 999), ListenError)
  })
})
