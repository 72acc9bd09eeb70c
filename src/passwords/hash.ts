/**
 * Hash: the kinds of password hashes that are known, as Dovecot 2.3 spells them: `{SCHEME}…`. PURE; nothing is hashed here.
 *
 * {SHA256} is an app password's, unsalted because it is random. The others are imported (doc/wiki/Authentication.PasswordSchemes;
 * RFC 9106 for Argon2, src/auth/password-scheme-pbkdf2.c for PBKDF2). What it costs to check one is limited, because
 * anybody who knows a name makes it be checked: half a dozen seconds on a slow core. Messages repeat nothing of a hash.
 */
import { Buffer } from 'node:buffer'

export type Hash =
  | { readonly scheme: 'SHA256'; readonly digest: Buffer }
  | { readonly scheme: 'SSHA512'; readonly digest: Buffer; readonly salt: Buffer }
  | { readonly scheme: 'PBKDF2'; readonly digest: Buffer; readonly salt: string; readonly rounds: number }
  | {
      readonly scheme: 'ARGON2ID'
      readonly digest: Buffer
      readonly salt: Buffer
      readonly memoryKiB: number
      readonly passes: number
      readonly lanes: number
    }
  /** Without its `{SCHEME}`. */
  | { readonly scheme: 'BLF-CRYPT'; readonly crypt: string }
  /** `setting` is what precedes the digest: `$6$rounds=5000$salt`. */
  | { readonly scheme: 'SHA512-CRYPT'; readonly crypt: string; readonly setting: string }

export type ParsedHash =
  | { readonly ok: true; readonly hash: Hash }
  /** What was expected. */
  | { readonly ok: false; readonly message: string }

/**
 * A longer password is tried on no imported hash: SHA512-CRYPT's effort grows with the length, and nobody types as much.
 */
export const maxImportedBytes = 256

const maxArgonMemoryKiB = 1024 ** 2
/** Memory times passes, in KiB: what the time goes with. */
const maxArgonWorkKiB = 4 * 1024 ** 2
const maxArgonLanes = 16
const maxBcryptCost = 15
const maxSha512Rounds = 1_000_000
const maxPbkdf2Rounds = 5_000_000

type Reader = (text: string) => Hash | string

const readers: ReadonlyMap<string, Reader> = new Map([
  ['SHA256', readSha256],
  ['SSHA512', readSsha512],
  ['PBKDF2', readPbkdf2],
  ['ARGON2ID', readArgon2id],
  ['BLF-CRYPT', readBcrypt],
  ['SHA512-CRYPT', readSha512Crypt],
])

/** Those that can be imported. */
export const importedSchemes = ['ARGON2ID', 'BLF-CRYPT', 'SHA512-CRYPT', 'PBKDF2', 'SSHA512'] as const

export function parseHash(text: string): ParsedHash {
  const [, scheme = '', rest = ''] = /^\{([A-Z0-9-]{1,16})\}([!-~]{1,1024})$/.exec(text) ?? []
  const read = readers.get(scheme)
  if (read === undefined)
    return { ok: false, message: `expected a hash of one of these schemes: ${importedSchemes.map(inBraces).join(' ')}` }
  const hash = read(rest)
  return typeof hash === 'string' ? { ok: false, message: `{${scheme}}: ${hash}` } : { ok: true, hash }
}

export function isKnownHash(text: string): boolean {
  return parseHash(text).ok
}

/** Whether it is of a password that somebody chose elsewhere. */
export function isImportedHash(text: string): boolean {
  return !text.startsWith('{SHA256}')
}

function readSha256(text: string): Hash | string {
  const digest = decodeBase64(text)
  return digest?.length === 32 ? { scheme: 'SHA256', digest } : 'expected 32 bytes in base64'
}

function readSsha512(text: string): Hash | string {
  const bytes = decodeBase64(text)
  if (bytes === undefined || bytes.length <= 64) return 'expected 64 bytes and a salt, in base64'
  return { scheme: 'SSHA512', digest: bytes.subarray(0, 64), salt: bytes.subarray(64) }
}

function readPbkdf2(text: string): Hash | string {
  const [, salt, count, hex] = /^\$1\$([^$]{1,128})\$([1-9]\d{0,9})\$([0-9a-f]{40})$/i.exec(text) ?? []
  if (salt === undefined || hex === undefined) return 'expected $1$SALT$ROUNDS$ and 40 hexadecimal digits'
  const rounds = Number(count)
  if (rounds > maxPbkdf2Rounds) return `more than ${maxPbkdf2Rounds} rounds, which would take too long`
  return { scheme: 'PBKDF2', salt, rounds, digest: Buffer.from(hex, 'hex') }
}

function readArgon2id(text: string): Hash | string {
  const form = /^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([^$]+)\$([^$]+)$/
  const [, memory, time, parallel, salt = '', key = ''] = form.exec(text) ?? []
  const [memoryKiB, passes, lanes] = [Number(memory), Number(time), Number(parallel)]
  const [saltBytes, digest] = [decodeUnpadded(salt), decodeUnpadded(key)]
  if (saltBytes === undefined || digest === undefined) return 'expected $argon2id$v=19$m=…,t=…,p=…$SALT$KEY'
  if (saltBytes.length < 8 || digest.length < 16 || digest.length > 128)
    return 'expected a salt of at least 8 bytes and a key of 16 to 128'
  if (memoryKiB > maxArgonMemoryKiB) return `m is over ${maxArgonMemoryKiB} (1 GiB), which would take too much memory`
  if (memoryKiB * passes > maxArgonWorkKiB) return `m times t is over ${maxArgonWorkKiB}, which would take too long`
  if (lanes > maxArgonLanes || memoryKiB < 8 * lanes)
    return `expected p of 1 to ${maxArgonLanes}, and m at least 8 times p`
  return { scheme: 'ARGON2ID', digest, salt: saltBytes, memoryKiB, passes, lanes }
}

function readBcrypt(text: string): Hash | string {
  const [, cost] = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text) ?? []
  if (cost === undefined || Number(cost) < 4) return 'expected $2y$COST$ (or $2a$, $2b$) and 53 characters'
  if (Number(cost) > maxBcryptCost) return `a cost over ${maxBcryptCost}, which would take too long`
  return { scheme: 'BLF-CRYPT', crypt: text }
}

function readSha512Crypt(text: string): Hash | string {
  const form = /^(\$6\$(?:rounds=([1-9]\d{3,8})\$)?[./A-Za-z0-9]{0,16})\$[./A-Za-z0-9]{86}$/
  const [, setting, rounds = '0'] = form.exec(text) ?? []
  if (setting === undefined) return 'expected $6$SALT$ or $6$rounds=ROUNDS$SALT$ and 86 characters'
  if (Number(rounds) > maxSha512Rounds) return `more than ${maxSha512Rounds} rounds, which would take too long`
  return { scheme: 'SHA512-CRYPT', crypt: text, setting }
}

/** Exactly what it stands for: Node itself passes over what isn't base64. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined
}

/** As Argon2's reference code writes it, without the `=`. */
function decodeUnpadded(text: string): Buffer | undefined {
  return decodeBase64(text.padEnd(Math.ceil(text.length / 4) * 4, '='))
}

function inBraces(scheme: string): string {
  return `{${scheme}}`
}
