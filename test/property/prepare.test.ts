/** SASLprep: the form is a fixed point, ASCII is its own, and no text can make it throw. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { prepared } from '../../src/passwords/prepare.ts'

const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, property), { numRuns: 500 })

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc
    .array(fc.constantFrom('a', 'B', ' ', '\u00a0', '\u00ad', '\u200b', 'ﬁ', 'Ⅸ', 'a\u0308', 'ä', 'ש', '\u0627', '１'))
    .map(parts => parts.join('')),
)

/** RFC 4013 section 3, and what people type. undefined: there is no other form. */
const examples: readonly (readonly [text: string, form: string | undefined, why: string])[] = [
  ['I\u00adX', 'IX', 'a soft hyphen is nothing'],
  ['user', undefined, 'nothing to do'],
  ['USER', undefined, 'case is kept'],
  ['\u00aa', 'a', 'NFKC'],
  ['\u2168', 'IX', 'NFKC'],
  ['\u0007', undefined, 'prohibited, and ASCII'],
  ['ä\u0007', undefined, 'prohibited'],
  ['\u0627\u0031', undefined, 'of mixed direction'],
  ['p\u00e4ss', undefined, 'prepared already'],
  ['pa\u0308ss', 'p\u00e4ss', 'as macOS types it'],
  ['two\u00a0words', 'two words', 'a no-break space, Alt+Space on a Mac'],
  ['ﬁne', 'fine', 'a ligature'],
  ['\u{1f511}ﬁ', '\u{1f511}fi', 'newer than Unicode 3.2, which a query may be'],
  ['\u00ad', undefined, 'nothing is left'],
  ['', undefined, 'nothing'],
]

for (const [given, form, why] of examples)
  test(`${JSON.stringify(given)} → ${form === undefined ? 'no other form' : JSON.stringify(form)}: ${why}`, () => {
    assert.equal(prepared(given), form)
  })

test('a prepared text has no other form', () => {
  check(text, given => {
    const form = prepared(given)
    if (form === undefined) return
    assert.notEqual(form, given)
    assert.notEqual(form, '')
    assert.equal(prepared(form), undefined)
    assert.equal(form, form.normalize('NFKC'))
  })
})

test('ASCII is as it is', () => {
  check(fc.string({ unit: 'binary-ascii' }), given => assert.equal(prepared(given), undefined))
})

test('however a letter is composed, the form is one', () => {
  check(fc.stringMatching(/^[a-zäöüéñçåšž]{1,20}$/), word => {
    const composed = word.normalize('NFC')
    assert.equal(prepared(word.normalize('NFD')) ?? word.normalize('NFD'), composed)
    assert.equal(prepared(composed), undefined)
  })
})

test('what is longer than a password is not looked at', () => {
  assert.equal(prepared('ﬁ'.repeat(512)), 'fi'.repeat(512))
  assert.equal(prepared('ﬁ'.repeat(1025)), undefined)
})
