/** Codes of faults, and the words for them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describeFault, errorCode, Fault } from '../../src/oidc/fault.ts'

test('every code has a cause that names it, and a cure', () => {
  fc.assert(
    fc.property(fc.string(), code => {
      const { cause, cure } = describeFault(code)
      assert.ok(cause.endsWith(` (${code})`))
      assert.ok(cure.length > 10)
    }),
  )
})

test('of an error nothing goes on but a code, however deep', () => {
  const secret = 'Bearer tok3n-of.alice'
  const code = fc.oneof(fc.constantFrom('ECONNREFUSED', 'UND_ERR_SOCKET', secret, ''), fc.string(), fc.integer())
  fc.assert(
    fc.property(fc.array(code), codes => {
      const error = codes.reduce<unknown>(
        (cause, code) =>
          Object.assign(new TypeError(`Headers.append: "${secret}" is an invalid value`, { cause }), { code }),
        secret,
      )
      const found = errorCode(error)
      assert.match(found ?? 'NONE', /^\w+$/)
      if (found !== undefined) assert.ok(codes.includes(found))
      assert.ok(!`${new Fault(found ?? 'NONE').stack}`.includes(secret))
    }),
  )
})
