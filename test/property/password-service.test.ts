/** Services: a restricted password is for the services it names, and for no other, however the name is spelled. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { allowsService, parseService, services } from '../../src/passwords/service.ts'

const name = fc.oneof(
  fc.string(),
  fc.constantFrom(...services, 'IMAP', 'submission', 'managesieve', 'doveadm', 'lmtp', '__proto__'),
)

test('what is allowed is named, unless all is', () => {
  fc.assert(
    fc.property(fc.subarray([...services]), name, (allowed, asked) => {
      const service = parseService(asked)
      const expected = allowed.length === 0 || (service !== undefined && allowed.includes(service))
      assert.equal(allowsService(allowed, asked), expected)
      assert.equal(allowsService(allowed, undefined), allowed.length === 0)
    }),
  )
})

test('a name stands for itself, or is another for submission or sieve', () => {
  fc.assert(
    fc.property(name, given => {
      const service = parseService(given)
      const other = new Map([
        ['submission', 'smtp'],
        ['managesieve', 'sieve'],
      ]).get(given.toLowerCase())
      assert.equal(service, services.find(known => known === given.toLowerCase()) ?? other)
    }),
  )
})
