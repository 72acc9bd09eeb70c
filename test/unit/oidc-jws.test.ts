/** Which keys of a JWK Set count, and which of them verifies a token. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Fault } from '../../src/oidc/fault.ts'
import { createKeySet } from '../../src/oidc/jws.ts'
import { newSigner, publicJwk, signJwt } from '../support/jws.ts'

const rsa = newSigner('rsa', 'RS256')
const elliptic = newSigner('ec', 'ES256')
const edwards = newSigner('ed', 'EdDSA')
const claims = { sub: 'alice' }

const namesOf = async (...keys: unknown[]) => (await createKeySet({ keys })).names
const faultOf = (jwks: object) =>
  createKeySet({ ...jwks }).then(
    () => undefined,
    error => error instanceof Fault && error.code,
  )

describe('keys that count', () => {
  it('are named by kid, and by algorithm or kind', async () => {
    const p521 = newSigner(undefined, 'ES512')
    const keys = [
      publicJwk(rsa),
      publicJwk(rsa, { alg: 'PS384' }),
      publicJwk(edwards, { alg: 'EdDSA' }),
      publicJwk(p521),
    ]
    assert.deepEqual(await namesOf(...keys), ['"rsa" (RSA)', '"rsa" (PS384)', '"ed" (Ed25519)', 'without kid (P-521)'])
  })
  it('keep nothing but what is needed for verifying', async () => {
    const { keys } = await createKeySet({ keys: [publicJwk(rsa, { x5c: ['MII'], x5t: 'x', alg: 'RS256', n2: 1 })] })
    assert.deepEqual(Object.keys(keys[0] ?? {}).sort(), ['alg', 'e', 'kid', 'kty', 'n'])
  })
  it('are not spoiled by odd ones among them', async () => {
    const { x: _, ...halfAPoint } = publicJwk(elliptic)
    const odd: unknown[] = [
      null,
      'key',
      [],
      {},
      { kty: 'RSA' },
      { kty: 'RSA', n: 5, e: 'AQAB' },
      { kty: 'RSA', n: '!!', e: 'AQAB' },
      halfAPoint,
      publicJwk(elliptic, { y: publicJwk(elliptic).x }),
      publicJwk(elliptic, { crv: 'P-384' }),
      publicJwk(elliptic, { crv: 'secp256k1' }),
      publicJwk(elliptic, { alg: 'ES384' }),
      publicJwk(edwards, { crv: 'X25519' }),
      publicJwk(edwards, { alg: 'RS256' }),
      publicJwk(rsa, { alg: 'none' }),
      publicJwk(rsa, { alg: 'HS256' }),
      publicJwk(rsa, { alg: 5 }),
      publicJwk(rsa, { kid: 5 }),
      publicJwk(rsa, { use: 'enc' }),
      publicJwk(rsa, { key_ops: [] }),
      publicJwk(rsa, { d: 'x' }),
      { kty: 'oct', k: 'c2VjcmV0', kid: 'oct' },
      { kty: 'AKP', alg: 'ML-DSA-44', pub: 'x' },
    ]
    assert.deepEqual(await namesOf(...odd, publicJwk(rsa)), ['"rsa" (RSA)'])
    for (const key of odd) assert.equal(await faultOf({ keys: [key] }), 'NO_KEYS', JSON.stringify(key))
  })
  it('are 1 to 64', async () => {
    for (const jwks of [{}, { keys: [] }, { keys: {} }, { keys: 'none' }, { error: 'maintenance' }])
      assert.equal(await faultOf(jwks), 'NO_KEYS')
    const keys = Array.from({ length: 64 }, (_, index) => publicJwk(edwards, { kid: `${index}` }))
    assert.equal((await namesOf(...keys)).length, 64)
    assert.equal(await faultOf({ keys: [...keys, publicJwk(rsa)] }), 'TOO_MANY_KEYS')
  })
})

describe('the key for a token', () => {
  it('is told by kid, and must fit alg', async () => {
    const set = await createKeySet({ keys: [publicJwk(rsa), publicJwk(elliptic)] })
    assert.equal(await set.verify(signJwt(elliptic, claims), 'ES256'), 'good')
    assert.equal(await set.verify(signJwt(elliptic, claims, { kid: 'rsa' }), 'ES256'), 'unknown_key')
    assert.equal(await set.verify(signJwt(edwards, claims), 'EdDSA'), 'unknown_key')
  })
  it('is every one that fits, where the token has no kid', async () => {
    const others = [1, 2].map(() => publicJwk(newSigner(undefined, 'ES256')))
    const token = signJwt(elliptic, claims, { kid: undefined })
    assert.equal(await (await createKeySet({ keys: [...others, publicJwk(elliptic)] })).verify(token, 'ES256'), 'good')
    assert.equal(await (await createKeySet({ keys: others })).verify(token, 'ES256'), 'bad_signature')
    assert.equal(await (await createKeySet({ keys: [publicJwk(elliptic)] })).verify(token, 'ES256'), 'good')
    assert.equal(await (await createKeySet({ keys: [publicJwk(rsa)] })).verify(token, 'ES256'), 'unknown_key')
  })
  it('is every one of those that have the same kid', async () => {
    const [old, next] = [newSigner('same', 'ES256'), newSigner('same', 'ES256')]
    const set = await createKeySet({ keys: [publicJwk(old), publicJwk(next), publicJwk(rsa, { kid: 'same' })] })
    for (const signer of [old, next]) assert.equal(await set.verify(signJwt(signer, claims), 'ES256'), 'good')
    assert.equal(await set.verify(signJwt(elliptic, claims, { kid: 'same' }), 'ES256'), 'bad_signature')
    assert.equal(await set.verify(signJwt(rsa, claims, { kid: 'same' }), 'RS256'), 'good')
  })
  it('may call Ed25519 by either name, as may the token', async () => {
    for (const alg of ['EdDSA', 'Ed25519', undefined]) {
      const set = await createKeySet({ keys: [publicJwk(edwards, { alg })] })
      for (const name of ['EdDSA', 'Ed25519'])
        assert.equal(await set.verify(signJwt(edwards, claims, { alg: name }), name), 'good')
    }
  })
  it('is never the one that the token brings along', async () => {
    const set = await createKeySet({ keys: [publicJwk(rsa)] })
    const token = signJwt(elliptic, claims, { jwk: publicJwk(elliptic) })
    assert.equal(await set.verify(token, 'ES256'), 'unknown_key')
  })
})
