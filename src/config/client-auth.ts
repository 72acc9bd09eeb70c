/**
 * Client auth: `auth.*` of a directory, by which bearerd proves itself to an introspection endpoint, secrets read.
 *
 * `x-file` may stand for each secret `x`. A secret is wrapped as soon as it is read and is in no message.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { Secret } from '../secret.ts'
import type { ClientAuth } from './config.ts'
import { type Folders, findCredential, openToAll, readText } from './files.ts'
import type { Report } from './report.ts'
import type { RawDirectory } from './schema.ts'
import { quote } from './values.ts'

type RawAuth = RawDirectory['auth']
type SecretKey = 'secret' | 'token' | 'key'

/** The keys that each method uses; an `x-file` goes with its `x`. */
const usedKeys: Readonly<Record<ClientAuth['method'], readonly string[]>> = {
  none: ['username'],
  basic: ['username', 'secret', 'basic-encoding'],
  post: ['username', 'secret'],
  token: ['token'],
  'user-token': [],
  'private-key-jwt': ['username', 'key', 'key-id'],
}

type Context = { readonly folders: Folders; readonly report: Report }

/** Undefined only after an error has been reported. `report` begins at `auth`. */
export async function readClientAuth(raw: RawAuth, context: Context): Promise<ClientAuth | undefined> {
  const { report } = context
  const method = chooseMethod(raw, report)
  if (method === undefined) return undefined
  for (const key of givenKeys(raw))
    if (!usedKeys[method].includes(key.replace(/-file$/, '')))
      report.warn([key], `not used with auth.method = ${quote(method)}`)
  switch (method) {
    case 'none':
      return { method, username: raw.username }
    case 'user-token':
      return { method }
    case 'token': {
      const token = await readSecret(raw, 'token', context)
      if (token !== undefined && !/^[\x21-\x7e]+$/.test(token.reveal()))
        report.error([origin(raw, 'token')], 'expected a bearer token: visible ASCII characters without spaces')
      return token && { method, token }
    }
    case 'basic': {
      const encoding = raw['basic-encoding'] ?? 'form'
      const username = clientId(raw, report)
      const secret = await readSecret(raw, 'secret', context)
      if (encoding === 'raw' && username?.includes(':'))
        report.error(['username'], 'a ":" would be taken for the end of it; auth.basic-encoding = "form" encodes it')
      return username !== undefined && secret !== undefined ? { method, username, secret, encoding } : undefined
    }
    case 'post': {
      const username = clientId(raw, report)
      const secret = await readSecret(raw, 'secret', context)
      return username !== undefined && secret !== undefined ? { method, username, secret } : undefined
    }
    case 'private-key-jwt': {
      const username = clientId(raw, report)
      const key = await readSecret(raw, 'key', context)
      const complaint = key && keyComplaint(key)
      if (complaint !== undefined) report.error([origin(raw, 'key')], complaint)
      return username !== undefined && key !== undefined ? { method, username, key, keyId: raw['key-id'] } : undefined
    }
  }
}

/** Keys of `auth` that are set, but for the method. */
function givenKeys(raw: RawAuth): string[] {
  return Object.entries(raw).flatMap(([key, value]) => (key === 'method' || value === undefined ? [] : [key]))
}

function chooseMethod(raw: RawAuth, report: Report): ClientAuth['method'] | undefined {
  if (raw.method !== undefined) return raw.method
  const [given] = givenKeys(raw)
  if (given !== undefined) {
    report.error(['method'], `needed, since auth.${given} is set: how bearerd is to prove itself to the endpoint`)
    return undefined
  }
  report.warn(
    [],
    'no auth.method, so bearerd shows no credentials of its own, though RFC 7662 section 2.1 has providers ask for them; auth.method = "none" says that this is meant',
  )
  return 'none'
}

function clientId({ username, method }: RawAuth, report: Report): string | undefined {
  if (username === undefined) report.error(['username'], `needed for auth.method = "${method}": the client id`)
  return username
}

/** The key that a secret came by. */
function origin(raw: RawAuth, key: SecretKey): string {
  return raw[key] === undefined ? `${key}-file` : key
}

async function readSecret(raw: RawAuth, key: SecretKey, { folders, report }: Context): Promise<Secret | undefined> {
  const fileKey = `${key}-file` as const
  const name = raw[fileKey]
  if (name === undefined) {
    if (raw[key] === undefined) report.error([key], `needed for auth.method = "${raw.method}" (or auth.${fileKey})`)
    return raw[key]
  }
  if (raw[key] !== undefined) {
    report.error([fileKey], `expected either auth.${key} or auth.${fileKey}, got both`)
    return undefined
  }
  const file = await findCredential(name, folders)
  const read = await readText(file)
  const secret = read.ok ? read.text.replace(/[\r\n]+$/, '') : ''
  const warning = read.ok ? openToAll(read.mode) : undefined
  if (!read.ok) report.error([fileKey], read.message)
  else if (secret === '') report.error([fileKey], `${file} is empty`)
  else if (warning !== undefined) report.warn([fileKey], `${file} is ${warning}`)
  return secret === '' ? undefined : new Secret(secret)
}

/** RFC 7518 section 3.1: the curves that have an algorithm. */
const curves = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

/** What is wrong with a private key; undefined: nothing. OpenSSL's own words are not repeated. */
function keyComplaint(secret: Secret): string | undefined {
  const pem = secret.reveal()
  if (pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----'))
    return 'the key is encrypted; "openssl pkey -in KEY" takes the passphrase away'
  if (!pem.includes('-----BEGIN PRIVATE KEY-----'))
    return 'expected a PKCS #8 key in PEM ("-----BEGIN PRIVATE KEY-----"); "openssl pkey -in KEY" converts others'
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    return 'the key is damaged: it begins as a PKCS #8 key, but OpenSSL cannot read it'
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'ed25519') return undefined
  if (type === 'ec' && curves.has(details?.namedCurve ?? '')) return undefined
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= 2048) return undefined
  return 'expected an RSA key of at least 2048 bits, an EC key on P-256, P-384 or P-521, or an Ed25519 key'
}
