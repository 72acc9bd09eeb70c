/** What is counted: nothing is lost, nothing grows with what clients send. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createDistribution } from '../../src/monitor/distribution.ts'
import { families } from '../../src/monitor/families.ts'
import { createRecent } from '../../src/monitor/recent.ts'
import { anyStatus, well } from '../support/status.ts'

const minuteMs = 60_000
const login = fc.record({
  verdict: fc.constantFrom('accept' as const, 'reject' as const, 'unavailable' as const),
  reason: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'),
})
/** Logins, and how long after the one before each comes. */
const logins = fc.array(fc.tuple(login, fc.oneof(fc.nat(5), fc.nat(3 * minuteMs), fc.nat(100 * minuteMs))))

describe('the last hour', () => {
  it('has each login of the last 59 minutes, none that is older than an hour, and the commonest reasons first', () => {
    fc.assert(
      fc.property(logins, fc.nat(90 * minuteMs), (all, restMs) => {
        const recent = createRecent()
        let nowMs = 0
        const noted = all.map(([login, afterMs]) => {
          nowMs += afterMs
          recent.note(login, nowMs)
          return { ...login, ms: nowMs }
        })
        nowMs += restMs
        const { accepted, rejected, unavailable, reasons } = recent.summary(nowMs)
        const since = (minutes: number, verdict: string, reason?: string) =>
          noted.filter(
            one =>
              one.ms > nowMs - minutes * minuteMs &&
              one.verdict === verdict &&
              (reason === undefined || one.reason === reason),
          ).length
        for (const [verdict, count] of Object.entries({ accept: accepted, reject: rejected, unavailable })) {
          assert.ok(count >= since(59, verdict), `${verdict} of 59 minutes`)
          assert.ok(count <= since(60, verdict), `${verdict} of 60 minutes`)
        }
        assert.ok(reasons.length <= 10)
        for (const { verdict, reason, count } of reasons)
          assert.ok(count >= Math.max(1, since(59, verdict, reason)) && count <= since(60, verdict, reason))
        assert.deepEqual(
          reasons.map(({ count }) => count),
          reasons.map(({ count }) => count).sort((a, b) => b - a),
        )
      }),
    )
  })

  it('ends within its last minute', () => {
    const recent = createRecent()
    recent.note({ verdict: 'accept', reason: 'ok' }, minuteMs - 1)
    const acceptedAt = (nowMs: number) => recent.summary(nowMs).accepted
    assert.deepEqual([acceptedAt(60 * minuteMs - 1), acceptedAt(60 * minuteMs)], [1, 0])
  })
})

describe('a distribution', () => {
  it('counts for each bound what is not above it', () => {
    const bounds = [0.5, 1, 2, 4]
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.double({ min: 0, max: 6, noNaN: true }), fc.constantFrom(...bounds))), all => {
        const distribution = createDistribution(bounds)
        for (const value of all) distribution.observe(value)
        const { counts, count, sum } = distribution.read()
        assert.deepEqual(
          counts,
          bounds.map(bound => all.filter(value => value <= bound).length),
        )
        assert.equal(count, all.length)
        assert.equal(
          sum,
          all.reduce((total, value) => total + value, 0),
        )
      }),
    )
  })
})

describe('families', () => {
  it('tell finite numbers, with just the labels that they announce', () => {
    fc.assert(
      fc.property(anyStatus, now => {
        for (const { name, labelNames, read } of families)
          for (const { labels, value } of read(now)) {
            assert.deepEqual(Object.keys(labels), labelNames, name)
            assert.ok(value === undefined || (Number.isFinite(value) && value >= 0), `${name} is ${value}`)
          }
      }),
    )
  })
  it('are named as Prometheus wants it: base units, and "_total" for what only grows', () => {
    for (const { name, type, help } of families) {
      assert.match(name, /^bearerd_[a-z]+(_[a-z]+)*$/)
      assert.equal(name.endsWith('_total'), type === 'counter', name)
      assert.doesNotMatch(name, /_(ms|milliseconds|minutes)(_|$)/)
      assert.match(help, /\.$/, name)
    }
    assert.equal(new Set(families.map(({ name }) => name)).size, families.length)
  })
  it('tell a time as Unix seconds', () => {
    const loaded = families.find(({ name }) => name === 'bearerd_store_loaded_timestamp_seconds')
    assert.deepEqual(loaded?.read({ ...well, passwords: undefined }), [
      { labels: { store: 'accounts' }, value: 1_769_760_001 },
    ])
  })
})
