/** JSON Lines: each object once, on its line, however the bytes are cut; everything else is complained of. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import test from 'node:test'
import fc from 'fast-check'
import { createJsonLines } from '../../src/accounts/json-lines.ts'

const maxLineBytes = 64

function read(bytes: Buffer, cuts: readonly number[] = []): string[] {
  const events: string[] = []
  const lines = createJsonLines({
    maxLineBytes,
    object: (value, line) => events.push(`${line} ${JSON.stringify(value)}`),
    complain: (message, line) => events.push(`${line} ${message}`),
  })
  const places = [0, ...cuts.map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  for (const [index, start] of places.entries()) {
    // The reader's own buffer, which it fills again.
    const chunk = Buffer.from(bytes.subarray(start, places[index + 1] ?? start))
    lines.push(chunk)
    chunk.fill(0x78)
  }
  lines.end()
  return events
}

const shard = fc.oneof(
  fc.constantFrom('{"a":1}', '\n', '\r\n', '{', '}', '[]', '"ä', '\ufeff', ' ').map(text => Buffer.from(text)),
  fc.uint8Array({ maxLength: 4 }).map(bytes => Buffer.from(bytes)),
  fc.nat({ max: 70 }).map(length => Buffer.alloc(length, ' ')),
)
const bytes = fc.array(shard, { maxLength: 12 }).map(shards => Buffer.concat(shards))

test('where the bytes are cut makes no difference', () => {
  fc.assert(
    fc.property(bytes, fc.array(fc.nat({ max: 1000 }), { maxLength: 6 }), (given, cuts) =>
      assert.deepEqual(read(given, cuts), read(given)),
    ),
  )
})

test('every line gives an object, a complaint or, when it is empty, nothing', () => {
  fc.assert(
    fc.property(bytes, given => {
      const rows = given.toString('latin1').split('\n')
      const heard = read(given).map(event => Number(event.split(' ')[0]))
      assert.deepEqual(heard, [...new Set(heard)], 'one event a line')
      assert.ok(heard.every(line => line >= 1 && line <= rows.length))
      for (const [index, row] of rows.entries()) {
        const tooLong = row.length > maxLineBytes
        if (tooLong) assert.ok(heard.includes(index + 1), 'a line that is too long is complained of')
        if (/^[\x20-\x7e]*$/.test(row) && row.trim() !== '') assert.ok(heard.includes(index + 1))
      }
    }),
  )
})

test('objects come back as they were written', () => {
  const objects = fc.array(fc.record({ a: fc.string({ maxLength: 5 }), b: fc.integer() }), { maxLength: 5 })
  fc.assert(
    fc.property(objects, rows => {
      const text = rows.map(row => JSON.stringify(row)).join('\n')
      assert.deepEqual(
        read(Buffer.from(`\ufeff${text}`)),
        rows.map((row, index) => `${index + 1} ${JSON.stringify(row)}`),
      )
    }),
  )
})
