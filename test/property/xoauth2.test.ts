import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { xoauth2 } from '../../src/sasl/xoauth2.ts'
import { name, token } from '../support/sasl.ts'

const login = (message: Buffer | string) => xoauth2.start({ tokenBytes: 100 })(Buffer.from(message))

const other = fc
  .tuple(
    fc.stringMatching(/^[a-z-]{1,8}$/).filter(key => key !== 'auth' && key !== 'user'),
    fc.string({ unit: 'grapheme' }).filter(value => !value.includes('\x01')),
  )
  .map(([key, value]) => `${key}=${value}\x01`)

const message = fc.record({ name, token, others: fc.array(other, { maxLength: 3 }) }).chain(parts =>
  fc
    .shuffledSubarray([`user=${parts.name}\x01`, `auth=Bearer ${parts.token}\x01`, ...parts.others], {
      minLength: 2 + parts.others.length,
    })
    .map(fields => ({ ...parts, text: `${fields.join('')}\x01` })),
)

it('finds name and token in any order', () => {
  fc.assert(
    fc.property(message, ({ text, token, name }) => {
      assert.deepEqual(login(text), { kind: 'token', token, authzid: name })
    }),
  )
})

it('refuses every message that was cut short', () => {
  fc.assert(
    fc.property(message, fc.nat(), ({ text }, cut) => {
      const bytes = Buffer.from(text)
      assert.equal(login(bytes.subarray(0, cut % bytes.length)).kind, 'malformed')
    }),
  )
})

it('never throws on junk, and never repeats it', () => {
  const piece = fc.constantFrom('user=', 'auth=', 'Bearer ', '\x01', 'secret', '=', '\xff', 'x')
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)),
    fc.array(piece, { maxLength: 12 }).map(pieces => Buffer.from(pieces.join(''), 'latin1')),
  )
  fc.assert(
    fc.property(junk, bytes => {
      const outcome = login(bytes)
      if (outcome.kind === 'malformed') assert.doesNotMatch(outcome.why, /secret/)
      else assert.equal(outcome.kind, 'token')
    }),
    { numRuns: 500 },
  )
})
