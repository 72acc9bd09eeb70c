import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { checkClaims } from '../../src/auth/claims.ts'
import { rejectReasons } from '../../src/auth/reason.ts'
import { claimAt } from '../../src/oidc/claim-path.ts'
import { peekJwt } from '../../src/oidc/jwt.ts'
import type { Claims } from '../../src/oidc/token-verdict.ts'
import { directory } from '../support/directory.ts'
import { claimNames, introspected } from '../support/evidence.ts'

const claims = fc.dictionary(fc.constantFrom(...claimNames), fc.jsonValue()) as fc.Arbitrary<Claims>

it('checks any JSON without a fault, and names a reason of the table', () => {
  const strict = directory({
    issuer: 'https://idp.example.org',
    require: { audience: ['mail'], clients: ['c'], scopes: ['s'], claim: { groups: ['g'] } },
  })
  fc.assert(
    fc.property(claims, claims, fc.boolean(), (answer, payload, verified) => {
      const problem = checkClaims(
        { claims: answer, token: payload, jwt: { header: answer, payload }, verified },
        strict,
        Date.now(),
      )
      if (problem !== undefined) assert.ok(Object.hasOwn(rejectReasons, problem.reason))
    }),
  )
})

it('passes a strict directory only with an audience, a client, a scope and a group that are wanted', () => {
  const strict = directory({ require: { audience: ['mail'], clients: ['c'], scopes: ['s'], claim: { groups: ['g'] } } })
  const good = { aud: 'mail', azp: 'c', scope: 's', groups: ['g'] }
  const check = (token: Claims) => checkClaims(introspected(token), strict, Date.now())
  assert.equal(check(good), undefined)
  fc.assert(
    fc.property(fc.constantFrom('aud', 'azp', 'scope', 'groups'), fc.jsonValue(), (name, value) => {
      fc.pre(!['mail', 'c', 's', 'g'].some(word => JSON.stringify(value).includes(word)))
      assert.notEqual(check({ ...good, [name]: value }), undefined)
    }),
  )
})

it('finds a claim by any path that was put there, and nothing by a path that was not', () => {
  const word = fc.stringMatching(/^[a-z]{1,5}$/)
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), fc.string({ minLength: 1 }), (path, value) => {
      const nested = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Claims
      assert.equal(claimAt(nested, path.join('.')), value)
      assert.equal(claimAt(nested, [...path, 'more'].join('.')), undefined)
    }),
  )
})

it('sees a JWT or nothing in any text', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
      peekJwt(`${a}.${b}.${c}`)
      const encode = (text: string): string => Buffer.from(text).toString('base64url')
      peekJwt(`${encode(a)}.${encode(b)}.${c}`)
    }),
  )
})
