/**
 * A provider that takes no connection, as behind a firewall that drops packets: here one that never answers the TLS
 * handshake. Nothing may pile up.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { createHttp } from '../../src/oidc/http.ts'
import { openProvider } from '../support/asking.ts'
import { asking, directory } from '../support/directory.ts'
import { json, startFaultProvider } from '../support/fault-provider.ts'

const sockets = new Set<Socket>()
const hole = createServer(socket => sockets.add(socket.on('error', () => {})))
hole.listen(0, '127.0.0.1')
await once(hole, 'listening')
const { port } = hole.address() as AddressInfo
after(() => {
  hole.close()
  for (const socket of sockets) socket.destroy()
})
const endpoint = asking('userinfo', `https://127.0.0.1:${port}/me`)
const unavailable = { kind: 'unavailable', source: 'userinfo' }
const times = <T>(count: number, act: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => act(index))
const timedOut = `userinfo at 127.0.0.1:${port}: no answer in time (TIMEOUT)`
const busy = `userinfo at 127.0.0.1:${port}: too many lookups wait for a connection already (BUSY)`

test('lookups wait for a connection: there are at most 4096', async t => {
  const { lookup, states } = openProvider(t, { endpoint, timeoutMs: 1000, connections: 2 })
  for (const verdict of await Promise.all(times(4096 + 100, index => lookup(`token-${index}`))))
    assert.deepEqual(verdict, unavailable)
  assert.deepEqual(states(), [busy, timedOut])
})

test('those that have run out of time still wait for a connection', async t => {
  const config = directory({ timeoutMs: 1000, connections: 2 })
  const { fetch, close } = createHttp(config)
  t.after(close)
  const failures = async (count: number): Promise<Set<string | undefined>> => {
    const asked = times(count, () => fetch(String(endpoint.urls.userinfo), { method: 'GET', headers: {} }))
    const settled = await Promise.allSettled(asked)
    return new Set(settled.map(one => (one.status === 'rejected' ? one.reason.code : undefined)))
  }
  assert.deepEqual(await failures(4096), new Set(['TIMEOUT']))
  assert.deepEqual(await failures(100), new Set(['BUSY']))
})

test('after five lookups without an answer nobody waits any more', async t => {
  const { lookup, states } = openProvider(t, { endpoint, timeoutMs: 1000, connections: 2 })
  await Promise.all(times(5, index => lookup(`token-${index}`)))
  assert.deepEqual(states(), [timedOut])
  // A connection would be tried for: the hole counts them.
  const before = sockets.size
  for (const verdict of await Promise.all(times(100, index => lookup(`token-${index}`))))
    assert.deepEqual(verdict, unavailable)
  assert.equal(sockets.size, before)
})

test('closing waits for nothing that has run out of time', async t => {
  const before = sockets.size
  const { lookup, close } = openProvider(t, { endpoint, timeoutMs: 1000, connections: 2 })
  const verdicts = times(20, index => lookup(`token-${index}`))
  // They have got as far as the queue.
  await new Promise(setImmediate)
  await close()
  for (const verdict of await Promise.all(verdicts)) assert.deepEqual(verdict, unavailable)
  assert.ok(sockets.size - before < 20, 'it has tried again for each')
})

test('who has got a connection waits no more', async t => {
  const server = await startFaultProvider()
  t.after(server.stop)
  server.answer(json({ sub: 'alice' }))
  const endpoint = asking('userinfo', `${server.origin}/me`)
  const { lookup, log } = openProvider(t, { endpoint, timeoutMs: 60_000 })
  for (let i = 0; i < 3; i++) {
    const verdicts = await Promise.all(times(2000, index => lookup(`token-${index}`)))
    assert.ok(verdicts.every(({ kind }) => kind === 'active'))
  }
  assert.deepEqual(log, [])
})
