import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { login } from '../../src/sasl/login.ts'

/** What is answered to each message of the client. */
function converse(...messages: readonly (Buffer | string | undefined)[]) {
  const exchange = login.start({ tokenBytes: 20 })
  return messages.map(message => {
    const outcome = exchange(message === undefined ? undefined : Buffer.from(message))
    return outcome.kind === 'challenge' ? outcome.data.toString() : outcome
  })
}

const alice = { kind: 'password', authcid: 'alice@example.org', password: 'pass word', authzid: undefined }
const malformed = (why: string) => ({ kind: 'malformed', why })

it('is offered in clear, and tells failures by FAIL alone', () => {
  assert.deepEqual([login.name, login.flags, login.failure], ['LOGIN', ['plaintext'], undefined])
})

describe('an exchange', () => {
  it('asks for the name, then for the password', () =>
    assert.deepEqual(converse(undefined, 'alice@example.org', 'pass word'), ['Username:', 'Password:', alice]))
  it('takes an initial response for the name', () =>
    assert.deepEqual(converse('alice@example.org', 'pass word'), ['Password:', alice]))
  it('takes an empty initial response for none', () =>
    assert.deepEqual(converse('', 'alice@example.org', 'pass word'), ['Username:', 'Password:', alice]))
  it('is over after that', () => {
    assert.throws(() => converse('alice', 'x', 'y'), /after its end/)
    assert.throws(() => converse(undefined, '', 'y'), /after its end/)
    assert.throws(() => converse(undefined, undefined), /answered with nothing/)
    assert.throws(() => converse('alice', undefined), /answered with nothing/)
  })
  it('does not know of others', () => {
    const [one, other] = [login.start({ tokenBytes: 20 }), login.start({ tokenBytes: 20 })]
    one(Buffer.from('alice'))
    other(Buffer.from('bob'))
    const outcome = one(Buffer.from('x'))
    assert.equal(outcome.kind === 'password' && outcome.authcid, 'alice')
  })
})

describe('the name', () => {
  it('is not empty, once it was asked for', () =>
    assert.deepEqual(converse(undefined, ''), ['Username:', malformed('the name is empty')]))
  it('is UTF-8 without control characters', () => {
    assert.deepEqual(converse('jürgen@bücher.example')[0], 'Password:')
    assert.deepEqual(converse(Buffer.from('jürgen', 'latin1')), [malformed('the name is not UTF-8')])
    assert.deepEqual(converse('alice\0'), [malformed('the name contains a control character')])
  })
})

describe('the password', () => {
  it('is UTF-8 without NUL, not empty, and no longer than a token', () => {
    const given = (password: Buffer | string) => converse('alice', password)[1]
    assert.deepEqual(given('pässwört 🔑'), { ...alice, authcid: 'alice', password: 'pässwört 🔑' })
    assert.deepEqual(given(''), malformed('the password is empty'))
    assert.deepEqual(given('a\0b'), malformed('the password contains a NUL'))
    assert.deepEqual(given(Buffer.from('pässwört', 'latin1')), malformed('the password is not UTF-8'))
    assert.deepEqual(given('x'.repeat(21)), malformed('the password is longer than 20 bytes'))
  })
})
