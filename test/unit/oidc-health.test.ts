/** What the log says of a provider that fails now and then. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../../src/oidc/fault.ts'
import { createHealth } from '../../src/oidc/health.ts'
import { createRecorder } from '../support/log.ts'

function watch() {
  const clock = { ms: 0 }
  const { lines, ...log } = createRecorder()
  const { ok, failing, close } = createHealth('main', log, () => clock.ms)
  return {
    clock,
    ok,
    close,
    fail: (code: string) => failing('userinfo', new Fault(code)),
    said: () => lines.map(({ state, cause, downMs }) => (state === 'ok' ? `ok ${downMs}` : cause)),
  }
}
const refused = 'userinfo: the connection is refused (ECONNREFUSED)'
const failed = 'userinfo: the provider has failed (HTTP 500)'

test('an outage is told once, and its end', () => {
  const { clock, ok, fail, said } = watch()
  ok()
  for (clock.ms = 0; clock.ms < 600_000; clock.ms += 1000) fail('ECONNREFUSED')
  assert.deepEqual(said(), [refused])
  fail('HTTP 500')
  fail('ECONNREFUSED')
  ok()
  ok()
  assert.deepEqual(said(), [refused, failed, 'ok 600000'])
})

test('a token that provokes a fault, among good ones, costs two lines a minute at most', () => {
  const { clock, ok, fail, said } = watch()
  for (; clock.ms < 60_000; clock.ms += 10) {
    fail('HTTP 500')
    ok()
  }
  assert.deepEqual(said(), [failed, 'ok 0'])
  fail('HTTP 500')
  ok()
  assert.deepEqual(said(), [failed, 'ok 0', failed, 'ok 0'])
})

test('an outage that begins right after another is told a minute after that one', () => {
  const { clock, ok, fail, said } = watch()
  fail('ECONNREFUSED')
  clock.ms = 1000
  ok()
  assert.deepEqual(said(), [refused, 'ok 1000'])
  for (clock.ms = 2000; clock.ms < 60_000; clock.ms += 1000) fail('ECONNREFUSED')
  assert.deepEqual(said(), [refused, 'ok 1000'])
  for (; clock.ms < 200_000; clock.ms += 1000) fail('ECONNREFUSED')
  ok()
  assert.deepEqual(said(), [refused, 'ok 1000', refused, 'ok 198000'])
})

test('another cause is told at once', () => {
  const { ok, fail, said } = watch()
  fail('ECONNREFUSED')
  ok()
  fail('HTTP 500')
  ok()
  assert.deepEqual(said(), [refused, 'ok 0', failed, 'ok 0'])
})

test('nothing is told once it is closed, neither of an outage nor of its end', () => {
  const { ok, fail, close, said } = watch()
  fail('ECONNREFUSED')
  close()
  ok()
  fail('HTTP 500')
  assert.deepEqual(said(), [refused])
})
