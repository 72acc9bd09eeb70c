/** What came from the network, as it is shown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { list, quote } from '../../src/oidc/quote.ts'

/** Text with much in it that a terminal or a reader of logs could take for something else. */
const odd = fc.constantFrom(
  '"',
  '\\',
  '\n',
  '\x1b[2J',
  '\u2028',
  '\u202e',
  '\u200b',
  '\ufeff',
  '\0',
  '\x9b',
  '\ud800',
  '😀',
)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 600 }),
  fc.array(fc.oneof(odd, fc.string())).map(parts => parts.join('')),
)
const unfit = /[\p{Cc}\p{Cf}\u2028\u2029]/u

test('any text is one line in quotes, that end where they should, and has no character that acts', () => {
  fc.assert(
    fc.property(text, given => {
      const quoted = quote(given)
      assert.doesNotMatch(quoted, unfit)
      assert.match(quoted, /^"(?:[^"\\]|\\.)*"$/u)
    }),
  )
})

test('is never longer than its first 256 characters make it', () => {
  fc.assert(
    fc.property(text, given => {
      assert.equal(quote(given), quote(given.slice(0, 256)))
      // An escape is longer than what it stands for, at most so much.
      assert.ok(quote(given).length <= 2 + 256 * 9)
    }),
  )
})

test('plain text is as it was', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[\w .:/@-]{0,256}$/), plain => {
      assert.equal(quote(plain), `"${plain}"`)
    }),
  )
})

test('what is absent is told from every text', () => {
  assert.equal(quote(undefined), 'absent')
  assert.equal(list([]), 'none')
  fc.assert(
    fc.property(text, given => {
      assert.notEqual(quote(given), 'absent')
      assert.notEqual(list([given]), 'none')
    }),
  )
})

test('a list shows sixteen at most, and says that there are more', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1, maxLength: 40 }), texts => {
      const shown = list(texts)
      assert.equal((shown.match(/"[a-z]+"/g) ?? []).length, Math.min(texts.length, 16))
      assert.equal(shown.endsWith(' …'), texts.length > 16)
    }),
  )
})
