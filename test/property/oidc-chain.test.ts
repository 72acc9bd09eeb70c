/** Chains of methods, over any tokens, answers and settings. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Method } from '../../src/config/config.ts'
import { compose, isJudgedHere, toAsk } from '../../src/oidc/chain.ts'
import type { Claims, Jwt } from '../../src/oidc/token-verdict.ts'
import { directory } from '../support/directory.ts'

const issuer = 'https://idp.example.org'
const chains: Method[][] = [[], ['jwt']].flatMap(first =>
  [[], ['introspect'], ['tokeninfo']].flatMap(second =>
    [[], ['userinfo']].map(third => [...first, ...second, ...third] as Method[]),
  ),
)
const config = fc
  .record({
    methods: fc.constantFrom(...chains.filter(methods => methods.length > 0)),
    alwaysAsk: fc.boolean(),
    email: fc.constantFrom(['email'], []),
  })
  .map(({ methods, alwaysAsk, email }) =>
    directory({
      issuer,
      endpoint: { methods, urls: {}, alwaysAsk },
      fields: { email, username: ['preferred_username'], fullName: [] },
    }),
  )

const subject = fc.constantFrom('1', '2', '', null, 1)
const claims = fc.record(
  {
    iss: fc.constantFrom(issuer, `${issuer}/`, 'https://other.example'),
    sub: subject,
    uid: subject,
    aud: fc.jsonValue(),
    email: fc.oneof(fc.constant('alice@example.org'), fc.jsonValue()),
    preferred_username: fc.jsonValue(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Claims>
const jwt: fc.Arbitrary<Jwt | undefined> = fc.option(
  claims.map(payload => ({ header: {}, payload })),
  { nil: undefined },
)

test('nobody gets past without a judge: the keys, or an answer', () => {
  fc.assert(
    fc.property(config, jwt, (config, token) => {
      const { methods, alwaysAsk } = config.endpoint
      const isHere = isJudgedHere(token, config)
      const asked = toAsk(isHere ? token : undefined, config)
      assert.ok(isHere || asked.length > 0)
      if (isHere) assert.ok(methods.includes('jwt'))
      else
        assert.deepEqual(
          asked,
          methods.filter(method => method !== 'jwt'),
        )
      // A token of another issuer is verified by nobody's keys while there is somebody who knows more.
      if (isHere && methods.length > 1) assert.equal(token?.payload.iss, issuer)
      if (isHere && alwaysAsk && token !== undefined) assert.equal(asked.length, methods.length - 1)
      assert.deepEqual(
        asked,
        methods.filter(method => asked.some(one => one === method)),
        'in the order of the chain',
      )
    }),
  )
})

test('whatever was learnt, it is evidence made of what was learnt, or a conflict', () => {
  const answers = fc.array(claims, { maxLength: 2 })
  fc.assert(
    fc.property(config, jwt, answers, fc.boolean(), (config, token, given, isVerified) => {
      const verified = isVerified && token !== undefined
      const methods = given.length === 1 ? (['userinfo'] as const) : (['introspect', 'userinfo'] as const)
      const answers = given.map((claims, index) => ({ method: methods[index] ?? 'userinfo', claims }))
      const composed = compose({ jwt: token, verified, answers }, config)
      const subjects = new Set(
        [verified ? token.payload : {}, ...given].flatMap(({ sub }) =>
          sub === undefined || sub === null || sub === '' ? [] : [sub],
        ),
      )
      if ('kind' in composed) {
        assert.equal(composed.reason, 'subject_conflict')
        assert.ok(subjects.size > 1)
        return
      }
      const hasUid = [token?.payload, ...given].some(claims => claims?.uid !== undefined)
      if (!hasUid) assert.ok(subjects.size <= 1, 'two people')
      assert.equal(composed.verified, verified)
      assert.equal(composed.jwt, token)
      // Of a token that nobody has verified, no answer but userinfo's own lets its content count.
      if (verified) assert.equal(composed.token, token.payload)
      else if (given.length > 1) assert.equal(composed.token, given[0])
      if (!verified && given.length > 0) assert.equal(composed.claims, given.at(-1))
    }),
  )
})
