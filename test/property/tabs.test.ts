import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { argument, escapeField, splitLine, unescapeField, unsigned32 } from '../../src/dovecot/tabs.ts'

const nasty = fc.constantFrom('\x00', '\x01', '\t', '\r', '\n', 't', '0', '1', 'r', 'n', '=', 'a', 'ü', '\u{1f600}')
const field = fc.array(nasty, { maxLength: 12 }).map(chars => chars.join(''))

it('brings every text through a line', () => {
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 5 }), fields => {
      const line = fields.map(escapeField).join('\t')
      assert.doesNotMatch(line, /[\x00\r\n]/)
      assert.deepEqual(splitLine(line), fields)
    }),
  )
})

it('unescapes anything to something no longer', () => {
  fc.assert(fc.property(field, text => unescapeField(text).length <= text.length))
})

it('finds the value of a key, whatever is in it', () => {
  fc.assert(
    fc.property(fc.array(field), field, (others, value) => {
      const clean = others.filter(other => !other.startsWith('key='))
      assert.equal(argument([...clean, `key=${value}`], 0, 'key'), value)
      assert.equal(argument(clean, 0, 'key'), undefined)
    }),
  )
})

it('reads unsigned 32 bit numbers and nothing else', () => {
  fc.assert(fc.property(fc.nat({ max: 0xffffffff }), number => unsigned32(String(number)) === number))
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.bigInt({ min: 0x100000000n }).map(String), fc.constant('-1')), text => {
      if (!/^[0-9]+$/.test(text) || Number(text) > 0xffffffff) assert.equal(unsigned32(text), undefined)
    }),
  )
})
