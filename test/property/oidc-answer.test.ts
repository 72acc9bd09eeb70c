/** Answers of a provider: only a JSON object in status 200 is one; nothing of anything else gets out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Answer, readAnswer, refusal } from '../../src/oidc/answer.ts'
import { describeFault, Fault, oauthErrors } from '../../src/oidc/fault.ts'

const good = { status: 200, contentType: 'application/json', challenge: '' }

function faultOf(answer: Answer): Fault | undefined {
  try {
    readAnswer(answer)
    return undefined
  } catch (error) {
    assert.ok(error instanceof Fault)
    return error
  }
}

test('every JSON object comes through as it is', () => {
  const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())
  fc.assert(
    fc.property(object, value => {
      const body = Buffer.from(JSON.stringify(value))
      assert.equal(JSON.stringify(readAnswer({ ...good, body })), body.toString())
    }),
  )
})

test('JSON of any other kind does not', () => {
  const value = fc.jsonValue().filter(value => typeof value !== 'object' || value === null || Array.isArray(value))
  fc.assert(
    fc.property(value, value => {
      assert.equal(faultOf({ ...good, body: Buffer.from(JSON.stringify(value)) })?.code, 'NOT_AN_OBJECT')
    }),
  )
})

const part = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('Bearer ', 'error=', 'error="', '"', '\\', ',', ' ', '=', ...oauthErrors),
)
const anyText = fc.array(part).map(parts => parts.join(''))
const contentType = fc.oneof(fc.constantFrom('application/json', 'application/jwt', 'text/html', ''), fc.string())
const body = fc.oneof(
  fc.uint8Array(),
  anyText.map(text => Buffer.from(text)),
  fc.json().map(text => Buffer.from(text)),
  anyText.map(error => Buffer.from(JSON.stringify({ error }))),
)
const anyAnswer = fc.record({
  status: fc.oneof(fc.constantFrom(200, 400, 401, 403), fc.integer({ min: 200, max: 999 })),
  contentType,
  challenge: anyText,
  body: body.map(bytes => Buffer.from(bytes)),
})

test('whatever comes, it is an object or a fault, and the fault quotes nothing', () => {
  fc.assert(
    fc.property(anyAnswer, answer => {
      const fault = faultOf(answer)
      if (fault === undefined) return assert.equal(answer.status, 200)
      assert.match(
        fault.code,
        /^(SIGNED_ANSWER|NOT_JSON|NOT_AN_OBJECT|OTHER_CHALLENGE|HTTP \d{3}( [a-z_]+)?|HTTP 400 NOT_JSON)$/,
      )
      assert.ok(fault.oauthError === undefined || oauthErrors.includes(fault.oauthError))
      assert.equal(fault.cause, undefined)
      assert.doesNotMatch(describeFault(fault.code).cause, /unexpected error/)
      assert.ok(refusal(fault) === undefined || [400, 401, 403].includes(answer.status))
    }),
    { numRuns: 500 },
  )
})

const token = fc.stringMatching(/^[A-Za-z][\w-]{0,8}$/).filter(name => name.toLowerCase() !== 'error')
const quoted = fc.string({ unit: 'grapheme-ascii' }).map(text => `"${text.replace(/["\\]/g, '\\$&')}"`)
const parameter = fc
  .tuple(fc.oneof(token, fc.constant('Bearer')), fc.oneof(token, quoted, fc.constant('", Bearer x=y"')))
  .map(([name, value]) => `${name}=${value}`)

test('the error of a challenge is found among parameters of any content', () => {
  const error = fc.constantFrom('insufficient_scope', '"insufficient_scope"').map(value => `error=${value}`)
  fc.assert(
    fc.property(fc.array(parameter), error, fc.array(parameter), (before, error, after) => {
      const challenge = `Bearer ${[...before, error, ...after].join(', ')}`
      const fault = faultOf({ status: 403, contentType: '', challenge, body: Buffer.alloc(0) })
      assert.equal(fault?.oauthError, 'insufficient_scope')
    }),
  )
})

test('a 401 is a refusal of the token if a token is asked for, among whatever else', () => {
  const challengeOf = (scheme: fc.Arbitrary<string>) =>
    fc
      .tuple(scheme, fc.array(parameter, { maxLength: 3 }))
      .map(([scheme, parameters]) => `${scheme} ${parameters.join(', ')}`)
  const others = fc.array(challengeOf(token.filter(name => !/^(bearer|dpop)$/i.test(name))), {
    minLength: 1,
    maxLength: 3,
  })
  const wanted = challengeOf(fc.constantFrom('Bearer', 'bearer', 'DPoP'))
  const refusalOf = (challenges: readonly string[]) => {
    const fault = faultOf({ status: 401, contentType: '', challenge: challenges.join(', '), body: Buffer.alloc(0) })
    return fault && refusal(fault)
  }
  fc.assert(
    fc.property(others, wanted, others, (before, wanted, after) => {
      assert.equal(refusalOf(before), undefined)
      assert.equal(refusalOf([...before, wanted, ...after])?.kind, 'refused')
      assert.equal(refusalOf([wanted])?.kind, 'refused')
    }),
  )
})

test('a long challenge is read in no time', () => {
  // In quadratic time, these would take minutes.
  for (const text of ['a', '"', 'a="', '\\', '\\"', 'a=', ' ', 'a ', 'Bearer '])
    faultOf({ status: 401, contentType: '', challenge: text.repeat(100_000), body: Buffer.alloc(0) })
})
