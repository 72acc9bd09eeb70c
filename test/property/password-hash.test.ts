/** Hashes as text: what Dovecot writes is read whole, anything else is refused without being repeated. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { importedSchemes, isKnownHash, parseHash } from '../../src/passwords/hash.ts'

const runs = { numRuns: 50 }

const salt = fc.stringMatching(/^[./A-Za-z0-9]{1,16}$/)
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map(b => Buffer.from(b))
const unpadded = (buffer: Buffer): string => buffer.toString('base64').replace(/=+$/, '')

test('PBKDF2: salt, rounds and digest are what was written', () => {
  fc.assert(
    fc.property(salt, fc.integer({ min: 1, max: 5_000_000 }), bytes(20), (text, rounds, digest) => {
      const parsed = parseHash(`{PBKDF2}$1$${text}$${rounds}$${digest.toString('hex')}`)
      assert.deepEqual(parsed, { ok: true, hash: { scheme: 'PBKDF2', salt: text, rounds, digest } })
    }),
    runs,
  )
})

test('ARGON2ID: settings, salt and key are what was written', () => {
  const settings = fc.tuple(fc.integer({ min: 128, max: 65_536 }), fc.integer({ min: 1, max: 64 }), fc.nat({ max: 15 }))
  fc.assert(
    fc.property(settings, bytes(16), bytes(32), ([memoryKiB, passes, more], saltBytes, digest) => {
      const lanes = more + 1
      const text = `m=${memoryKiB},t=${passes},p=${lanes}$${unpadded(saltBytes)}$${unpadded(digest)}`
      assert.deepEqual(parseHash(`{ARGON2ID}$argon2id$v=19$${text}`), {
        ok: true,
        hash: { scheme: 'ARGON2ID', digest, salt: saltBytes, memoryKiB, passes, lanes },
      })
    }),
    runs,
  )
})

test('SSHA512: what follows 64 bytes is the salt', () => {
  fc.assert(
    fc.property(bytes(64), fc.uint8Array({ minLength: 1, maxLength: 32 }), (digest, rest) => {
      const parsed = parseHash(`{SSHA512}${Buffer.concat([digest, rest]).toString('base64')}`)
      assert.deepEqual(parsed, { ok: true, hash: { scheme: 'SSHA512', digest, salt: Buffer.from(rest) } })
    }),
    runs,
  )
})

test('anything else is refused, and the complaint repeats nothing of it', () => {
  const scheme = fc.constantFrom('', '{PLAIN}', ...['SHA256', ...importedSchemes].map(name => `{${name}}`))
  const secret = fc.stringMatching(/^[g-z]{6}[A-Z]{6}[0-9]{0,4}$/)
  fc.assert(
    fc.property(scheme, fc.constantFrom('', '$6$', '$2y$05$', '$1$x$1$', '$argon2id$'), secret, (name, start, text) => {
      const parsed = parseHash(name + start + text)
      assert.ok(!parsed.ok && !parsed.message.includes(text))
    }),
    runs,
  )
})

test('any text is answered', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), text => typeof isKnownHash(text) === 'boolean'))
})
