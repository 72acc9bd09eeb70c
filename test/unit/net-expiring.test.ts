import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createExpiring } from '../../src/net/expiring.ts'
import { stopClock } from '../support/clock.ts'

it('ends each entry after its time, the oldest first', t => {
  const clock = stopClock(t)
  const expired: [number, string][] = []
  const map = createExpiring<string, number>({ afterMs: 100, expired: (value, key) => expired.push([value, key]) })
  map.set('a', 1)
  clock.pass(60)
  map.set('b', 2)
  clock.pass(39)
  assert.deepEqual([map.get('a'), map.get('b'), map.size()], [1, 2, 2])
  clock.pass(1)
  assert.deepEqual(expired, [[1, 'a']])
  clock.pass(60)
  assert.deepEqual(expired, [
    [1, 'a'],
    [2, 'b'],
  ])
  assert.equal(map.size(), 0)
})

it('does not end what was taken, cleared, or set anew', t => {
  const clock = stopClock(t)
  const expired: number[] = []
  const map = createExpiring<string, number>({ afterMs: 100, expired: value => expired.push(value) })
  map.set('a', 1)
  map.set('b', 2)
  assert.equal(map.take('a'), 1)
  assert.equal(map.take('a'), undefined)
  clock.pass(50)
  map.set('b', 3)
  clock.pass(50)
  assert.deepEqual([expired, map.get('b')], [[], 3])
  map.clear()
  clock.pass(1000)
  assert.deepEqual(expired, [])
})

it('ends the others in their time when one is set anew', t => {
  const clock = stopClock(t)
  const expired: string[] = []
  const map = createExpiring<string, number>({ afterMs: 100, expired: (_, key) => expired.push(key) })
  map.set('a', 1)
  map.set('b', 2)
  clock.pass(50)
  map.set('a', 3)
  clock.pass(50)
  assert.deepEqual(expired, ['b'])
  clock.pass(50)
  assert.deepEqual(expired, ['b', 'a'])
})

it('goes on after it was empty', t => {
  const clock = stopClock(t)
  const expired: number[] = []
  const map = createExpiring<string, number>({ afterMs: 100, expired: value => expired.push(value) })
  map.set('a', 1)
  clock.pass(100)
  map.set('b', 2)
  clock.pass(99)
  assert.deepEqual(expired, [1])
  clock.pass(1)
  assert.deepEqual(expired, [1, 2])
})

it('gives up the oldest tenth when it is full', t => {
  stopClock(t)
  const expired: number[] = []
  const map = createExpiring<number, number>({ afterMs: 100, limit: 20, expired: value => expired.push(value) })
  for (let key = 0; key < 21; key++) map.set(key, key)
  assert.deepEqual(expired, [0, 1, 2])
  assert.equal(map.size(), 18)
  assert.equal(map.get(20), 20)
})

it('ends nothing that was taken while another one was ended', t => {
  const clock = stopClock(t)
  const expired: number[] = []
  const map = createExpiring<number, number>({
    afterMs: 100,
    expired: value => {
      expired.push(value)
      if (value !== 1) return
      for (let n = 0; n < 5000; n++) map.set(1000 + n, n)
      map.take(2)
    },
  })
  for (const n of [1, 2, 3]) map.set(n, n)
  clock.pass(100)
  assert.deepEqual(expired, [1, 3])
})

it('keeps what is old, however many come and go', t => {
  stopClock(t)
  const map = createExpiring<number, string>({ afterMs: 100 })
  map.set(0, 'old')
  for (let n = 1; n < 10_000; n++) {
    map.set(n, 'new')
    map.take(n)
  }
  assert.deepEqual([map.get(0), map.size()], ['old', 1])
})

it('gives up all at once, none of which ends by itself then', t => {
  const clock = stopClock(t)
  const expired: number[] = []
  const map = createExpiring<string, number>({ afterMs: 100, expired: value => expired.push(value) })
  map.set('a', 1)
  map.set('b', 2)
  assert.deepEqual(map.takeAll(), [
    ['a', 1],
    ['b', 2],
  ])
  map.set('c', 3)
  clock.pass(100)
  assert.deepEqual([expired, map.takeAll()], [[3], []])
})
