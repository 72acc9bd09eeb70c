/** [http]: what is answered, to whom, and what a client can't do to it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext, test } from 'node:test'
import type { HttpConfig } from '../../src/config/config.ts'
import { openHttp } from '../../src/monitor/http.ts'
import type { Status } from '../../src/status.ts'
import { ask } from '../support/http.ts'
import { createRecorder } from '../support/log.ts'
import { eventually } from '../support/process.ts'
import { makeFolder } from '../support/sockets.ts'
import { well } from '../support/status.ts'

const anyPort: HttpConfig = { kind: 'tcp', host: '127.0.0.1', port: 0 }

async function open(t: TestContext, config: HttpConfig = anyPort, read = async () => 'some_metric 1\n') {
  const site: { status: Status } = { status: well }
  const log = createRecorder()
  const metrics = { read, contentType: 'text/plain; version=0.0.4; charset=utf-8' }
  const endpoint = await openHttp(config, { status: () => site.status, metrics }, log)
  t.after(() => endpoint.close())
  const at = typeof endpoint.address === 'string' ? endpoint.address : (endpoint.address?.port ?? 0)
  return { site, log, at, endpoint, get: (path: string, asked = {}) => ask(at, path, asked) }
}

describe('GET', () => {
  it('/metrics has what the registry says, in its type', async t => {
    const { get } = await open(t)
    const { code, headers, body } = await get('/metrics?name[]=all')
    assert.deepEqual([code, body], [200, 'some_metric 1\n'])
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
    assert.equal(headers.connection, 'close')
  })

  it('/healthz is ok whatever the state', async t => {
    const { get, site } = await open(t)
    site.status = { ...well, state: 'stopping', accounts: { ...well.accounts, count: undefined } }
    const { code, body } = await get('/healthz')
    assert.deepEqual([code, body], [200, 'ok\n'])
  })

  it('/readyz is ok while a provider is down', async t => {
    const { get, site } = await open(t)
    const [main] = well.directories
    assert.ok(main)
    site.status = { ...well, directories: [{ ...main, provider: { ...main.provider, state: 'failing' } }] }
    const { code, body } = await get('/readyz')
    assert.deepEqual([code, body], [200, 'ok\n'])
  })

  it('/readyz is 503 with every reason', async t => {
    const { get, site } = await open(t)
    site.status = {
      ...well,
      state: 'starting',
      listeners: well.listeners.map(listener => ({ ...listener, open: listener.name !== 'imap' })),
      accounts: { ...well.accounts, count: undefined },
    }
    const { code, body } = await get('/readyz')
    assert.equal(code, 503)
    assert.deepEqual(body.split('\n'), [
      'bearerd is starting',
      'listen.imap is not open',
      'no accounts are loaded; "bearerd check" says why',
      '',
    ])
  })

  it('/readyz is ready with accounts that are none yet, where they come by themselves', async t => {
    const { get, site } = await open(t)
    site.status = { ...well, accounts: { ...well.accounts, count: 0 } }
    assert.equal((await get('/readyz')).code, 200)
  })
})

test('HEAD is GET without the body', async t => {
  const { get } = await open(t)
  const { code, headers, body } = await get('/metrics', { method: 'HEAD' })
  assert.deepEqual([code, headers['content-length'], body], [200, '14', ''])
})

test('everything else is 404 or 405', async t => {
  const { get } = await open(t)
  for (const path of ['/', '/metrics/', '/status', '//metrics', '/metrics%00', '/..%2fmetrics'])
    assert.equal((await get(path)).code, 404, path)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
    const { code, headers } = await get('/metrics', { method })
    assert.deepEqual([code, headers.allow], [405, 'GET, HEAD'], method)
  }
})

test('a fault in reading the metrics is 500, and in the log', async t => {
  const { get, log } = await open(t, anyPort, () => Promise.reject(new Error('with a secret')))
  const { code, body } = await get('/metrics')
  assert.equal(code, 500)
  assert.ok(!body.includes('secret') && !JSON.stringify(log.lines).includes('secret'))
  assert.deepEqual(
    log.lines.map(({ level, event }) => [level, event]),
    [['error', 'fault']],
  )
})

test('a request that is too long is refused', async t => {
  const { get } = await open(t)
  assert.equal((await get('/metrics', { headers: { cookie: 'c'.repeat(9_000) } })).code, 431)
})

test('one answer a connection', async t => {
  const { at } = await open(t)
  const socket = connect(Number(at), '127.0.0.1')
  const two = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2)
  socket.write(two)
  let received = ''
  socket.on('data', bytes => {
    received += bytes
  })
  await once(socket, 'end')
  assert.equal(received.match(/HTTP\/1\.1 200/g)?.length, 1)
  socket.destroy()
})

for (const [version, header] of [
  ['1.1', 'Host: a'],
  ['1.0', 'Connection: keep-alive'],
])
  test(`of a thousand requests in one packet (HTTP/${version}) one is worked on`, async t => {
    let reads = 0
    const { at } = await open(t, anyPort, async () => `some_metric ${++reads}\n`)
    const socket = connect(Number(at), '127.0.0.1')
    socket.resume().write(`GET /metrics HTTP/${version}\r\n${header}\r\n\r\n`.repeat(1_000))
    await once(socket, 'close')
    assert.equal(reads, 1)
  })

test('who asks for the metrics while others wait for them gets what they get, and no old ones', async t => {
  let reads = 0
  let finish = (_: string) => {}
  const reading = () => new Promise<string>(resolve => (finish = resolve))
  const { get } = await open(t, anyPort, () => {
    reads++
    return reading()
  })
  const first = get('/metrics')
  await eventually('a reading', () => reads === 1 || undefined)
  const others = [get('/metrics'), get('/metrics'), get('/metrics')]
  // Each has been heard when one who came later has its answer.
  await get('/healthz')
  assert.equal(reads, 1)
  finish('first\n')
  assert.equal((await first).body, 'first\n')
  await eventually('another reading', () => reads === 2 || undefined)
  finish('second\n')
  for (const other of others) assert.equal((await other).body, 'second\n')
  assert.equal(reads, 2)
})

test('closing waits for nobody who is connected and says nothing', async t => {
  const { at, endpoint } = await open(t)
  const socket = connect(Number(at), '127.0.0.1')
  await once(socket, 'connect')
  // That the server has it shows in the answer to one who came later.
  await ask(at, '/healthz')
  const ended = once(socket, 'close')
  socket.resume()
  await endpoint.close()
  await ended
})

test('an address that is taken is named, with the key', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as AddressInfo
  await assert.rejects(openHttp({ ...anyPort, port }, noServices, createRecorder()), {
    name: 'ListenError',
    message: `http.listen: can't listen on 127.0.0.1, port ${port} (EADDRINUSE): something listens there already: choose another port; if it is bearerd itself at another address, restart it`,
  })
  await assert.rejects(openHttp({ kind: 'tcp', host: '192.0.2.1', port: 9323 }, noServices, createRecorder()), {
    message: "http.listen: can't listen on 192.0.2.1, port 9323 (EADDRNOTAVAIL): this machine has no such address",
  })
})

const noServices = { status: () => well, metrics: { read: async () => '', contentType: '' } }

describe('a Unix socket', () => {
  it('is for everybody who may enter its directory, and gone afterwards', async t => {
    const path = join(makeFolder(t), 'metrics.sock')
    const { get, endpoint } = await open(t, { kind: 'unix', path })
    assert.equal(statSync(path).mode & 0o777, 0o666)
    assert.equal((await get('/healthz')).body, 'ok\n')
    await endpoint.close()
    assert.ok(!existsSync(path))
  })

  it('replaces one that nobody listens on any more, and nothing else', async t => {
    const folder = makeFolder(t)
    const file = join(folder, 'file')
    writeFileSync(file, 'precious')
    await assert.rejects(open(t, { kind: 'unix', path: file }), {
      message: `http.listen: ${file} exists and is no socket; remove it, or choose another path`,
    })
    const path = join(folder, 'metrics.sock')
    await open(t, { kind: 'unix', path })
    await assert.rejects(open(t, { kind: 'unix', path }), /http\.listen: another process listens on/)
  })
})
