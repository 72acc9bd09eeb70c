import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { plain } from '../../src/sasl/plain.ts'
import { name, password } from '../support/sasl.ts'

const login = (message: Buffer | string) => plain.start({ tokenBytes: 100 })(Buffer.from(message))

it('finds both names and the password, as they were sent', () => {
  fc.assert(
    fc.property(fc.option(name, { nil: undefined }), name, password, (authzid, authcid, password) => {
      const outcome = login(`${authzid ?? ''}\0${authcid}\0${password}`)
      assert.deepEqual(outcome, { kind: 'password', authcid, password, authzid })
    }),
  )
})

it('has two NULs: one more or less is malformed', () => {
  fc.assert(
    fc.property(name, password, fc.nat(), (authcid, password, at) => {
      const message = `\0${authcid}\0${password}`
      assert.equal(login(message.replace('\0', '')).kind, 'malformed')
      const where = at % (message.length + 1)
      assert.equal(login(`${message.slice(0, where)}\0${message.slice(where)}`).kind, 'malformed')
    }),
  )
})

it('never throws on junk, and never repeats it', () => {
  const piece = fc.constantFrom('\0', '\0', 'secret', 'alice', '\xff', '\x01', 'ä')
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)),
    fc.array(piece, { maxLength: 8 }).map(pieces => Buffer.from(pieces.join(''), 'latin1')),
  )
  fc.assert(
    fc.property(junk, bytes => {
      const outcome = login(bytes)
      if (outcome.kind === 'malformed') assert.doesNotMatch(outcome.why, /secret/)
      else if (outcome.kind === 'password') {
        const { authzid = '', authcid, password } = outcome
        assert.deepEqual(Buffer.from(`${authzid}\0${authcid}\0${password}`), bytes)
      } else assert.fail(outcome.kind)
    }),
    { numRuns: 500 },
  )
})
