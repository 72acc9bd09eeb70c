import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { inheritedSockets, notify } from '../../src/net/systemd.ts'

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

describe('notify', () => {
  const { NOTIFY_SOCKET, PATH } = process.env
  const restore = () => {
    if (NOTIFY_SOCKET === undefined) delete process.env.NOTIFY_SOCKET
    else process.env.NOTIFY_SOCKET = NOTIFY_SOCKET
    process.env.PATH = PATH
  }

  it('says nothing without a manager', async t => {
    t.after(restore)
    delete process.env.NOTIFY_SOCKET
    process.env.PATH = '/nowhere'
    assert.equal(await notify('READY=1'), true)
  })
  it('lets systemd-notify carry the message', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'bearerd-'))
    t.after(() => {
      restore()
      rmSync(folder, { recursive: true })
    })
    const program = join(folder, 'systemd-notify')
    writeFileSync(program, '#!/bin/sh\necho "$@" > "$NOTIFY_SOCKET"\n')
    chmodSync(program, 0o755)
    process.env.NOTIFY_SOCKET = join(folder, 'told')
    process.env.PATH = `${folder}:${PATH}`
    assert.equal(await notify('READY=1', 'STATUS=ready'), true)
    assert.equal(readFileSync(join(folder, 'told'), 'utf8'), 'READY=1 STATUS=ready\n')
  })
  it('never throws', async t => {
    t.after(restore)
    process.env.NOTIFY_SOCKET = '/nowhere'
    process.env.PATH = '/nowhere'
    assert.equal(await notify('READY=1'), false)
  })
})
