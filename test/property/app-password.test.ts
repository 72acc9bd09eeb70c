/** The form of app passwords: what people and phones do to one is undone, and nothing else takes its form. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { alphabet, formatAppPassword, idLength, length, parseAppPassword } from '../../src/passwords/app-password.ts'

const runs = { numRuns: 50 }

const letters = fc
  .array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length })
  .map(chosen => chosen.join(''))

test('what is shown is read as what it is', () => {
  fc.assert(
    fc.property(letters, given => {
      const shown = formatAppPassword(given)
      assert.match(shown, /^([a-z]{4}-){7}[a-z]{4}$/)
      assert.deepEqual(parseAppPassword(shown), { id: given.slice(0, idLength), letters: given })
    }),
    runs,
  )
})

test('white space, dashes, capitals, wide letters and characters without a width are forgiven', () => {
  const noise = fc.constantFrom('', '', ' ', '\t', '\u00a0', '-', '–', '—', '\u2011', '\u00ad', '\u200b', '\ufeff')
  const variant = fc.constantFrom<(letter: string) => string>(
    letter => letter,
    letter => letter.toUpperCase(),
    letter => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0),
  )
  const typing = fc.array(fc.tuple(noise, variant), { minLength: length, maxLength: length })
  fc.assert(
    fc.property(letters, typing, (given, moves) => {
      const typed = [...given].map((letter, index) => {
        const [before, change] = moves[index] ?? ['', String]
        return before + change(letter)
      })
      assert.equal(parseAppPassword(typed.join(''))?.letters, given)
    }),
    runs,
  )
})

test('one letter more, less or foreign, and it is none', () => {
  const foreign = fc.constantFrom('i', 'l', 'o', '0', '_', '.', 'ä', '\u0000', '😀')
  fc.assert(
    fc.property(letters, fc.nat({ max: length - 1 }), foreign, (given, place, letter) => {
      assert.equal(parseAppPassword(given.slice(1)), undefined)
      assert.equal(parseAppPassword(`${given}a`), undefined)
      assert.equal(parseAppPassword(given.slice(0, place) + letter + given.slice(place + 1)), undefined)
    }),
    runs,
  )
})

test('any text is either read into 32 letters of the alphabet or not at all', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), text => {
      const parsed = parseAppPassword(text)
      assert.ok(parsed === undefined || /^[a-z]{32}$/.test(parsed.letters))
    }),
    runs,
  )
})
