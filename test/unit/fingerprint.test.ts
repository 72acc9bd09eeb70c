import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fingerprint } from '../../src/fingerprint.ts'
import { Secret } from '../../src/secret.ts'

const config = (secret: string) => ({ name: 'main', auth: { method: 'token', token: new Secret(secret) } })

it('is the same for what is the same, and tells secrets apart', () => {
  assert.equal(fingerprint(config('a')), fingerprint(config('a')))
  assert.notEqual(fingerprint(config('a')), fingerprint(config('b')))
  assert.notEqual(fingerprint(config('a')), fingerprint({ ...config('a'), name: 'other' }))
  assert.notEqual(fingerprint([1, [2]]), fingerprint([[1], 2]))
  assert.notEqual(fingerprint(undefined), fingerprint(null))
})

it('takes no text for a secret, and holds none', () => {
  assert.notEqual(fingerprint({ token: '[secret]' }), fingerprint({ token: new Secret('[secret]') }))
  assert.doesNotMatch(fingerprint(config('hunter2')), /hunter2/)
})
