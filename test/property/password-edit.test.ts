/** Changes of the password file: lines that stay keep their bytes, wherever the others were; orphans are exactly those without an account. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { editLines } from '../../src/passwords/edit-lines.ts'
import { orphanReason } from '../../src/passwords/orphans.ts'
import { account, indexOf } from '../support/accounts.ts'

const runs = { numRuns: 300 }

const line = fc.oneof(
  fc.constantFrom('', ' ', '\ufeff', '{}', '\r', '{"a":1}\r', 'ä'),
  fc.string().map(text => text.replaceAll('\n', '')),
)
const edit = fc.record({
  before: fc.array(fc.record({ text: line, gone: fc.boolean() }), { maxLength: 12 }),
  ended: fc.boolean(),
  added: fc.array(line, { maxLength: 3 }),
})

function apply({ before, ended, added }: typeof edit extends fc.Arbitrary<infer Value> ? Value : never): string {
  const text = before.map(({ text }) => text).join('\n') + (ended && before.length > 0 ? '\n' : '')
  const rows = before.values()
  return [...editLines(text, () => rows.next().value?.gone ?? false, added)].join('')
}

test('lines that stay keep their bytes and their order; added ones come last, each on a line of its own', () => {
  fc.assert(
    fc.property(edit, given => {
      // An empty line at the very end is no line.
      const last = given.before.at(-1)
      fc.pre(given.ended || last === undefined || last.text !== '')
      const kept = given.before.filter(({ gone }) => !gone).map(({ text }) => text)
      const all = [...kept, ...given.added]
      const lastStays = last !== undefined && !last.gone && !given.ended && given.added.length === 0
      assert.equal(
        apply(given),
        all
          .map(text => `${text}\n`)
          .join('')
          .slice(0, lastStays ? -1 : undefined),
      )
    }),
    runs,
  )
})

test('nothing to do changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      assert.equal([...editLines(text, () => false, [])].join(''), text)
    }),
    runs,
  )
})

test('what lies between two lines that go is one piece', () => {
  fc.assert(
    fc.property(edit, ({ before }) => {
      const text = before.map(row => `${row.text}\n`).join('')
      const rows = before.values()
      const pieces = [...editLines(text, () => rows.next().value?.gone ?? false, [])]
      assert.ok(pieces.length <= before.filter(({ gone }) => gone).length + 1)
    }),
    runs,
  )
})

test('a password is orphaned if nobody has its address for her own, or did only later', () => {
  const addresses = ['a@example.org', 'b@example.org', 'c@example.org'] as const
  const owner = fc.option(fc.nat({ max: 5 }), { nil: undefined })
  fc.assert(
    fc.property(fc.constantFrom(...addresses), fc.nat({ max: 5 }), owner, (address, created, since) => {
      const index = indexOf([account({ address: addresses[0], aliases: [addresses[1]], created: since })])
      const isHers = address === addresses[0] && (since === undefined || created >= since)
      assert.equal(orphanReason({ account: address, created }, index) === undefined, isHers)
    }),
    runs,
  )
})
