/** Names and passwords in messages: read as they were sent, or malformed and not repeated; nothing else. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { readName, readPassword } from '../../src/sasl/message.ts'

const limits = { tokenBytes: 100 }
const toLatin1 = (text: string): string => Buffer.from(text).toString('latin1')
const latin1 = (maxLength: number) => fc.uint8Array({ maxLength }).map(bytes => Buffer.from(bytes).toString('latin1'))

test('a name in UTF-8 is that name', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter(text => !/[\x00-\x1f\x7f]/.test(text))
  fc.assert(
    fc.property(name, text => {
      assert.deepEqual(readName(toLatin1(text)), { name: text })
    }),
  )
})

test('other bytes are no name: control characters, and what is not UTF-8', () => {
  fc.assert(
    fc.property(latin1(12), bytes => {
      const read = readName(bytes)
      if ('kind' in read) return
      assert.doesNotMatch(read.name, /^$|[\x00-\x1f\x7f]/)
      assert.equal(toLatin1(read.name), bytes)
    }),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(latin1(5), fc.stringMatching(/^[\x00-\x1f\x7f]$/), latin1(5), (before, control, after) => {
      assert.ok('kind' in readName(before + control + after))
    }),
  )
})

test('a password in UTF-8 is that password: blanks, controls and all, but no NUL', () => {
  const password = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(password, text => {
      const read = readPassword(toLatin1(text), limits)
      if (text.includes('\0')) assert.ok('kind' in read)
      else assert.deepEqual(read, { password: text })
    }),
  )
})

test('other bytes are no password', () => {
  fc.assert(
    fc.property(latin1(12), bytes => {
      const read = readPassword(bytes, limits)
      if (!('kind' in read)) assert.equal(toLatin1(read.password), bytes)
    }),
    { numRuns: 500 },
  )
})

test('the limit of a password counts bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'ä', '🔑'), minLength: 20, maxLength: 110 }), text => {
      assert.equal('kind' in readPassword(toLatin1(text), limits), Buffer.byteLength(text) > limits.tokenBytes)
    }),
  )
})
