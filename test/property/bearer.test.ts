/** Bearer: fields are read as they were written, however they come; junk is malformed, and is not repeated. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Field, kvsep, readFields, readToken } from '../../src/sasl/bearer.ts'
import { token } from '../support/sasl.ts'

const limits = { tokenBytes: 100 }
const latin1 = (maxLength: number) => fc.uint8Array({ maxLength }).map(bytes => Buffer.from(bytes).toString('latin1'))

const field = fc
  .tuple(
    latin1(8).filter(text => text !== '' && !/[=\x01]/.test(text)),
    latin1(20).filter(text => !text.includes(kvsep)),
  )
  .map(([key, value]) => ({ key, value }))
const fields = fc.array(field, { maxLength: 5 })
const write = (list: readonly Field[]): string =>
  `${list.map(({ key, value }) => `${key}=${value}${kvsep}`).join('')}${kvsep}`
/** Comes near to being a message. */
const junk = fc
  .array(fc.oneof(fc.constantFrom(kvsep, '=', 'auth', 'Bearer ', 'secret', '\xff', '\0'), latin1(3)), { maxLength: 14 })
  .map(pieces => pieces.join(''))

test('fields are read as they were written, whatever stands before them', () => {
  fc.assert(
    fc.property(latin1(10), fields, (header, list) => {
      assert.deepEqual(readFields(header + write(list), header.length), list)
    }),
  )
})

test('a message cut short is malformed, and so is one with something behind it', () => {
  fc.assert(
    fc.property(fields, fc.nat(), latin1(5), (list, cut, more) => {
      const message = write(list)
      assert.ok('kind' in readFields(message.slice(0, cut % message.length), 0))
      assert.equal('kind' in readFields(message + more, 0), more !== '')
    }),
  )
})

test('junk is malformed or the very fields that it says, and is never repeated', () => {
  fc.assert(
    fc.property(junk, fc.nat({ max: 20 }), (message, start) => {
      const read = readFields(message, start)
      if ('kind' in read) assert.doesNotMatch(read.why, /secret/)
      else assert.equal(write(read), message.slice(start))
    }),
    { numRuns: 500 },
  )
})

test('the token is found among other fields, in any case of the scheme, up to the limit', () => {
  const scheme = fc.mixedCase(fc.constant('bearer'))
  fc.assert(
    fc.property(fields, fields, scheme, token, (before, after, scheme, token) => {
      const others = [...before, ...after].filter(({ key }) => key !== 'auth')
      const auth = { key: 'auth', value: `${scheme} ${token}` }
      assert.equal(readToken([auth, ...others], limits), token)
      assert.equal(readToken([...others, auth], limits), token)
      assert.equal(readToken([...others, auth], { tokenBytes: token.length }), token)
      for (const wrong of [readToken([...others, auth], { tokenBytes: token.length - 1 }), readToken(others, limits)])
        assert.ok(typeof wrong !== 'string' && !wrong.why.includes(auth.value))
      assert.ok(typeof readToken([auth, ...others, auth], limits) !== 'string')
    }),
  )
})

test('what is no b64token is no token, and is never repeated', () => {
  fc.assert(
    fc.property(fc.constantFrom('Bearer ', 'bearer ', ''), fc.oneof(junk, latin1(20)), (scheme, text) => {
      const value = scheme + text
      const read = readToken([{ key: 'auth', value }], limits)
      if (typeof read !== 'string') assert.doesNotMatch(read.why, /secret/)
      else {
        assert.match(read, /^[A-Za-z0-9._~+/-]{1,100}=*$/)
        assert.equal(value.slice(0, -read.length).toLowerCase(), 'bearer ')
      }
    }),
    { numRuns: 500 },
  )
})
