import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { oauthbearer } from '../../src/sasl/oauthbearer.ts'

/** `^A` in a message stands for the byte 0x01. */
const login = (message: string, tokenBytes = 16_384) =>
  oauthbearer.start({ tokenBytes })(Buffer.from(message.replaceAll('^A', '\x01')))

const accepts = (message: string, token: string, authzid: string | undefined) =>
  assert.deepEqual(login(message), { kind: 'token', token, authzid }, message)

const refuses = (message: string, why: RegExp) => {
  const outcome = login(message)
  assert.equal(outcome.kind, 'malformed', message)
  if (outcome.kind === 'malformed') assert.match(outcome.why, why, message)
}

describe('a message', () => {
  it('of curl and msmtp', () => {
    accepts(
      'n,a=alice@example.org,^Ahost=mail.example.org^Aport=993^Aauth=Bearer T0ken^A^A',
      'T0ken',
      'alice@example.org',
    )
  })
  it('of Thunderbird for Android', () => accepts('n,a=alice@example.org,^Aauth=Bearer T^A^A', 'T', 'alice@example.org'))
  it('may name nobody', () => {
    accepts('n,,^Aauth=Bearer T^A^A', 'T', undefined)
    accepts('y,,^Aauth=Bearer T^A^A', 'T', undefined)
  })
  it('has fields in any order, and ones that nobody knows', () => {
    accepts('n,,^Aauth=Bearer T^Aport=143^AmTh=POST^Aqs=a=b&c=d^A^A', 'T', undefined)
    accepts('n,,^Aport=1^Aport=2^Ahost=^Aauth=Bearer T^A^A', 'T', undefined)
  })
  it('ends with two ^A', () => {
    refuses('n,,^Aauth=Bearer T^A', /cut off/)
    refuses('n,,^Aauth=Bearer T', /cut off/)
    refuses('n,,^A', /cut off/)
    refuses('n,,^Aauth=Bearer T^A^A^A', /follows/)
    refuses('n,,^Aauth=Bearer T^A^Aauth=Bearer U^A^A', /follows/)
    refuses('n,,^A^A', /"auth" is missing/)
  })
  it('is not empty, nor the ^A that answers a failure', () => {
    refuses('', /empty/)
    refuses('^A', /answer to a failure/)
  })
  it('has fields of the form name=value', () => {
    refuses('n,,^Aauth^A^A', /no "="/)
    refuses('n,,^Aauth^Ahost=x^A^A', /no "="/)
    refuses('n,,^A=x^Aauth=Bearer T^A^A', /no name/)
    refuses('n,,^Ax-y=z^Aauth=Bearer T^A^A', /letters/)
    refuses('n,,^Aau th=z^Aauth=Bearer T^A^A', /letters/)
    refuses('n,,^Ahost=\0^Aauth=Bearer T^A^A', /RFC 7628/)
    refuses('n,,^Ahost=bücher.example^Aauth=Bearer T^A^A', /RFC 7628/)
  })
})

