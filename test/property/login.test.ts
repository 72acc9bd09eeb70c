import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { login } from '../../src/sasl/login.ts'
import { name, password } from '../support/sasl.ts'

const start = () => login.start({ tokenBytes: 100 })
const username = { kind: 'challenge', data: Buffer.from('Username:') }
const passwordPlease = { kind: 'challenge', data: Buffer.from('Password:') }

it('asks for name and password, and hands them on as they were sent', () => {
  fc.assert(
    fc.property(name, password, fc.constantFrom('initial', 'empty', 'none'), (authcid, password, response) => {
      const exchange = start()
      if (response !== 'initial')
        assert.deepEqual(exchange(response === 'none' ? undefined : Buffer.alloc(0)), username)
      assert.deepEqual(exchange(Buffer.from(authcid)), passwordPlease)
      assert.deepEqual(exchange(Buffer.from(password)), { kind: 'password', authcid, password, authzid: undefined })
    }),
  )
})

it('ends at the second answer, whatever the bytes are, never throws before, and repeats nothing', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 30 }).map(bytes => Buffer.from(bytes)),
    fc.constantFrom('secret\0', 'secret\xff', 'secret', '').map(text => Buffer.from(text, 'latin1')),
  )
  fc.assert(
    fc.property(bytes, bytes, (first, second) => {
      const exchange = start()
      assert.deepEqual(exchange(undefined), username)
      const named = exchange(first)
      const outcome = named.kind === 'challenge' ? exchange(second) : named
      if (outcome.kind === 'malformed') assert.doesNotMatch(outcome.why, /secret/)
      else if (outcome.kind === 'password') {
        assert.deepEqual(Buffer.from(outcome.authcid), first)
        assert.deepEqual(Buffer.from(outcome.password), second)
      } else assert.fail('a third challenge')
    }),
    { numRuns: 500 },
  )
})
