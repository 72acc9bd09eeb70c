/** Keys for client assertions. What is sent is in test/provider. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { readSigningKey } from '../../src/oidc/client-auth.ts'
import { Secret } from '../../src/secret.ts'

const pem = ({ privateKey }: { privateKey: KeyObject }) =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

test('the kind of the key decides the algorithm', async () => {
  const keys = {
    RS256: pem(generateKeyPairSync('rsa', { modulusLength: 2048 })),
    ES256: pem(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
    ES384: pem(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
    ES512: pem(generateKeyPairSync('ec', { namedCurve: 'P-521' })),
    EdDSA: pem(generateKeyPairSync('ed25519')),
  }
  for (const [alg, text] of Object.entries(keys)) {
    const key = readSigningKey(new Secret(text))
    assert.equal(key.alg, alg)
    assert.equal((await key.load()).extractable, false)
  }
})

test('what cannot sign is refused, in words that hold nothing of it', () => {
  const unusable = {
    'another curve': pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })),
    'a key for encryption': pem(generateKeyPairSync('x25519')),
    'no key': 'hunter2-hunter2-hunter2',
    'a damaged key': pem(generateKeyPairSync('ed25519')).replace(/.{10}\n-----END/, '\n-----END'),
    'an encrypted key': generateKeyPairSync('ed25519')
      .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
      .toString(),
  }
  for (const [name, text] of Object.entries(unusable))
    assert.throws(
      () => readSigningKey(new Secret(text)),
      error => {
        assert.ok(error instanceof Error)
        assert.match(error.message, /^auth\.key /, name)
        for (const line of text.split('\n').filter(line => line.length > 10))
          assert.ok(!`${error.stack}`.includes(line), name)
        return true
      },
    )
})