describe('the GS2 header', () => {
  const named = (name: string) => `n,a=${name},^Aauth=Bearer T^A^A`

  it('has a comma and an equals sign in a name escaped', () => {
    accepts(named('smith=2Calice=3Dx@example.org'), 'T', 'smith,alice=x@example.org')
    accepts(named('=2c=3d=3D2C'), 'T', ',==2C')
    refuses(named('al=ice'), /neither =2C nor =3D/)
    refuses(named('alice=2'), /neither/)
    refuses(named('alice=20'), /neither/)
    refuses(named('smith,alice'), /end with a comma/)
  })
  it('has the name in UTF-8', () => {
    accepts(named('jürgen@bücher.example'), 'T', 'jürgen@bücher.example')
    const latin1 = Buffer.from(named('jürgen').replaceAll('^A', '\x01'), 'latin1')
    assert.deepEqual(oauthbearer.start({ tokenBytes: 100 })(latin1), {
      kind: 'malformed',
      why: 'the name is not UTF-8',
    })
  })
  it('has a name without control characters, if it has one', () => {
    refuses(named(''), /name is empty/)
    for (const control of ['\0', '\n', '\r', '\t', '\x7f']) refuses(named(`al${control}ice`), /control/)
    refuses('n,a=al^Aice,^Aauth=Bearer T^A^A', /control/)
  })
  it('offers no channel binding and no foreign GSS-API mechanism', () => {
    refuses('p=tls-unique,,^Aauth=Bearer T^A^A', /channel binding/)
    refuses('F,n,,^Aauth=Bearer T^A^A', /non-standard/)
  })
  it('is there', () => {
    refuses('auth=Bearer T^A^A', /GS2/)
    refuses('^Aauth=Bearer T^A^A', /GS2/)
    refuses('N,,^Aauth=Bearer T^A^A', /GS2/)
    refuses('n^Aauth=Bearer T^A^A', /GS2/)
    refuses('n,^Aauth=Bearer T^A^A', /GS2/)
    refuses('n,,auth=Bearer T^A^A', /GS2/)
    refuses('n,b=x,^Aauth=Bearer T^A^A', /GS2/)
    refuses('n,a=alice,a=bob,^Aauth=Bearer T^A^A', /GS2/)
  })
})

describe('the token', () => {
  const bearing = (auth: string) => `n,,^Aauth=${auth}^A^A`

  it('is an RFC 6750 b64token', () => {
    accepts(bearing('Bearer AZaz09-._~+/=='), 'AZaz09-._~+/==', undefined)
    for (const token of ['', '=', 'a=b', 'a b', ' a', 'a ', 'a\t', 'a\n', 'a\0', 'a,b', 'é', 'a\x7f', '"a"', 'a%20'])
      refuses(bearing(`Bearer ${token}`), /b64token/)
  })
  it('follows the scheme, in any case, and one blank', () => {
    accepts(bearing('bearer T'), 'T', undefined)
    accepts(bearing('BEARER T'), 'T', undefined)
    for (const auth of ['', 'T', 'Bearer', 'BearerT', 'Bearer\tT', ' Bearer T', 'Basic T'])
      refuses(bearing(auth), /"Bearer "/)
  })
  it('is there once', () => {
    refuses('n,,^Ahost=x^A^A', /"auth" is missing/)
    refuses('n,,^AAUTH=Bearer T^A^A', /"auth" is missing/)
    refuses('n,,^Aauth=Bearer T^Aauth=Bearer T^A^A', /twice/)
  })
  it('has a longest length', () => {
    const message = bearing(`Bearer ${'t'.repeat(100)}`)
    assert.equal(login(message, 100).kind, 'token')
    assert.deepEqual(login(message, 99), { kind: 'malformed', why: 'the token is longer than 99 bytes' })
  })
})

describe('the exchange', () => {
  const message = Buffer.from('n,,\x01auth=Bearer T\x01\x01')

  it('asks with an empty challenge for a message that did not come at once', () => {
    const exchange = oauthbearer.start({ tokenBytes: 10 })
    assert.deepEqual(exchange(undefined), { kind: 'challenge', data: Buffer.alloc(0) })
    assert.equal(exchange(message).kind, 'token')
  })
  it('takes an empty initial response for an answer', () => {
    assert.equal(oauthbearer.start({ tokenBytes: 10 })(Buffer.alloc(0)).kind, 'malformed')
  })
  it('is over after one message', () => {
    const exchange = oauthbearer.start({ tokenBytes: 10 })
    exchange(message)
    assert.throws(() => exchange(message), /after its end/)
    const failed = oauthbearer.start({ tokenBytes: 10 })
    failed(Buffer.from('junk'))
    assert.throws(() => failed(message), /after its end/)
    const unanswered = oauthbearer.start({ tokenBytes: 10 })
    unanswered(undefined)
    assert.throws(() => unanswered(undefined), /answered with nothing/)
  })
})
