/** Bindings: lines come back as they were written, and the table is what the last lines say, for its own directory only. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type BindingLine, decodeBinding, formatBinding, isBindable, maxLineBytes } from '../../src/accounts/binding.ts'
import { createBindingTable } from '../../src/accounts/binding-table.ts'

const times = fc
  .date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true })
  .map(date => date.getTime())
const few = {
  account: fc.constantFrom('alice@example.org', 'bob@example.org', 'carol@example.org'),
  directory: fc.constantFrom('main', 'school', '__proto__'),
}
const plain = { noNullPrototype: true } as const
const line: fc.Arbitrary<BindingLine> = fc.oneof(
  fc.record({ ...few, subject: fc.constantFrom('1', '2', 'constructor'), bound: times }, plain),
  fc.record({ ...few, unbound: times }, plain),
)

test('what is written is read back', () => {
  const subject = fc.string({ unit: 'binary', minLength: 1, maxLength: 512 }).filter(isBindable)
  fc.assert(
    fc.property(fc.oneof(line, fc.record({ ...few, subject, bound: times }, plain)), given => {
      assert.deepEqual(decodeBinding(JSON.parse(formatBinding(given))), { ok: true, line: given })
    }),
  )
})

test('the longest line that is written is none too long', () => {
  const [subject, directory] = ['€'.repeat(1024), '"'.repeat(1024)]
  assert.ok(isBindable(subject) && !isBindable(`${subject}x`))
  const account = `${'a'.repeat(242)}@example.org`
  const longest = formatBinding({ account, directory, subject, bound: 0 })
  assert.ok(Buffer.byteLength(longest) <= maxLineBytes)
})

test('any JSON is a line or a complaint; what is a line has an address, and a subject that can be compared', () => {
  const values = fc.oneof(fc.jsonValue(), fc.constantFrom('alice@example.org', 'ALICE@example.org', 'a\nb', '\ud800'))
  const keys = ['account', 'directory', 'subject', 'bound', 'unbound'] as const
  const table = fc.record(Object.fromEntries(keys.map(key => [key, values])), { requiredKeys: [] })
  fc.assert(
    fc.property(table, given => {
      const decoded = decodeBinding(given)
      if (!decoded.ok) assert.match(decoded.message, /^expected .* in "\w+"$/)
      else assert.deepEqual(decodeBinding(JSON.parse(formatBinding(decoded.line))), decoded)
    }),
  )
})

test('the last line for an account and a directory counts, and each sub leads back to its addresses', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), lines => {
      const table = createBindingTable()
      for (const one of lines) table.apply(one)
      const last = new Map(lines.map(one => [`${one.directory} ${one.account}`, one]))
      const bound = [...last.values()].flatMap(one => ('subject' in one ? one : []))
      assert.equal(table.size, bound.length)
      for (const { account, directory } of last.values()) {
        const wanted = bound.find(one => one.account === account && one.directory === directory)
        assert.equal(table.subjectOf({ address: account, created: undefined }, directory), wanted?.subject)
      }
      for (const { directory, subject } of bound)
        assert.deepEqual(
          [...table.addressesOf(subject, directory)].sort(),
          bound
            .filter(one => one.directory === directory && one.subject === subject)
            .map(one => one.account)
            .sort(),
        )
      for (const account of new Set(lines.map(one => one.account)))
        assert.equal(table.of(account).length, bound.filter(one => one.account === account).length)
    }),
  )
})

test('a binding from before the account was made is a former owner’s', () => {
  fc.assert(
    fc.property(times, fc.option(times, { nil: undefined }), (bound, created) => {
      const table = createBindingTable()
      table.apply({ account: 'alice@example.org', directory: 'main', subject: '1', bound })
      const counts = table.subjectOf({ address: 'alice@example.org', created }, 'main') === '1'
      assert.equal(counts, created === undefined || bound >= created)
    }),
  )
})
