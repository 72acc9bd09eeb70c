import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { escaped } from '../../src/escape.ts'

test('whatever comes: nothing is left that a terminal obeys or does not show, and everything else is as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const shown = escaped(text)
      assert.doesNotMatch(shown, /[\p{C}\p{Zl}\p{Zp}]/u)
      assert.equal(escaped(shown), shown)
      if (!/[\p{C}\p{Zl}\p{Zp}]/u.test(text)) assert.equal(shown, text)
    }),
  )
  assert.equal(escaped('a\x1b[2J\u202eb'), 'a\\u{1b}[2J\\u{202e}b')
})
