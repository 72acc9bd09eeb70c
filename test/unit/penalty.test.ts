import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Culprit, createPenalty, type Penalty } from '../../src/auth/penalty.ts'

const eve = { remoteAddress: '198.51.100.7', name: 'eve@example.org' }

function failed(times: number, who = eve) {
  const penalty = createPenalty()
  for (let n = 0; n < times; n++) penalty.begin(who)
  return penalty
}

/** By how much the refusal of another try takes longer. */
function factor(penalty: Penalty, who: Culprit = eve): number {
  const { factor, withdraw } = penalty.begin(who)
  withdraw()
  return factor
}

describe('penalty', () => {
  it('doubles after 10 failures, and again after 100', () => {
    const factors = [0, 9, 10, 99, 100, 1000].map(times => factor(failed(times)))
    assert.deepEqual(factors, [1, 1, 2, 2, 4, 4])
  })
  it('follows the address, whatever the name, and the name, whatever the address', () => {
    const penalty = failed(10)
    assert.equal(factor(penalty, { ...eve, name: 'alice@example.org' }), 2)
    assert.equal(factor(penalty, { ...eve, remoteAddress: '192.0.2.1' }), 2)
    assert.equal(factor(penalty, { remoteAddress: undefined, name: 'EVE@example.org' }), 2)
    assert.equal(factor(penalty, { remoteAddress: '192.0.2.1', name: undefined }), 1)
    assert.equal(factor(penalty, { remoteAddress: undefined, name: undefined }), 1)
  })
  it('follows 64 bits of an IPv6 address: its owner has the rest to choose from', () => {
    const penalty = failed(10, { ...eve, remoteAddress: '2001:db8:1:2::1' })
    const other = { name: 'alice@example.org' }
    assert.equal(factor(penalty, { ...other, remoteAddress: '2001:db8:1:2:ffff::9' }), 2)
    assert.equal(factor(penalty, { ...other, remoteAddress: '2001:db8:1:3::1' }), 1)
  })
  it('follows all spellings of a name that mean the same account', () => {
    const penalty = createPenalty()
    const spell = (name: string) => ({ remoteAddress: undefined, name })
    for (let n = 1; n <= 10; n++) penalty.begin(spell(`e${'\u00ad'.repeat(n)}ve@example.org`))
    for (const name of ['eve@example.org', 'EVE@Example.ORG', '\uff45ve@example.org', 'e\u200dve@example.org'])
      assert.equal(factor(penalty, spell(name)), 2, name)
    for (let n = 1; n <= 10; n++) penalty.begin(spell(`e${'\u00ad'.repeat(n)}ve`))
    assert.equal(factor(penalty, spell('EVE')), 2, 'and of what is no address')
    assert.equal(factor(penalty, spell('eva@example.org')), 1)
  })
  it('counts a try from its beginning until it turns out to be none: only that one, and that one only', () => {
    const penalty = failed(9)
    const tries = [penalty.begin(eve), penalty.begin(eve)]
    assert.deepEqual(
      tries.map(({ factor }) => factor),
      [1, 2],
    )
    for (const { withdraw } of tries) withdraw()
    assert.equal(factor(penalty), 1)
    penalty.begin(eve)
    assert.equal(factor(penalty), 2)
  })
  it('is over ten minutes after the first failure, also for who goes on failing', t => {
    t.mock.timers.enable({ apis: ['Date'] })
    const penalty = failed(99)
    t.mock.timers.tick(599_000)
    penalty.begin(eve)
    assert.equal(factor(penalty), 4)
    t.mock.timers.tick(2_000)
    assert.equal(factor(penalty), 1)
  })
  it('remembers so many only, the latest of them, and nobody who only ever logs in', () => {
    const penalty = failed(10)
    for (let n = 0; n < 25_000; n++) penalty.begin({ remoteAddress: undefined, name: `x${n}` }).withdraw()
    assert.equal(factor(penalty), 2)
    for (let n = 0; n < 25_000; n++) penalty.begin({ remoteAddress: undefined, name: `x${n}` })
    assert.equal(factor(penalty), 1)
  })
})
