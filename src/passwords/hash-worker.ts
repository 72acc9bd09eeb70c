/**
 * Hash worker: checks a password against an imported hash, in a thread of its own (`hash-pool.ts`): that takes up to
 * seconds. The only importer of hash-wasm and unixcrypt; each is loaded when it is first needed.
 *
 * As Dovecot does: bcrypt sees the first 72 bytes (crypt_blowfish), the others all. An empty password and one with a NUL,
 * where C would take it to end, are never right, nor are more than `maxImportedBytes`.
 */
import { Buffer } from 'node:buffer'
import { createHash, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { type Hash, maxImportedBytes, parseHash } from './hash.ts'

/**
 * The thread may be of the next version: an upgrade replaces this file while the daemon runs. So fields aren't renamed, and
 * what a new one says must be safe to miss.
 */
export type HashTask = {
  readonly hash: string
  /** The first that is right decides. */
  readonly passwords: readonly string[]
}

const bcryptBytes = 72

export async function checkHash({ hash: text, passwords }: HashTask): Promise<boolean> {
  const parsed = parseHash(text)
  if (!parsed.ok) return false
  for (const password of passwords) if (await isRight(Buffer.from(password), parsed.hash)) return true
  return false
}

async function isRight(password: Buffer, hash: Hash): Promise<boolean> {
  if (password.length === 0 || password.length > maxImportedBytes || password.includes(0)) return false
  switch (hash.scheme) {
    case 'SSHA512':
      return isSame(createHash('sha512').update(password).update(hash.salt).digest(), hash.digest)
    case 'PBKDF2':
      return isSame(pbkdf2Sync(password, hash.salt, hash.rounds, hash.digest.length, 'sha1'), hash.digest)
    case 'SHA512-CRYPT': {
      const { encrypt } = await import('unixcrypt')
      return isSame(Buffer.from(encrypt(password.toString(), hash.setting)), Buffer.from(hash.crypt))
    }
    case 'ARGON2ID':
      return isArgon2id(password, hash)
    case 'BLF-CRYPT': {
      const { bcryptVerify } = await import('hash-wasm')
      return bcryptVerify({ password: password.subarray(0, bcryptBytes), hash: hash.crypt })
    }
    case 'SHA256':
      // An app password's: never imported.
      return false
  }
}

async function isArgon2id(password: Buffer, hash: Hash & { readonly scheme: 'ARGON2ID' }): Promise<boolean> {
  const { argon2id } = await import('hash-wasm')
  const key = await argon2id({
    password,
    salt: hash.salt,
    iterations: hash.passes,
    parallelism: hash.lanes,
    memorySize: hash.memoryKiB,
    hashLength: hash.digest.length,
    outputType: 'binary',
  })
  return isSame(key, hash.digest)
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
