/** A daemon that stops: what was begun is ended, what was granted can be made use of, and lookups go on meanwhile. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startDaemon } from '../../src/daemon.ts'
import { loadText } from '../support/config.ts'
import { json, startFaultProvider } from '../support/fault-provider.ts'
import { eventually } from '../support/process.ts'
import { connectClient } from '../support/sockets.ts'
import { createListener } from '../support/store.ts'

async function open(t: TestContext) {
  const provider = await startFaultProvider()
  t.after(provider.stop)
  const good = json({ active: true, sub: '1', email: 'alice@example.org' })
  provider.answer(good)
  const { config, folder } = await loadText(
    t,
    `state-dir = "."
    accounts.files = "accounts.jsonl"
    listen.imap = { protocol = "dovecot-auth", path = "auth" }
    listen.sasl = { protocol = "postfix-sasl", path = "sasl" }
    listen.dovecot = { protocol = "dovecot-master", path = "master" }
    listen.maps = { protocol = "postfix-socketmap", path = "map" }
    directory.main = { endpoint.method = "introspect", endpoint.url = "${provider.origin}", auth.method = "user-token" }`,
    { files: { 'accounts.jsonl': '{"address":"alice@example.org"}\n' } },
  )
  assert.ok(config)
  const { log, lines } = createListener()
  const daemon = await startDaemon(config, log)
  t.after(() => daemon.stop())
  const connectTo = (name: string) => connectClient(t, join(folder, name))
  const auth = async (name: string) => {
    const client = await connectTo(name)
    client.socket.write('VERSION\t1\t2\nCPID\t987\n')
    const greeting = await client.receive('DONE\n')
    return {
      ...client,
      cookie: /^COOKIE\t(\S+)/m.exec(greeting)?.[1],
      ask: (id: number, token: string) => {
        const message = Buffer.from(`user=alice@example.org\x01auth=Bearer ${token}\x01\x01`).toString('base64')
        const service = name === 'sasl' ? 'smtp\tnologin' : 'imap'
        client.socket.write(`AUTH\t${id}\tXOAUTH2\tservice=${service}\tresp=${message}\n`)
      },
    }
  }
  return { provider, good, daemon, connectTo, auth, lines }
}

describe('a daemon that stops', () => {
  it('answers what was begun, and lookups until then', async t => {
    const { provider, good, daemon, auth, connectTo, lines } = await open(t)
    const questions: ServerResponse[] = []
    provider.answer(response => questions.push(response))
    const [imap, smtp, idle] = [await auth('auth'), await auth('sasl'), await auth('auth')]
    imap.ask(1, 'one-token')
    const first = await eventually('a question', () => questions[0])
    smtp.ask(1, 'another-token')
    const second = await eventually('another one', () => questions[1])
    const stopped = daemon.stop()
    assert.equal(daemon.status().state, 'stopping')
    await idle.closed
    await assert.rejects(connectTo('auth'), /ENOENT|ECONNREFUSED/, 'nobody else is let in')
    const map = await connectTo('map')
    map.socket.write('25:mailbox alice@example.org,')
    assert.match(await map.receive('alice'), /OK alice@example\.org/)
    json({ active: false })(first)
    good(second)
    await imap.receive('FAIL\t1\tuser=alice@example.org\n')
    await smtp.receive('OK\t1\tuser=alice@example.org\n')
    await Promise.all([imap.closed, smtp.closed, map.closed, stopped])
    assert.deepEqual(lines.at(-1)?.event, 'stopped')
    assert.ok(!lines.some(({ event }) => event === 'late'))
  })

  it('lets mail processes pick up the logins that it has granted', async t => {
    const { daemon, auth, connectTo } = await open(t)
    const imap = await auth('auth')
    imap.ask(7, 'token')
    await imap.receive('OK\t7')
    const stopped = daemon.stop()
    await imap.closed
    // A mail process takes its time, and logins are closed long before.
    await pause(100)
    const master = await connectTo('master')
    master.socket.write(`VERSION\t1\t1\nREQUEST\t1\t987\t7\t${imap.cookie}\tsession_pid=5\n`)
    assert.match(await master.receive('USER'), /USER\t1\talice@example\.org\t/)
    await Promise.all([master.closed, stopped])
  })

  it('waits for no provider when nobody waits for its answer', async t => {
    const { provider, daemon, auth, lines } = await open(t)
    let hangUp = () => {}
    provider.answer(response => {
      hangUp = () => response.destroy()
    })
    const imap = await auth('auth')
    imap.ask(1, 'token')
    await eventually('a question', () => provider.asked.length || undefined)
    imap.socket.destroy()
    await daemon.stop()
    assert.ok(!lines.some(({ event }) => event === 'login'), 'which is not there yet')
    hangUp()
  })
})
