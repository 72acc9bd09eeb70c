/** Password hashes: which are known, what each may cost, and that they are checked as Dovecot checks them. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { isImportedHash, isKnownHash, parseHash } from '../../src/passwords/hash.ts'
import { createHashPool } from '../../src/passwords/hash-pool.ts'
import { checkHash } from '../../src/passwords/hash-worker.ts'
import { createRecorder } from '../support/log.ts'
import { passwordHashes } from '../support/password-hashes.ts'

const bcrypt = '$2y$04$OLmTViEA2S7MS6zqAe08l.ySW2t0lDte0cCynVBRZat74VJbJHLEu'
const key43 = 'ul2laLGnVfczwqFY0JdVw0GM984Xy0l6CPDR8Cw0jEk'
const argon = (settings: string): string => `{ARGON2ID}$argon2id$v=19$${settings}$xAzS9BTdf+xDAypHA3yB6A$${key43}`
const digits = 'ec03d12a66d361570a0ce1dc9812f3332241a7b0'

function complaint(hash: string): string {
  const parsed = parseHash(hash)
  return parsed.ok ? 'none' : parsed.message
}

for (const [password, hash] of passwordHashes)
  test(`${hash.slice(0, 24)}… of ${JSON.stringify(password.slice(0, 16))}: only that password is right`, async () => {
    assert.ok(isKnownHash(hash) && isImportedHash(hash))
    assert.equal(await checkHash({ hash, passwords: [password] }), true)
    assert.equal(await checkHash({ hash, passwords: [`~${password}`, ''] }), false)
  })

test('of several passwords any will do', async () => {
  const [password, hash] = passwordHashes[0] ?? ['', '']
  assert.equal(await checkHash({ hash, passwords: [`~${password}`, password] }), true)
})

test('bcrypt sees 72 bytes, in the middle of a character too', async () => {
  const [, long = ''] = passwordHashes.find(([text, hash]) => text === 'x'.repeat(80) && /BLF/.test(hash)) ?? []
  assert.equal(await checkHash({ hash: long, passwords: ['x'.repeat(72)] }), true)
  assert.equal(await checkHash({ hash: long, passwords: ['x'.repeat(71)] }), false)
  const [, accents = ''] = passwordHashes.find(([text, hash]) => text === 'é'.repeat(40) && /BLF/.test(hash)) ?? []
  assert.equal(await checkHash({ hash: accents, passwords: ['é'.repeat(36)] }), true)
})

test('bcrypt is the same under its three names', async () => {
  const [password = '', hash = ''] = passwordHashes.find(([, text]) => text.startsWith('{BLF-CRYPT}')) ?? []
  for (const name of ['$2a$', '$2b$', '$2y$'])
    assert.equal(await checkHash({ hash: hash.replace('$2y$', name), passwords: [password] }), true, name)
})

test('an empty password, one with a NUL and an endless one are never right', async () => {
  // doveadm pw -s SSHA512 -p ''
  const ofNothing =
    '{SSHA512}HnepqRc8gWQlPLrXQeSL7e3v4Z9fZawHXxWH/jCFSSuVTjbM5VqyJUIzyt4YYE06TS4zIgDx6oPkhCwR+feUU3+m0vA='
  assert.ok(isKnownHash(ofNothing))
  for (const password of ['', '\0']) assert.equal(await checkHash({ hash: ofNothing, passwords: [password] }), false)
  const ofLength = (bytes: number) => {
    const digest = createHash('sha512')
      .update(`${'x'.repeat(bytes)}salt`)
      .digest()
    const hash = `{SSHA512}${Buffer.concat([digest, Buffer.from('salt')]).toString('base64')}`
    return checkHash({ hash, passwords: ['x'.repeat(bytes)] })
  }
  assert.deepEqual([await ofLength(256), await ofLength(257)], [true, false])
})

test('what is not one of the known schemes is refused, and told which are', () => {
  const expected = 'expected a hash of one of these schemes: {ARGON2ID} {BLF-CRYPT} {SHA512-CRYPT} {PBKDF2} {SSHA512}'
  const foreign = ['hunter2', '{PLAIN}hunter2', '{MD5}x', '{blf-crypt}x', '{SSHA512.HEX}aa', '{}', '', '{__proto__}x']
  for (const hash of [...foreign, `{CRYPT}${bcrypt}`, `{BLF-CRYPT}${bcrypt} `, '{constructor}x'])
    assert.equal(complaint(hash), expected, hash)
})

test('what is not as its scheme writes it is refused', () => {
  const broken: Record<string, string> = {
    '{SHA256}AAAA': '{SHA256}: expected 32 bytes in base64',
    [`{SSHA512}${'A'.repeat(86)}==`]: '{SSHA512}: expected 64 bytes and a salt, in base64',
    [`{PBKDF2}$1$salt$0$${digits}`]: '{PBKDF2}: expected $1$SALT$ROUNDS$ and 40 hexadecimal digits',
    [`{PBKDF2}$1$salt$10$${digits}0`]: '{PBKDF2}: expected $1$SALT$ROUNDS$ and 40 hexadecimal digits',
    [argon('m=65536,t=3')]: '{ARGON2ID}: expected $argon2id$v=19$m=…,t=…,p=…$SALT$KEY',
    [argon('m=65536,t=3,p=1').replace('v=19', 'v=16')]: '{ARGON2ID}: expected $argon2id$v=19$m=…,t=…,p=…$SALT$KEY',
    [argon('m=65536,t=3,p=1').replace(key43, 'AAAA')]:
      '{ARGON2ID}: expected a salt of at least 8 bytes and a key of 16 to 128',
    [argon('m=8,t=3,p=2')]: '{ARGON2ID}: expected p of 1 to 16, and m at least 8 times p',
    [`{BLF-CRYPT}${bcrypt.replace('2y', '2x')}`]: '{BLF-CRYPT}: expected $2y$COST$ (or $2a$, $2b$) and 53 characters',
    [`{BLF-CRYPT}${bcrypt}a`]: '{BLF-CRYPT}: expected $2y$COST$ (or $2a$, $2b$) and 53 characters',
    [`{SHA512-CRYPT}$5$salt$${'a'.repeat(43)}`]:
      '{SHA512-CRYPT}: expected $6$SALT$ or $6$rounds=ROUNDS$SALT$ and 86 characters',
    [`{SHA512-CRYPT}$6$rounds=999$salt$${'a'.repeat(86)}`]:
      '{SHA512-CRYPT}: expected $6$SALT$ or $6$rounds=ROUNDS$SALT$ and 86 characters',
  }
  for (const [hash, message] of Object.entries(broken)) assert.equal(complaint(hash), message)
})

test('what would take too long, or too much memory, is refused with its limit; what just fits is not', () => {
  const limits: Record<string, string> = {
    [argon('m=1048577,t=1,p=1')]: '{ARGON2ID}: m is over 1048576 (1 GiB), which would take too much memory',
    [argon('m=1048576,t=5,p=1')]: '{ARGON2ID}: m times t is over 4194304, which would take too long',
    [argon('m=65536,t=1,p=17')]: '{ARGON2ID}: expected p of 1 to 16, and m at least 8 times p',
    [`{BLF-CRYPT}${bcrypt.replace('$04', '$16')}`]: '{BLF-CRYPT}: a cost over 15, which would take too long',
    [`{SHA512-CRYPT}$6$rounds=1000001$salt$${'a'.repeat(86)}`]:
      '{SHA512-CRYPT}: more than 1000000 rounds, which would take too long',
    [`{PBKDF2}$1$salt$5000001$${digits}`]: '{PBKDF2}: more than 5000000 rounds, which would take too long',
    [argon('m=1048576,t=4,p=16')]: 'none',
    [`{BLF-CRYPT}${bcrypt.replace('$04', '$15')}`]: 'none',
    [`{SHA512-CRYPT}$6$rounds=1000000$salt$${'a'.repeat(86)}`]: 'none',
    [`{PBKDF2}$1$salt$5000000$${digits}`]: 'none',
  }
  for (const [hash, message] of Object.entries(limits)) assert.equal(complaint(hash), message)
})

test('a slow hash is checked in a thread: the event loop goes on meanwhile', async t => {
  const log = createRecorder()
  const pool = createHashPool(log, 1)
  t.after(() => pool.close())
  const [password = '', hash = ''] = passwordHashes.find(([, text]) => text.startsWith('{SHA512-CRYPT}')) ?? []
  // Computed here, the check would leave the loop a handful of turns.
  const task = { hash, passwords: [`~${password}`, password] }
  assert.equal(await pool.check(task), true)
  let turns = 0
  let done = false
  const checked = pool.check(task).finally(() => {
    done = true
  })
  for (; !done; turns++) await new Promise(resolve => setImmediate(resolve))
  assert.equal(await checked, true)
  assert.ok(turns > 100, `${turns} turns`)
  assert.deepEqual(log.lines, [])
})
