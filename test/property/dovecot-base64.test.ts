import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { decodeBase64 } from '../../src/dovecot/base64.ts'

it('decodes what was encoded', () => {
  fc.assert(
    fc.property(fc.uint8Array(), bytes => {
      const buffer = Buffer.from(bytes)
      assert.deepEqual(decodeBase64(buffer.toString('base64')), buffer)
    }),
  )
})

it('takes nothing that would be written differently', () => {
  const text = fc.array(fc.constantFrom('A', 'B', 'Q', '/', '+', '-', '_', '=', ' ', '\n', 'ü'), { maxLength: 8 })
  fc.assert(
    fc.property(
      text.map(chars => chars.join('')),
      text => {
        const canonical = Buffer.from(text, 'base64').toString('base64') === text
        assert.equal(decodeBase64(text) !== undefined, canonical)
      },
    ),
    { numRuns: 5000 },
  )
})
