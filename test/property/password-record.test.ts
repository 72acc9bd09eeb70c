/** Password records: written and read they are the same, alone and in a file; junk is a complaint that repeats nothing. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import test from 'node:test'
import fc from 'fast-check'
import type { PasswordRecord } from '../../src/passwords/password.ts'
import { formatPasswordLine, parsePasswordLine } from '../../src/passwords/record.ts'
import { createRecordReader } from '../../src/passwords/records.ts'
import { services } from '../../src/passwords/service.ts'

const letter = fc.constantFrom(...'abcdefghjkmnpqrstuvwxyz')
const time = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map(date => date.getTime())
const appHash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytes => {
  return `{SHA256}${Buffer.from(bytes).toString('base64')}`
})
const importedHash = fc.stringMatching(/^[0-9a-f]{40}$/).map(hex => `{PBKDF2}$1$salt$1000$${hex}`)
const rest = {
  account: fc.stringMatching(/^[a-d]@example\.(org|net)$/),
  label: fc.string({ unit: 'grapheme', maxLength: 30 }).filter(text => !/[\p{Cc}\p{Cs}\u2028\u2029\ufffd]/u.test(text)),
  created: time,
  expires: fc.option(time, { nil: undefined }),
  services: fc.subarray([...services]),
  networks: fc.subarray(['192.0.2.0/24', '2001:db8::/32', '198.51.100.7/32', '::/0']),
}
const appRecord = fc.record(
  { id: fc.tuple(letter, letter, letter).map(id => id.join('')), hash: appHash, ...rest },
  { noNullPrototype: true },
)
const importedRecord = fc.record(
  { id: fc.stringMatching(/^[a-z0-9-]{1,32}$/), hash: importedHash, ...rest },
  { noNullPrototype: true },
)
const record: fc.Arbitrary<PasswordRecord> = fc.oneof(appRecord, importedRecord)
/** As a file may have them: ids are an account's own, and one of its passwords at most is imported. */
const records = fc.uniqueArray(record, { selector: ({ account, id }) => `${account} ${id}`, maxLength: 8 }).map(all =>
  all.filter(({ account, hash }, index) => {
    const earlier = all.slice(0, index).filter(other => other.account === account)
    return hash.startsWith('{SHA256}') || earlier.every(other => other.hash.startsWith('{SHA256}'))
  }),
)

function read(text: string, cut = 0) {
  const reader = createRecordReader('f', [1, 2])
  const bytes = Buffer.from(text)
  reader.push(bytes.subarray(0, cut % (bytes.length + 1)))
  reader.push(bytes.subarray(cut % (bytes.length + 1)))
  reader.end()
  return reader
}

test('a record written is that record read', () => {
  fc.assert(
    fc.property(record, given => {
      const line = formatPasswordLine(given)
      assert.doesNotMatch(line, /\n/)
      assert.deepEqual(parsePasswordLine(line), { ok: true, record: given })
    }),
  )
})

test('a file has the records of its lines, each with its account', () => {
  fc.assert(
    fc.property(records, fc.nat(), (given, cut) => {
      const { index, problems } = read(given.map(item => `${formatPasswordLine(item)}\n`).join(''), cut)
      assert.deepEqual(problems, [])
      assert.equal(index.size, given.length)
      for (const { account } of given)
        assert.deepEqual(
          index.of(account),
          given.filter(item => item.account === account),
        )
      assert.deepEqual(new Set(index.all()), new Set(given))
      assert.deepEqual(
        index.imported,
        given.filter(({ hash }) => hash.startsWith('{PBKDF2}')),
      )
    }),
  )
})

test('a record twice is an error in the line of the second', () => {
  fc.assert(
    fc.property(record, given => {
      const line = formatPasswordLine(given)
      assert.deepEqual(
        read(`${line}\n${line}`).problems.map(problem => problem.line),
        [2],
      )
    }),
  )
})

test('one key that is junk is one that is complained of, without its value', () => {
  const junk = fc.oneof(fc.stringMatching(/^[G-Z]{8}$/), fc.double({ min: 1e6 }), fc.constantFrom(null, true, {}, ['']))
  const key = fc.constantFrom('id', 'account', 'hash', 'created', 'expires', 'services', 'networks', 'kind')
  fc.assert(
    fc.property(record, key, junk, (given, name, value) => {
      const parsed = parsePasswordLine(JSON.stringify({ ...JSON.parse(formatPasswordLine(given)), [name]: value }))
      assert.ok(!parsed.ok)
      for (const { path, message } of parsed.complaints) {
        assert.equal(path[0], name)
        if (typeof value === 'string') assert.ok(!message.includes(value))
      }
    }),
  )
})

test('any line is answered', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), text => {
      const parsed = parsePasswordLine(text)
      assert.ok(parsed.ok || parsed.complaints.length > 0)
    }),
  )
})
