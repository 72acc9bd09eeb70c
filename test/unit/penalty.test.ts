import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPenalty } from '../../src/auth/penalty.ts'

const eve = { remoteAddress: '198.51.100.7', name: 'eve@example.org' }

function failed(times: number, who = eve) {
  const penalty = createPenalty()
  for (let n = 0; n < times; n++) penalty.failed(who)
  return penalty
}

describe('penalty', () => {
  it('doubles after 10 failures, and again after 100', () => {
    const factors = [0, 9, 10, 99, 100, 1000].map(times => failed(times).factor(eve))
    assert.deepEqual(factors, [1, 1, 2, 2, 4, 4])
  })
  it('follows the address, whatever the name, and the name, whatever the address', () => {
    const penalty = failed(10)
    assert.equal(penalty.factor({ ...eve, name: 'alice@example.org' }), 2)
    assert.equal(penalty.factor({ ...eve, remoteAddress: '192.0.2.1' }), 2)
    assert.equal(penalty.factor({ remoteAddress: undefined, name: 'EVE@example.org' }), 2)
    assert.equal(penalty.factor({ remoteAddress: '192.0.2.1', name: undefined }), 1)
    assert.equal(penalty.factor({ remoteAddress: undefined, name: undefined }), 1)
  })
  it('follows 64 bits of an IPv6 address: its owner has the rest to choose from', () => {
    const penalty = failed(10, { ...eve, remoteAddress: '2001:db8:1:2::1' })
    const other = { name: 'alice@example.org' }
    assert.equal(penalty.factor({ ...other, remoteAddress: '2001:db8:1:2:ffff::9' }), 2)
    assert.equal(penalty.factor({ ...other, remoteAddress: '2001:db8:1:3::1' }), 1)
  })
  it('is forgotten after a right password', () => {
    const penalty = failed(100)
    penalty.forgive(eve)
    assert.equal(penalty.factor(eve), 1)
  })
  it('is over ten minutes after the first failure, also for who goes on failing', t => {
    t.mock.timers.enable({ apis: ['Date'] })
    const penalty = failed(99)
    t.mock.timers.tick(599_000)
    penalty.failed(eve)
    assert.equal(penalty.factor(eve), 4)
    t.mock.timers.tick(2_000)
    assert.equal(penalty.factor(eve), 1)
  })
  it('remembers so many only, the latest of them', () => {
    const penalty = failed(10)
    for (let n = 0; n < 25_000; n++) penalty.failed({ remoteAddress: undefined, name: `x${n}` })
    assert.equal(penalty.factor(eve), 1)
  })
})
