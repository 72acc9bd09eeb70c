/** What is known of a provider from asking it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContact } from '../../src/oidc/contact.ts'
import { Fault } from '../../src/oidc/fault.ts'
import type { Telemetry } from '../../src/telemetry.ts'

function open() {
  const clock = { ms: Date.parse('2026-11-21T08:00:00.000Z') }
  const told: string[] = []
  const telemetry: Telemetry = {
    login: () => {},
    lookup: () => {},
    asking: (directory, request) => outcome => told.push(`${directory} ${request} ${outcome}`),
    skipped: (directory, request) => told.push(`${directory} ${request} skipped`),
  }
  const contact = createContact('main', telemetry, () => clock.ms)
  return {
    ...contact,
    told,
    pass: (minutes: number) => {
      clock.ms += minutes * 60_000
    },
    succeed: (request: 'introspect' | 'keys' = 'introspect') => contact.watch(request, request, async () => 'answer'),
    fail: (code: string, request: 'introspect' | 'keys' = 'introspect') =>
      assert.rejects(
        contact.watch(request, `${request} at idp.example.org`, () => Promise.reject(new Fault(code))),
        Fault,
      ),
  }
}
const refused = {
  cause: 'introspect at idp.example.org: the connection is refused (ECONNREFUSED)',
  cure: 'Check that the provider runs, and the port.',
}

test('nothing, before it is asked', () => {
  assert.deepEqual(open().status(), {
    state: 'unknown',
    lastSuccess: undefined,
    lastError: undefined,
    failingSince: undefined,
    inFlight: 0,
  })
})

test('it fails since the first failure of a row, and the last error stays when it is back', async () => {
  const { succeed, fail, pass, status } = open()
  assert.equal(await succeed(), 'answer')
  pass(1)
  await fail('HTTP 500')
  pass(1)
  await fail('ECONNREFUSED')
  const time = '2026-11-21T08:02:00.000Z'
  const down = { lastError: { time, ...refused }, inFlight: 0 }
  const since = { state: 'failing', lastSuccess: '2026-11-21T08:00:00.000Z', failingSince: '2026-11-21T08:01:00.000Z' }
  assert.deepEqual(status(), { ...down, ...since })
  pass(1)
  await succeed()
  const back = { state: 'ok', lastSuccess: '2026-11-21T08:03:00.000Z', failingSince: undefined }
  assert.deepEqual(status(), { ...down, ...back })
})

test('keys that can not be fetched are not made good by other answers', async () => {
  const { succeed, fail, status } = open()
  await fail('NO_KEYS', 'keys')
  await succeed()
  assert.equal(status().state, 'failing')
  await succeed('keys')
  assert.equal(status().state, 'ok')
})

test('requests in flight are counted until they end, in either way', async () => {
  const { watch, status } = open()
  let end = (): void => {}
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const both = [
    watch('userinfo', 'userinfo', () => ended),
    watch('keys', 'keys', () => ended.then(() => Promise.reject(new Fault('TIMEOUT')))),
  ]
  assert.equal(status().inFlight, 2)
  end()
  await Promise.allSettled(both)
  assert.equal(status().inFlight, 0)
})

test('a budget that several requests used up together is an error, though each was answered', async () => {
  const { succeed, failed, status } = open()
  await succeed()
  failed('introspect and userinfo', new Fault('TIMEOUT'))
  const { state, lastError } = status()
  assert.equal(state, 'ok')
  assert.match(lastError?.cause ?? '', /^introspect and userinfo: /)
})

test('each request is told with its outcome', async () => {
  const { succeed, fail, skipped, told } = open()
  await succeed()
  await fail('HTTP 500')
  skipped('introspect')
  assert.deepEqual(told, ['main introspect answered', 'main introspect failed', 'main introspect skipped'])
})
