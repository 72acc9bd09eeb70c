/** Suggest: edit distance is a measure, and one slip of the finger is seen through. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { distance, nearest } from '../../src/config/suggest.ts'

const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, property), { numRuns: 20000 })

const word = fc.stringMatching(/^[a-z]{0,12}$/)
const words = fc.tuple(word, word)

test('distance: none to itself only, the same both ways, between the difference and the longer of the lengths', () => {
  check(words, ([a, b]) => {
    const edits = distance(a, b)
    assert.equal(edits === 0, a === b)
    assert.equal(edits, distance(b, a))
    assert.ok(edits >= Math.abs(a.length - b.length) && edits <= Math.max(a.length, b.length))
  })
})

test('distance: what is in common at both ends does not count', () => {
  check(fc.tuple(words, words), ([[a, b], [start, end]]) =>
    assert.ok(distance(start + a + end, start + b + end) <= distance(a, b)),
  )
})

/** A word and the same with one letter left out, put in, replaced, or swapped with the next. */
const slip = fc
  .record({
    name: fc.stringMatching(/^[a-z]{2,12}$/),
    at: fc.nat(),
    letter: fc.stringMatching(/^[a-z]$/),
    kind: fc.constantFrom('delete', 'insert', 'replace', 'swap'),
  })
  .map(({ name, at, letter, kind }) => {
    const [before, first, second, after] = [
      name.slice(0, at % (name.length - 1)),
      ...split(name, at % (name.length - 1)),
    ]
    const slipped = { delete: second, insert: first + letter + second, replace: letter + second, swap: second + first }
    return { name, slipped: before + slipped[kind as keyof typeof slipped] + after }
  })

function split(name: string, at: number): [string, string, string] {
  return [name.charAt(at), name.charAt(at + 1), name.slice(at + 2)]
}

test('one slip is at most one edit, and the word is found', () => {
  check(slip, ({ name, slipped }) => {
    assert.ok(distance(slipped, name) <= 1)
    assert.equal(nearest(slipped, [name]), name)
  })
})

test('a known word is its own nearest, also in the case and with the hyphens of other languages', () => {
  const known = ['timeout', 'full-name', 'recipient-delimiter', 'token', 'token-file']
  check(fc.constantFrom(...known), name => {
    assert.equal(nearest(name, known), name)
    assert.equal(nearest(name.toUpperCase().replaceAll('-', '_'), known), name)
  })
})

test('the answer is one of the known words or none, whatever the word is', () => {
  check(fc.tuple(fc.string({ unit: 'binary', size: 'max', maxLength: 5000 }), fc.array(word)), ([text, known]) => {
    const answer = nearest(text, known)
    assert.ok(answer === undefined || known.includes(answer))
  })
})

test('words that have nothing in common are not suggested', () => {
  assert.equal(nearest('timeout', ['files', 'unknown', 'defaults']), undefined)
  assert.equal(nearest('x'.repeat(1_000_000), ['files']), undefined)
})
