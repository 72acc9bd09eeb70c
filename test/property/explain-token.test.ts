/** explain-token: whatever is put in and whatever comes back, what is shown holds no piece of the token. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Explanation } from '../../src/cli/explain-decision.ts'
import { readTokenInput } from '../../src/cli/explain-input.ts'
import { explainInWords } from '../../src/cli/explain-words.ts'
import { createHider, createTokenHider } from '../../src/cli/hider.ts'

const token = fc.stringMatching(/^[\w.~+/-]{20,60}$/)
const words = fc.stringMatching(/^[ a-z:",]{0,20}$/)

test('no piece of a token of twelve characters gets through, wherever it stands', () => {
  fc.assert(
    fc.property(token, words, words, fc.nat(40), fc.nat(60), (token, before, after, from, length) => {
      const hide = createTokenHider(token)
      const hidden = hide(`${before}${token.slice(from, from + length)}${after} ${before}${token}${token}`)
      for (let at = 0; at + 12 <= token.length; at++) assert.ok(!hidden.includes(token.slice(at, at + 12)))
    }),
  )
})

test('nor does the base64 of a secret, whatever surrounds it there', () => {
  fc.assert(
    fc.property(token, words, words, (secret, before, after) => {
      const encoded = Buffer.from(`${before}${secret}${after}`).toString('base64')
      assert.ok(!createHider(secret, 'password')(`resp=${encoded}`).includes(encoded.slice(8, -8)))
    }),
  )
})

test('a text that has nothing in common with the token stays as it is', () => {
  const digits = fc.stringMatching(/^[0-9]{20,60}$/)
  fc.assert(fc.property(digits, words, (token, text) => assert.equal(createTokenHider(token)(text), text)))
})

test('a token alone is taken as it is, behind "Bearer" without that; quotes, blanks and JSON are complained of', () => {
  const prefix = fc.constantFrom('', 'Bearer ', 'bearer  ', 'Authorization: Bearer ', 'authorization:BEARER ')
  fc.assert(
    fc.property(token, prefix, (token, prefix) => {
      const note = prefix === '' ? undefined : `"${prefix.trim()}" before the token was left out`
      assert.deepEqual(readTokenInput(prefix + token), { token, note })
      for (const odd of [`"${token}"`, `'${token}`, `${token} x`, `{"access_token":"${token}"}`]) {
        const input = readTokenInput(prefix + odd)
        assert.ok('problem' in input, odd)
        assert.ok(!JSON.stringify(input).includes(token))
      }
    }),
  )
})

test('an explanation in words has a line for each step and each cure, and says what to do at the end', () => {
  const line = fc.stringMatching(/^[ -~]{1,30}$/)
  const step = fc.record({
    check: line,
    outcome: fc.constantFrom('ok', 'failed', 'note'),
    seen: line,
    expected: fc.option(line, { nil: undefined }),
    cure: line,
  }) as fc.Arbitrary<Explanation['steps'][number]>
  const verdict = fc.constantFrom('accept', 'reject', 'unavailable') as fc.Arbitrary<Explanation['verdict']>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 9 }), verdict, line, (steps, verdict, cure) => {
      const told = explainInWords({ verdict, reason: 'ok', meaning: 'm', cure, account: 'a', steps })
      const failed = steps.filter(({ outcome }) => outcome === 'failed').length
      assert.equal(told.length, steps.length + failed + 4)
      assert.ok(told.at(-1)?.includes(cure))
    }),
  )
})
