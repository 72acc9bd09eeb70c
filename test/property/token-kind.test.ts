/** Kinds of tokens, over any claims. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clientOf, findKind, isRefreshToken, text } from '../../src/auth/token-kind.ts'
import type { Claims, Evidence } from '../../src/oidc/token-verdict.ts'
import { introspected, verified } from '../support/evidence.ts'

const value = fc.oneof(
  fc.constantFrom('ID', 'Refresh', 'Bearer', 'refresh_token', 'access_token', 'app', 'client-credentials', 'c'),
  fc.jsonValue(),
)
const marks = ['typ', 'token_use', 'c_hash', 'at_hash', 'jti', 'gty', 'idtyp', 'sub', 'azp', 'client_id', 'username']
const claims = fc.dictionary(fc.constantFrom(...marks, '__proto__', 'constructor'), value) as fc.Arbitrary<Claims>
const jwt = fc.option(fc.record({ header: claims, payload: claims }), { nil: undefined })
const evidence: fc.Arbitrary<Evidence> = fc.record({ claims, token: claims, jwt, verified: fc.boolean() })
const reasons = ['not_an_access_token', 'refresh_token', 'machine_token']

test('any JSON has a kind or none; what is shown of it is short, printable and in quotes', () => {
  fc.assert(
    fc.property(evidence, given => {
      const problem = findKind(given)
      if (problem === undefined) return
      assert.ok(reasons.includes(problem.reason))
      assert.doesNotMatch(problem.detail, /[\p{Cc}\p{Cf}\u2028\u2029]/u)
      assert.ok(problem.detail.length < 4096)
    }),
  )
})

test('an ID token or refresh token stays one, whatever else it claims', () => {
  const mark = fc.constantFrom<Claims>(
    { typ: 'ID' },
    { typ: 'Refresh' },
    { typ: 'Offline' },
    { token_use: 'id' },
    { token_use: 'refresh_token' },
    { c_hash: 'x' },
  )
  fc.assert(
    fc.property(claims, mark, fc.boolean(), (others, mark, isVerified) => {
      const token = { ...others, ...mark }
      assert.notEqual(findKind(isVerified ? verified(token) : introspected(token)), undefined)
    }),
  )
})

test('a good access token stays one, whatever is not looked at', () => {
  const good = { sub: '1', azp: 'thunderbird', typ: 'Bearer', exp: 1 }
  const other = fc.string().filter(name => !marks.includes(name) && name !== 'preferred_username')
  fc.assert(
    fc.property(fc.dictionary(other, fc.jsonValue()), others => {
      assert.equal(findKind(verified({ ...others, ...good })), undefined)
    }),
  )
})

test('a client and a text are never empty, never inherited, never anything but text', () => {
  fc.assert(
    fc.property(claims, fc.constantFrom('azp', 'toString', '__proto__'), (given, name) => {
      for (const found of [clientOf(given), text(given, name)])
        assert.ok(found === undefined || (typeof found === 'string' && found !== ''))
    }),
  )
})

test('a refresh token is known by how it begins, and by nothing that it may hold', () => {
  fc.assert(
    fc.property(fc.string(), token => {
      assert.equal(isRefreshToken(`authelia_rt_${token}`), true)
      assert.equal(isRefreshToken(`authelia_at_${token}`), false)
    }),
  )
})
