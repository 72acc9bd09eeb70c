import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { plain } from '../../src/sasl/plain.ts'

/** `^@` in a message stands for the byte 0. */
const login = (message: string, tokenBytes = 16_384) =>
  plain.start({ tokenBytes })(Buffer.from(message.replaceAll('^@', '\0')))

const accepts = (message: string, authcid: string, password: string, authzid?: string) =>
  assert.deepEqual(login(message), { kind: 'password', authcid, password, authzid }, message)

const refuses = (message: string, why: RegExp) => {
  const outcome = login(message)
  assert.equal(outcome.kind, 'malformed', message)
  if (outcome.kind === 'malformed') assert.match(outcome.why, why, message)
}

it('is offered in clear, and tells failures by FAIL alone', () => {
  assert.deepEqual([plain.name, plain.flags, plain.failure], ['PLAIN', ['plaintext'], undefined])
})

describe('a message', () => {
  // RFC 4616 section 4.
  it('of the RFC', () => {
    accepts('^@tim^@tanstaaftanstaaf', 'tim', 'tanstaaftanstaaf')
    accepts('Ursel^@Kurt^@xipj3plmq', 'Kurt', 'xipj3plmq', 'Ursel')
  })
  it('is asked for with an empty challenge', () => {
    const exchange = plain.start({ tokenBytes: 100 })
    assert.deepEqual(exchange(undefined), { kind: 'challenge', data: Buffer.alloc(0) })
    assert.equal(exchange(Buffer.from('\0tim\0x')).kind, 'password')
    assert.throws(() => exchange(Buffer.from('\0tim\0x')), /after its end/)
  })
  it('has two NULs', () => {
    refuses('', /empty/)
    refuses('tim', /two NULs/)
    refuses('^@tim', /two NULs/)
    refuses('tim^@tanstaaftanstaaf', /two NULs/)
    refuses('^@tim^@tanstaaf^@tanstaaf', /password contains a NUL/)
    refuses('^@tim^@tanstaaf^@', /password contains a NUL/)
  })
  it('is not one of another mechanism', () => refuses('user=tim\x01auth=Bearer T\x01\x01', /two NULs/))
})

describe('the names', () => {
  it('are taken as they are', () => {
    accepts('^@Alice@Example.ORG^@x', 'Alice@Example.ORG', 'x')
    accepts('^@jürgen@bücher.example^@x', 'jürgen@bücher.example', 'x')
    accepts('^@ju\u0308rgen^@x', 'ju\u0308rgen', 'x')
    accepts('alice^@alice^@x', 'alice', 'x', 'alice')
    accepts(`^@${'a'.repeat(1024)}^@x`, 'a'.repeat(1024), 'x')
  })
  it('are UTF-8 without control characters, not empty and not endless', () => {
    refuses('^@^@x', /name is empty/)
    refuses('alice^@^@x', /name is empty/)
    refuses('^@al\nice^@x', /control/)
    refuses('al\tice^@alice^@x', /control/)
    refuses(`^@${'a'.repeat(1025)}^@x`, /name is longer than 1024 bytes/)
    const latin1 = Buffer.from('\0jürgen\0x', 'latin1')
    assert.deepEqual(plain.start({ tokenBytes: 9 })(latin1), { kind: 'malformed', why: 'the name is not UTF-8' })
  })
})

describe('the password', () => {
  it('is taken as it is', () => {
    accepts('^@tim^@ two words\t\r\n', 'tim', ' two words\t\r\n')
    accepts('^@tim^@pässwört 🔑', 'tim', 'pässwört 🔑')
    accepts('^@tim^@\u00ad\u00a0ﬁ', 'tim', '\u00ad\u00a0ﬁ')
  })
  it('is UTF-8, not empty, and no longer than a token', () => {
    refuses('^@tim^@', /password is empty/)
    const latin1 = Buffer.from('\0tim\0pässwört', 'latin1')
    assert.deepEqual(plain.start({ tokenBytes: 9 })(latin1), { kind: 'malformed', why: 'the password is not UTF-8' })
    assert.equal(login('^@tim^@äääa', 7).kind, 'password')
    assert.deepEqual(login('^@tim^@ääää', 7), { kind: 'malformed', why: 'the password is longer than 7 bytes' })
  })
})
