/** JWTs that someone made in order to get in, each with the reason for which it is refused. */
import assert from 'node:assert/strict'
import { createHmac, sign as signBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { createKeySet } from '../../src/oidc/jws.ts'
import { createKeys, type JwsRules, type Verified } from '../../src/oidc/keys.ts'
import type { Claims, RefusalReason } from '../../src/oidc/token-verdict.ts'
import { newSigner, part, publicJwk, signJwt, signParts } from '../support/jws.ts'

const rsa = newSigner('rsa', 'RS256')
const elliptic = newSigner('ec', 'ES256')
const edwards = newSigner('ed', 'EdDSA')
/** Not in the issuer's JWK Set. */
const stranger = newSigner('rsa', 'RS256')
const jwks = [rsa, elliptic, edwards].map(signer => publicJwk(signer))

const rules: JwsRules = { algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'], types: ['at+jwt', 'jwt'] }
const alice = { iss: 'https://idp.example.org', sub: 'alice', aud: 'mail' }
const good = signJwt(rsa, alice)

/** In a world in which the 3 s between two fetches are always over. */
async function judge(token: string, published: readonly unknown[] = jwks, asked = rules): Promise<Verified> {
  let nowMs = 0
  const keys = createKeys({
    fetch: () => createKeySet({ keys: published }),
    disk: undefined,
    issuer: alice.iss,
    refreshMs: 600_000,
    maxAgeMs: Infinity,
    onWithdrawn: () => assert.fail('withdrawn'),
    onFailed: () => {},
    nowMs: () => {
      nowMs += 5000
      return nowMs
    },
  })
  return keys.verify(token, asked).finally(keys.stop)
}

async function refuses(token: string, reason: RefusalReason, published?: readonly unknown[]): Promise<string> {
  const verdict = await judge(token, published)
  if (verdict.kind === 'verified') return assert.fail('verified')
  assert.equal(verdict.reason, reason)
  const said = `${verdict.detail}; expected ${verdict.expected}`
  assert.ok(said.length < 1500, 'short')
  assert.ok(!token.split('.').some(part => part.length > 16 && said.includes(part)), 'nothing of the token')
  return said
}

const accepts = async (token: string, published?: readonly unknown[]) =>
  assert.equal((await judge(token, published)).kind, 'verified')

/** The parts of the good token, some of them replaced. */
function altered({ head, body, signature }: { head?: string; body?: string; signature?: string }): string {
  const [goodHead, goodBody, goodSignature] = good.split('.')
  return [head ?? goodHead, body ?? goodBody, signature ?? goodSignature].join('.')
}

describe('good ones, for comparison', () => {
  it('RSA, RSA-PSS, elliptic curve and Edwards curve are verified', async () => {
    for (const signer of [rsa, { ...rsa, alg: 'PS256' }, elliptic, edwards, { ...edwards, alg: 'Ed25519' }]) {
      const verdict = await judge(signJwt(signer, alice))
      assert.deepEqual(verdict.kind === 'verified' && [verdict.header.alg, verdict.payload, verdict.key], [
        signer.alg,
        alice,
        signer.kid,
      ])
    }
  })
})

describe('algorithm', () => {
  it('none, in every spelling, with and without a signature', async () => {
    const [, , signature] = good.split('.')
    for (const alg of ['none', 'None', 'nOnE', 'NONE', '', ' none'])
      for (const end of ['', signature]) {
        const head = part({ alg, kid: 'rsa', typ: 'at+jwt' })
        const said = await refuses(`${head}.${part(alice)}.${end}`, 'algorithm_not_allowed')
        assert.ok(said.includes(JSON.stringify(alg)))
      }
  })
  it('HMAC with the public key as secret', async () => {
    const secrets = [
      rsa.publicKey.export({ format: 'pem', type: 'spki' }),
      rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }),
      rsa.publicKey.export({ format: 'der', type: 'spki' }),
      Buffer.from(JSON.stringify(publicJwk(rsa))),
    ]
    for (const secret of secrets)
      for (const bits of [256, 384, 512]) {
        const input = `${part({ alg: `HS${bits}`, kid: 'rsa', typ: 'at+jwt' })}.${part(alice)}`
        const mac = createHmac(`sha${bits}`, secret).update(input).digest('base64url')
        await refuses(`${input}.${mac}`, 'algorithm_not_allowed')
      }
  })
  it('absent, or not a text', async () => {
    for (const alg of [undefined, null, 5, ['RS256'], { name: 'RS256' }])
      await refuses(signJwt(rsa, alice, { alg }), 'algorithm_not_allowed')
  })
  it('one that the rules leave out, though the signature is right', async () => {
    const said = await refuses(signJwt({ ...rsa, alg: 'RS512' }, alice), 'algorithm_not_allowed')
    assert.match(said, /alg is "RS512"; expected one of "RS256", "PS256"/)
  })
  it('one that the header lies about', async () => {
    const pss = signJwt({ ...rsa, alg: 'PS256' }, alice, { alg: 'RS256' })
    await refuses(pss, 'bad_signature')
    await refuses(signJwt(rsa, alice, { alg: 'PS256' }), 'bad_signature')
    await refuses(signJwt(rsa, alice, { alg: 'ES256' }), 'unknown_key')
  })
  it('one that the key is not for', async () => {
    const forPkcs = [publicJwk(rsa, { alg: 'RS256' })]
    await accepts(good, forPkcs)
    const said = await refuses(signJwt({ ...rsa, alg: 'PS256' }, alice), 'unknown_key', forPkcs)
    assert.match(said, /alg is "PS256"; expected one of the issuer's keys: "rsa" \(RS256\)/)
  })
})

describe('whose key', () => {
  it('a key with an unknown kid, or with the kid of another', async () => {
    const said = await refuses(signJwt(stranger, alice, { kid: 'mine' }), 'unknown_key')
    assert.match(said, /kid is "mine", .* "rsa" \(RSA\), "ec" \(P-256\), "ed" \(Ed25519\)/)
    await refuses(signJwt(stranger, alice), 'bad_signature')
    await refuses(signJwt(stranger, alice, { kid: undefined }), 'bad_signature')
    await refuses(signJwt(rsa, alice, { kid: 'RSA' }), 'unknown_key')
  })
  it('a key that the token brings along, or tells where to get', async () => {
    const jwk = publicJwk(stranger)
    const brought: Claims[] = [
      { jwk },
      { jwk, kid: undefined },
      { jku: 'https://evil.example.org/jwks' },
      { x5u: 'https://evil.example.org/cert' },
      { x5c: [stranger.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] },
    ]
    for (const header of brought) await refuses(signJwt(stranger, alice, header), 'bad_signature')
    for (const header of brought) await refuses(signJwt(stranger, alice, { ...header, kid: 'x' }), 'unknown_key')
    for (const header of brought) await accepts(signJwt(rsa, alice, header))
  })
  it('a kid that tries to be something else', async () => {
    for (const kid of ['../../dev/null', "' OR 1=1", '__proto__', 'constructor', '', '\u202e\n\u001b[2J'])
      assert.match(await refuses(signJwt(rsa, alice, { kid }), 'unknown_key'), /^[ -~]+$/)
    for (const kid of [null, 5, ['rsa'], {}]) await refuses(signJwt(rsa, alice, { kid }), 'token_malformed')
  })
  it('a secret or private key that the issuer shows to the world', async () => {
    const oct = { kty: 'oct', kid: 'oct', k: part('secret'), use: 'sig' }
    await refuses(signJwt(rsa, alice, { kid: 'oct' }), 'unknown_key', [...jwks, oct])
    const leaked = { ...stranger.privateKey.export({ format: 'jwk' }), kid: 'leaked' }
    await refuses(signJwt(stranger, alice, { kid: 'leaked' }), 'unknown_key', [...jwks, leaked])
  })
  it('an RSA key that is too short', async () => {
    const short = newSigner('short', 'RS256', 1024)
    await refuses(signJwt(short, alice), 'unknown_key', [...jwks, publicJwk(short)])
    const almost = newSigner('almost', 'RS256', 2040)
    await refuses(signJwt(almost, alice), 'unknown_key', [...jwks, publicJwk(almost)])
  })
  it('a key for encryption, or for another curve', async () => {
    const other = newSigner('other', 'RS256')
    const token = signJwt(other, alice)
    const unfit: Claims[] = [{ use: 'enc' }, { key_ops: ['encrypt'] }, { key_ops: 'verify' }, { alg: 'RSA-OAEP' }]
    for (const more of unfit) await refuses(token, 'unknown_key', [...jwks, publicJwk(other, more)])
    await accepts(token, [...jwks, publicJwk(other, { use: undefined, key_ops: ['verify'] })])
    const p384 = newSigner('p384', 'ES384')
    await refuses(signJwt(p384, alice, { alg: 'ES256' }), 'unknown_key', [...jwks, publicJwk(p384)])
  })
})

describe('kind of token', () => {
  it('a JWT that the same issuer signed for something else', async () => {
    for (const typ of [
      'id+jwt',
      'logout+jwt',
      'secevent+jwt',
      'token-introspection+jwt',
      'application/dpop+jwt',
      '',
      'JWE',
    ])
      await refuses(signJwt(rsa, alice, { typ }), 'not_an_access_token')
  })
  it('an access token is told in every spelling, and a token without type is a JWT', async () => {
    for (const typ of ['AT+JWT', 'application/at+jwt', 'Application/AT+JWT', 'JWT', undefined])
      await accepts(signJwt(rsa, alice, { typ }))
    const strict: JwsRules = { ...rules, types: ['at+jwt'] }
    const untyped = await judge(signJwt(rsa, alice, { typ: undefined }), jwks, strict)
    assert.equal(untyped.kind === 'refused' && untyped.reason, 'not_an_access_token')
    assert.equal((await judge(signJwt(rsa, alice, { typ: 'x' }), jwks, { ...rules, types: 'any' })).kind, 'verified')
  })
  it('a type that is not a text', async () => {
    for (const typ of [null, 1, ['at+jwt'], { a: 1 }]) await refuses(signJwt(rsa, alice, { typ }), 'token_malformed')
  })
  it('an extension that must be understood', async () => {
    const headers: Claims[] = [
      { crit: ['exp'], exp: 1 },
      { crit: ['b64'], b64: false },
      { crit: ['b64'], b64: true },
      { crit: [] },
      { crit: null },
      { crit: 'none' },
      { crit: ['http://example.org/x'] },
    ]
    for (const header of headers) await refuses(signJwt(rsa, alice, header), 'unsupported_header')
  })
})

describe('claims that can be read in two ways', () => {
  const head = part({ alg: 'RS256', kid: 'rsa', typ: 'at+jwt' })
  it('a claim that is there twice', async () => {
    for (const payload of [
      '{"sub":"alice","sub":"bob"}',
      '{"sub":"alice","aud":"mail","sub":"alice"}',
      '{"sub":"alice","\\u0073ub":"bob"}',
      '{"sub":"alice","ext":{"email":"a","email":"b"}}',
      '{"list":[{"a":1,"a":2}]}',
      '{"a":{"b":1},"a":2}',
      '{"__proto__":{"sub":"bob"},"__proto__":1}',
    ])
      assert.match(await refuses(signParts(rsa, head, part(payload)), 'token_malformed'), /payload is .* twice/)
  })
  it('a header member that is there twice', async () => {
    for (const header of ['{"alg":"none","alg":"RS256","kid":"rsa"}', '{"alg":"RS256","kid":"x","kid":"rsa"}'])
      assert.match(await refuses(signParts(rsa, part(header), part(alice)), 'token_malformed'), /header is .* twice/)
  })
  it('bytes that are not UTF-8, or begin with a byte order mark', async () => {
    for (const payload of [
      Buffer.from('{"sub":"\xff"}', 'latin1'),
      Buffer.from('\ufeff{}'),
      Buffer.from('{}', 'utf16le'),
    ])
      await refuses(signParts(rsa, head, part(payload)), 'token_malformed')
  })
  it('what is not JSON, or not an object', async () => {
    for (const payload of [
      '',
      ' ',
      '{',
      '{}{}',
      "{'a':1}",
      '{a:1}',
      '{"a":1,}',
      '[]',
      'null',
      '"text"',
      '1',
      'true',
      '{"a":NaN}',
    ])
      await refuses(signParts(rsa, head, part(payload)), 'token_malformed')
    for (const header of ['', '[]', 'null', '"RS256"', '{"alg":"RS256"'])
      await refuses(signParts(rsa, part(header), part(alice)), 'token_malformed')
  })
  it('a JWT in a JWT', async () => {
    await refuses(signJwt(rsa, good, { cty: 'JWT' }), 'token_malformed')
    await refuses(signJwt(rsa, JSON.stringify(good), { cty: 'JWT' }), 'token_malformed')
  })
})

describe('size', () => {
  it('a long one is judged like any other', async () => {
    await accepts(signJwt(rsa, { ...alice, groups: Array.from({ length: 5000 }, (_, index) => `group-${index}`) }))
    await accepts(signJwt(rsa, { ...alice, note: '"\\'.repeat(500_000) }))
    await refuses(signJwt(stranger, { note: 'x'.repeat(1_000_000) }), 'bad_signature')
    await refuses(signJwt(rsa, alice, { kid: 'k'.repeat(100_000) }), 'unknown_key')
    await refuses('.'.repeat(1_000_000), 'token_malformed')
  })
  it('a deep one', async () => {
    const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`
    await accepts(signJwt(rsa, nested(32)))
    for (const payload of [nested(33), nested(100_000), `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`])
      assert.match(await refuses(signJwt(rsa, payload), 'token_malformed'), /nested more than 32 levels deep/)
    await refuses(signParts(rsa, part(`{"alg":"RS256","a":${nested(50)}}`), part(alice)), 'token_malformed')
  })
})

describe('form', () => {
  it('cut anywhere', async () => {
    for (const length of [
      1,
      10,
      good.indexOf('.'),
      good.indexOf('.') + 1,
      good.lastIndexOf('.'),
      good.lastIndexOf('.') + 1,
    ])
      await refuses(good.slice(0, length), 'token_malformed')
    const [, , signature = ''] = good.split('.')
    for (const length of [1, 4, 170, signature.length - 1]) {
      const verdict = await judge(altered({ signature: signature.slice(0, length) }))
      assert.ok(verdict.kind === 'refused' && /^(token_malformed|bad_signature)$/.test(verdict.reason), `${length}`)
    }
  })
  it('too many parts, or too few: an encrypted JWT, two in one, none at all', async () => {
    for (const token of [`${good}.`, `${good}.x.y`, `${good}.${good}`, `.${good}`, 'opaque', ''])
      assert.match(await refuses(token, 'token_malformed'), /not of three parts/)
  })
  it('padding, and characters of no alphabet or another one', async () => {
    const [head = '', body = '', signature = ''] = good.split('.')
    const spoil: ((text: string) => string)[] = [
      text => `${text}=`,
      text => `${text}==`,
      text => ` ${text}`,
      text => `${text}\n`,
      text => `${text.slice(0, 5)}!${text.slice(5)}`,
      text => `+${text.slice(1)}`,
      text => `/${text.slice(1)}`,
      text => `${text}\u0000`,
    ]
    for (const change of spoil)
      for (const parts of [{ head: change(head) }, { body: change(body) }, { signature: change(signature) }])
        await refuses(altered(parts), 'token_malformed')
  })
  it('stray bits: another text for the same signature', async () => {
    const [, , signature = ''] = good.split('.')
    // 256 bytes leave 4 spare bits in the last character.
    const last = Buffer.from(`${signature.slice(-2)}AA`, 'base64url')[0]
    const twins = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
      .map(character => signature.slice(0, -1) + character)
      .filter(text => text !== signature && Buffer.from(`${text.slice(-2)}AA`, 'base64url')[0] === last)
    assert.equal(twins.length, 15)
    for (const signature of twins) await refuses(altered({ signature }), 'token_malformed')
  })
})

describe('signature', () => {
  it('stripped', async () => {
    assert.match(await refuses(altered({ signature: '' }), 'token_malformed'), /signature is missing/)
  })
  it('of another token of the same issuer', async () => {
    const [, , signature] = signJwt(rsa, { ...alice, sub: 'bob' }).split('.')
    await refuses(altered({ ...(signature && { signature }) }), 'bad_signature')
  })
  it('with other claims, or another header', async () => {
    await refuses(altered({ body: part({ ...alice, sub: 'bob' }) }), 'bad_signature')
    await refuses(altered({ head: part({ alg: 'RS256', kid: 'rsa', typ: 'JWT' }) }), 'bad_signature')
  })
  it('of an elliptic curve in the other form (DER), or of nothing but zeros', async () => {
    const [head, body] = signJwt(elliptic, alice).split('.')
    const der = signBytes('sha256', Buffer.from(`${head}.${body}`), elliptic.privateKey)
    const n = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
    const zero = Buffer.alloc(32)
    const one = Buffer.from('01'.padStart(64, '0'), 'hex')
    for (const signature of [
      der,
      Buffer.alloc(64),
      Buffer.concat([n, n]),
      Buffer.concat([zero, one]),
      Buffer.concat([one, zero]),
    ])
      await refuses(`${head}.${body}.${part(signature)}`, 'bad_signature')
  })
  it('of zeros, for RSA and Ed25519', async () => {
    await refuses(altered({ signature: part(Buffer.alloc(256)) }), 'bad_signature')
    await refuses(altered({ signature: part(Buffer.alloc(256, 0xff)) }), 'bad_signature')
    const [head, body] = signJwt(edwards, alice).split('.')
    await refuses(`${head}.${body}.${part(Buffer.alloc(64))}`, 'bad_signature')
  })
})
