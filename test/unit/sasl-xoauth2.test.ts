import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { xoauth2 } from '../../src/sasl/xoauth2.ts'

/** `^A` in a message stands for the byte 0x01. */
const login = (message: string, tokenBytes = 16_384) =>
  xoauth2.start({ tokenBytes })(Buffer.from(message.replaceAll('^A', '\x01')))

const accepts = (message: string, token: string, authzid: string) =>
  assert.deepEqual(login(message), { kind: 'token', token, authzid }, message)

const refuses = (message: string, why: RegExp) => {
  const outcome = login(message)
  assert.equal(outcome.kind, 'malformed', message)
  if (outcome.kind === 'malformed') assert.match(outcome.why, why, message)
}

describe('a message', () => {
  it('of Thunderbird, curl and msmtp', () =>
    accepts('user=alice@example.org^Aauth=Bearer T0ken^A^A', 'T0ken', 'alice@example.org'))
  it('has its fields in any order, and others that do not matter', () => {
    accepts('auth=Bearer T^Auser=alice^A^A', 'T', 'alice')
    accepts('user=alice^Ax-1=\xff^Ahost=^Aauth=Bearer T^A^A', 'T', 'alice')
  })
  it('ends with two ^A', () => {
    refuses('user=alice^Aauth=Bearer T^A', /cut off/)
    refuses('user=alice^Aauth=Bearer T', /cut off/)
    refuses('user=alice', /cut off/)
    refuses('user=alice^Aauth=Bearer T^A^A^A', /follows/)
    refuses('^A', /"user" is missing/)
  })
  it('is not empty', () => refuses('', /empty/))
  it('has both fields, once', () => {
    refuses('user=alice^A^A', /"auth" is missing/)
    refuses('auth=Bearer T^A^A', /"user" is missing/)
    refuses('user=alice^Auser=bob^Aauth=Bearer T^A^A', /"user" is there twice/)
    refuses('user=alice^Aauth=Bearer T^Aauth=Bearer T^A^A', /"auth" is there twice/)
    refuses('user=alice^Aauth^A^A', /no "="/)
    refuses('user=alice^A=^Aauth=Bearer T^A^A', /no name/)
  })
  it('is not one of OAUTHBEARER', () => refuses('n,a=alice,^Aauth=Bearer T^A^A', /"user" is missing/))
})

describe('the name', () => {
  it('is taken as it is', () => {
    accepts('user=al=2Cice,=@example.org^Aauth=Bearer T^A^A', 'T', 'al=2Cice,=@example.org')
    accepts('user=jürgen@bücher.example^Aauth=Bearer T^A^A', 'T', 'jürgen@bücher.example')
  })
  it('is UTF-8 without control characters, and not empty', () => {
    refuses('user=^Aauth=Bearer T^A^A', /name is empty/)
    refuses('user=al\nice^Aauth=Bearer T^A^A', /control/)
    refuses('user=al\0ice^Aauth=Bearer T^A^A', /control/)
    const latin1 = Buffer.from('user=jürgen\x01auth=Bearer T\x01\x01', 'latin1')
    assert.deepEqual(xoauth2.start({ tokenBytes: 9 })(latin1), { kind: 'malformed', why: 'the name is not UTF-8' })
  })
})

describe('the token', () => {
  it('is an RFC 6750 b64token within the limit, after "Bearer "', () => {
    accepts('user=a^Aauth=bEARER a.b-c_d~e+f/g==^A^A', 'a.b-c_d~e+f/g==', 'a')
    refuses('user=a^Aauth=Bearer  T^A^A', /b64token/)
    refuses('user=a^Aauth=Bearer T\x7f^A^A', /b64token/)
    refuses('user=a^Aauth=T^A^A', /"Bearer "/)
    assert.equal(login('user=a^Aauth=Bearer TTT^A^A', 2).kind, 'malformed')
  })
})

describe('the exchange', () => {
  it('asks with an empty challenge for a message that did not come at once, and ends with it', () => {
    const exchange = xoauth2.start({ tokenBytes: 10 })
    assert.deepEqual(exchange(undefined), { kind: 'challenge', data: Buffer.alloc(0) })
    assert.equal(exchange(Buffer.from('user=a\x01auth=Bearer T\x01\x01')).kind, 'token')
    assert.throws(() => exchange(Buffer.alloc(0)), /after its end/)
  })
})
