/** Steps: whatever came from the network is shown in a way that it can do nothing, and nothing of the token is shown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { explainClaims } from '../../src/auth/claims.ts'
import * as steps from '../../src/auth/steps.ts'
import { peekJwt } from '../../src/oidc/jwt.ts'
import type { Claims, Step } from '../../src/oidc/token-verdict.ts'
import { directory } from '../support/directory.ts'
import { claimNames } from '../support/evidence.ts'
import { part } from '../support/jws.ts'

const odd = fc.constantFrom('"', '\n', '\x1b[2J', '\u2028', '\u202e', '\u200b', '\0', '\x9b')
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.tuple(fc.string(), odd, fc.string()).map(parts => parts.join('')),
)
const value = fc.oneof(text, fc.jsonValue())
const claims = (...names: string[]): fc.Arbitrary<Claims> => fc.dictionary(fc.constantFrom(...names), value)

function assertFit(...told: readonly Step[]): void {
  for (const { seen, expected = '', cure = '' } of told)
    for (const shown of [seen, expected, cure]) assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\u2028\u2029]/u)
}

test('a token is told by its size and what its header says of it; its payload and signature stay where they are', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9_-]{24,40}$/)
  fc.assert(
    fc.property(claims('alg', 'typ', 'kid'), value, secret, (header, iss, secret) => {
      const token = `${part(header)}.${part({ iss, jti: secret })}.${secret}`
      const step = steps.tokenStep(token, peekJwt(token))
      assertFit(step)
      assert.ok(step.seen.startsWith(`a JWT, ${token.length} bytes: `))
      assert.ok(!step.seen.includes(secret))
      for (const piece of token.split('.')) assert.ok(piece.length < 12 || !step.seen.includes(piece))
    }),
  )
})

test('of an opaque token nothing is told but its size, and whether it has the form of an encrypted JWT', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[A-Za-z0-9_-]{12,40}$/), { minLength: 1, maxLength: 6 }), parts => {
      const token = parts.join('.')
      const { seen, outcome } = steps.tokenStep(token, undefined)
      const encrypted = parts.length === 5 ? ', perhaps an encrypted JWT' : ''
      assert.deepEqual([outcome, seen], ['note', `opaque, ${token.length} bytes${encrypted}`])
    }),
  )
})

test('names that a client sends are quoted, whether they are somebody’s or not', () => {
  const name = fc.option(text, { nil: undefined })
  fc.assert(
    fc.property(name, fc.boolean(), fc.constantFrom('main', undefined), (asked, isHers, chosen) => {
      const named = steps.nameStep(asked, ['alice@example.org'], isHers)
      assertFit(named, steps.directoryStep(asked, chosen))
      assert.equal(named.outcome, asked === undefined ? 'note' : isHers ? 'ok' : 'failed')
      assert.equal(steps.directoryStep(asked, chosen).outcome, chosen === undefined ? 'failed' : 'ok')
    }),
  )
})

test('a check that has failed says what mends it; one that has not doesn’t', () => {
  const told = [
    steps.accountsStep(undefined),
    steps.accountsStep(3),
    steps.directoryStep('x', undefined),
    steps.directoryStep('x', 'main'),
    steps.nameStep('x', ['alice@example.org'], false),
    steps.nameStep('x', ['x'], true),
    steps.enabledStep({ enabled: false }),
    steps.enabledStep({ enabled: true }),
    steps.identityStep({ kind: 'reject', reason: 'no_identity', detail: 'no claim' }, {}, directory().fields),
  ]
  for (const { outcome, cure, seen } of told) assert.equal(cure !== undefined, outcome === 'failed', seen)
})

test('claims are quoted, in every check', () => {
  const config = directory({
    issuer: 'https://idp.example.org',
    require: { audience: ['mail'], clients: ['c'], scopes: ['s'], claim: { groups: ['g'], 'ext.level': ['3'] } },
  })
  const any = claims(...claimNames, 'sub', 'jti', 'at_hash', 'preferred_username')
  fc.assert(
    fc.property(any, any, any, fc.boolean(), (identity, token, header, verified) => {
      assertFit(...explainClaims({ claims: identity, token, jwt: { header, payload: token }, verified }, config, 0))
    }),
  )
})
