import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createManager, inheritedSockets, pathOf } from '../../src/net/systemd.ts'
import { eventually } from '../support/process.ts'
import { makeFolder } from '../support/sockets.ts'

describe('sockets from systemd', () => {
  const pid = String(process.pid)

  it('have the names of their units, from descriptor 3 on', () => {
    const env = { LISTEN_PID: pid, LISTEN_FDS: '2', LISTEN_FDNAMES: 'imap:sasl', PATH: '/bin' }
    assert.deepEqual(
      inheritedSockets(env),
      new Map([
        ['imap', 3],
        ['sasl', 4],
      ]),
    )
    assert.deepEqual(env, { PATH: '/bin' })
  })
  it('are not ours if they were meant for another process, which is told to nobody else', () => {
    const env = { LISTEN_PID: '1', LISTEN_FDS: '2', LISTEN_FDNAMES: 'imap:sasl' }
    assert.deepEqual(inheritedSockets(env), new Map())
    assert.deepEqual(env, {})
  })
  it('may be none, or nonsense', () => {
    assert.deepEqual(inheritedSockets({}), new Map())
    assert.deepEqual(inheritedSockets({ LISTEN_PID: pid, LISTEN_FDS: 'x' }), new Map())
  })
  it("without a name of their own are nobody's", () => {
    const env = { LISTEN_PID: pid, LISTEN_FDS: '4', LISTEN_FDNAMES: 'imap:imap' }
    assert.deepEqual(
      [...inheritedSockets(env)],
      [
        ['imap', 3],
        ['imap#2', 4],
        ['unknown', 5],
        ['unknown#2', 6],
      ],
    )
  })
})

describe('the path of a socket', () => {
  it('is told by its descriptor', async t => {
    const path = join(makeFolder(t), 'a socket')
    const server = createServer().listen(path)
    t.after(() => server.close())
    await once(server, 'listening')
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle
    assert.equal(pathOf(fd), path)
  })
  it('is not known of anything else', () => {
    assert.deepEqual([pathOf(0), pathOf(9999)], [undefined, undefined])
  })
})

/** A systemd-notify that takes its time, and what it was told: a line for each call. */
function manager(t: TestContext, script: string, more: NodeJS.ProcessEnv = {}) {
  const folder = makeFolder(t)
  const program = join(folder, 'systemd-notify')
  writeFileSync(program, `#!/bin/sh\n${script}\n`)
  chmodSync(program, 0o755)
  const told = join(folder, 'told')
  writeFileSync(told, '')
  const env = { NOTIFY_SOCKET: told, PATH: `${folder}:${process.env.PATH}`, ...more }
  return { ...createManager(env), told: () => readFileSync(told, 'utf8').split('\n').slice(0, -1) }
}

const write = 'echo "$@" >> "$NOTIFY_SOCKET"'

describe('the manager', () => {
  it('is told nothing where there is none', async () => {
    assert.equal(await createManager({ PATH: '/nowhere' }).tell('READY=1'), true)
  })
  it('is told by systemd-notify', async t => {
    const { tell, told } = manager(t, write)
    assert.equal(await tell('READY=1', 'STATUS=3 accounts, 2 listeners'), true)
    assert.deepEqual(told(), ['READY=1 STATUS=3 accounts, 2 listeners'])
  })
  it('is told everything in its order, however long one message takes', async t => {
    const { tell, told } = manager(t, `case "$1" in RELOADING=1) sleep 0.2;; esac; ${write}`)
    await Promise.all([tell('RELOADING=1'), tell('READY=1')])
    assert.deepEqual(told(), ['RELOADING=1', 'READY=1'])
  })
  it('that can not be told is no reason to throw, and the next message goes out', async t => {
    const { tell, told } = manager(t, `[ "$1" = READY=1 ] && exit 1; ${write}`)
    assert.deepEqual(await Promise.all([tell('READY=1'), tell('STOPPING=1')]), [false, true])
    assert.deepEqual(told(), ['STOPPING=1'])
    assert.equal(await createManager({ NOTIFY_SOCKET: '/nowhere', PATH: '/nowhere' }).tell('READY=1'), false)
  })
})

describe('the watchdog', () => {
  const heard = (told: () => string[], count: number) =>
    eventually(`${count} messages`, () => (told().length >= count ? told() : undefined))

  it('is told three times in its interval, with the status', async t => {
    const { watchdog, told } = manager(t, write, { WATCHDOG_USEC: '60000', WATCHDOG_PID: String(process.pid) })
    t.after(watchdog(() => 'fine'))
    assert.deepEqual((await heard(told, 3)).slice(0, 3), Array(3).fill('WATCHDOG=1 STATUS=fine'))
  })
  it('is told by one process at a time', async t => {
    const { watchdog, told } = manager(t, `${write}; sleep 0.3; echo done >> "$NOTIFY_SOCKET"`, {
      WATCHDOG_USEC: '30000',
    })
    t.after(watchdog(() => 'slow'))
    const lines = (await heard(told, 4)).slice(0, 4)
    assert.deepEqual(lines, ['WATCHDOG=1 STATUS=slow', 'done', 'WATCHDOG=1 STATUS=slow', 'done'])
  })
  it('of another process, or none, is left alone', t => {
    const interval = t.mock.method(globalThis, 'setInterval', () => assert.fail('a timer'))
    const none = [{}, { WATCHDOG_USEC: '60000', WATCHDOG_PID: '1' }, { WATCHDOG_USEC: '0' }, { WATCHDOG_USEC: 'x' }]
    for (const env of none) createManager({ NOTIFY_SOCKET: '/nowhere', ...env }).watchdog(() => '')()
    createManager({ WATCHDOG_USEC: '60000' }).watchdog(() => '')()
    assert.equal(interval.mock.callCount(), 0)
  })
})
