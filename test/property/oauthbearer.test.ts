import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { oauthbearer } from '../../src/sasl/oauthbearer.ts'
import { name, token } from '../support/sasl.ts'

const login = (message: Buffer | string) => oauthbearer.start({ tokenBytes: 100 })(Buffer.from(message))

const escaped = (text: string) => text.replaceAll('=', '=3D').replaceAll(',', '=2C')
const field = fc
  .tuple(
    fc.stringMatching(/^[A-Za-z]{1,8}$/).filter(key => key !== 'auth'),
    fc.stringMatching(/^[\t\n\r -~]{0,20}$/),
  )
  .map(([key, value]) => `${key}=${value}\x01`)
const fields = fc.array(field, { maxLength: 3 }).map(list => list.join(''))

const message = fc
  .record({
    flag: fc.constantFrom('n', 'y'),
    name: fc.option(name, { nil: undefined }),
    before: fields,
    token,
    after: fields,
  })
  .map(parts => ({
    ...parts,
    text: `${parts.flag},${parts.name === undefined ? '' : `a=${escaped(parts.name)}`},\x01${parts.before}auth=Bearer ${parts.token}\x01${parts.after}\x01`,
  }))

it('finds name and token wherever the grammar allows them', () => {
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
  const piece = fc.constantFrom(
    'n,',
    'a=',
    ',',
    '\x01',
    'auth=',
    'Bearer ',
    '=2C',
    '=',
    'secret',
    'host=h',
    '\xff',
    'p=',
  )
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
