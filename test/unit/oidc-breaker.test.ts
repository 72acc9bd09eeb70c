/** The breaker: when a provider that gives no answer is left alone, and for how long. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Breaker, createBreaker, type Pass } from '../../src/oidc/breaker.ts'
import { Fault } from '../../src/oidc/fault.ts'

const silent = new Fault('TIMEOUT')

function start() {
  let nowMs = 0
  const breaker = createBreaker(() => nowMs)
  return {
    breaker,
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

/** Requests, one after another, that get no answer. */
function fail(breaker: Breaker, count: number, error: unknown = silent): void {
  for (let n = 0; n < count; n++) enter(breaker).failed(error)
}

function enter(breaker: Breaker): Pass {
  return breaker.enter() ?? assert.fail('it is kept back')
}

describe('the breaker', () => {
  it('opens with the fifth request in a row without an answer', () => {
    const { breaker } = start()
    fail(breaker, 4)
    assert.equal(breaker.state(), 'closed')
    fail(breaker, 1)
    assert.equal(breaker.state(), 'open')
    assert.equal(breaker.enter(), undefined)
  })
  it('counts in a row only: an answer between begins anew', () => {
    const { breaker } = start()
    for (let n = 0; n < 3; n++) {
      fail(breaker, 4)
      enter(breaker).answered()
    }
    assert.equal(breaker.state(), 'closed')
  })
  it('lets one through after a second, and keeps the others waiting for what becomes of her', () => {
    const { breaker, pass } = start()
    fail(breaker, 5)
    pass(999)
    assert.equal(breaker.enter(), undefined)
    pass(1)
    assert.ok(breaker.enter())
    assert.equal(breaker.enter(), undefined)
    pass(5000)
    assert.equal(breaker.enter(), undefined)
  })
  it('waits twice as long after each try, ten seconds at most', () => {
    const { breaker, pass } = start()
    fail(breaker, 5)
    for (const pauseMs of [1000, 2000, 4000, 8000, 10_000, 10_000]) {
      pass(pauseMs - 1)
      assert.equal(breaker.enter(), undefined, `${pauseMs} ms`)
      pass(1)
      fail(breaker, 1)
    }
  })
  it('closes with an answer, and then waits a second again', () => {
    const { breaker, pass } = start()
    fail(breaker, 5)
    pass(1000)
    fail(breaker, 1)
    pass(2000)
    enter(breaker).answered()
    assert.equal(breaker.state(), 'closed')
    fail(breaker, 5)
    pass(1000)
    assert.ok(breaker.enter())
  })
  it('waits no longer because many were under way when it opened', () => {
    const { breaker, pass } = start()
    const passes = Array.from({ length: 100 }, () => enter(breaker))
    for (const { failed } of passes) failed(silent)
    pass(1000)
    assert.ok(breaker.enter())
  })
  it('closes when one of those that were under way gets an answer after all', () => {
    const { breaker } = start()
    const early = enter(breaker)
    fail(breaker, 5)
    early.answered()
    assert.ok(breaker.enter())
  })
  it('lets another one through where nobody told what became of the first', () => {
    const { breaker, pass } = start()
    fail(breaker, 5)
    pass(1000)
    assert.ok(breaker.enter())
    pass(10_000)
    assert.ok(breaker.enter())
  })
})

describe('what a token can provoke', () => {
  const answers = [
    new Fault('HTTP 500', 500),
    new Fault('NOT_JSON', 200),
    new Fault('OAUTH_INVALID_RESPONSE'),
    new Fault('CLIENT_REFUSED'),
    new Fault('BAD_SIGNED_ANSWER'),
    new Fault('TOO_LARGE'),
    new Fault('UND_ERR_HEADERS_OVERFLOW'),
    new Fault('HPE_INVALID_CONSTANT'),
    new TypeError('a bug'),
  ]
  for (const error of answers)
    it(`keeps nobody else out: ${error instanceof Fault ? error.code : error.message}`, () => {
      const { breaker } = start()
      fail(breaker, 100, error)
      assert.equal(breaker.state(), 'closed')
    })
})

describe('a token that the provider leaves without an answer', () => {
  it('keeps nobody else out while others have theirs', () => {
    const { breaker } = start()
    for (let n = 0; n < 10; n++) {
      const passes = Array.from({ length: 20 }, () => enter(breaker))
      enter(breaker).answered()
      for (const { failed } of passes) failed(silent)
    }
    assert.equal(breaker.state(), 'closed')
  })
  it('counts again once nobody has an answer any more', () => {
    const { breaker } = start()
    const early = enter(breaker)
    enter(breaker).answered()
    early.failed(silent)
    fail(breaker, 4)
    assert.equal(breaker.state(), 'closed')
    fail(breaker, 1)
    assert.equal(breaker.state(), 'open')
  })
})

describe('a provider that is not there', () => {
  for (const code of ['TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN'])
    it(`is left alone: ${code}`, () => {
      const { breaker } = start()
      fail(breaker, 5, new Fault(code))
      assert.equal(breaker.state(), 'open')
    })
})
