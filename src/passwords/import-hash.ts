/**
 * Import hash: the password field of a Dovecot passwd-file to a hash that can be taken over, or what to do instead. PURE.
 *
 * Where the field names no scheme, or {CRYPT}, its form tells (`$6$…`; src/auth/password-scheme-crypt.c). Messages repeat
 * nothing of the field but the name of a scheme that Dovecot has: without one it may be a password in the clear.
 */
import { importedSchemes, parseHash } from './hash.ts'

export type ImportHash =
  /** With its `{SCHEME}`. */
  { readonly ok: true; readonly hash: string } | { readonly ok: false; readonly message: string }

const taken = new Set<string>(importedSchemes)

/** Dovecot's others (doveadm pw -l), some of them weak, some for mechanisms that are not offered. */
const refused = new Set(
  `MD5 MD5-CRYPT SHA SHA1 SHA256 SHA512 SMD5 SSHA SSHA256 PLAIN CLEAR CLEARTEXT PLAIN-TRUNC CRAM-MD5 SCRAM-SHA-1
  SCRAM-SHA-256 HMAC-MD5 DIGEST-MD5 PLAIN-MD4 PLAIN-MD5 LDAP-MD5 LANMAN NTLM OTP SKEY RPA CRYPT DES-CRYPT SHA256-CRYPT
  ARGON2I`.split(/\s+/),
)

const forms = [
  { scheme: 'SHA512-CRYPT', form: /^\$6\$/ },
  { scheme: 'BLF-CRYPT', form: /^\$2[aby]\$/ },
  { scheme: 'ARGON2ID', form: /^\$argon2id\$/ },
] as const

const cure = 'the user needs an app password'

export function readImportHash(field: string): ImportHash {
  const [, name = 'CRYPT', rest = field] = /^\{([^{}]*)\}(.*)$/s.exec(field) ?? []
  const named = name.toUpperCase()
  const scheme = named === 'CRYPT' ? forms.find(({ form }) => form.test(rest))?.scheme : named
  if (scheme === undefined) return { ok: false, message: `not a hash that can be taken; ${cure}` }
  if (!taken.has(scheme))
    return { ok: false, message: `${refused.has(scheme) ? `{${scheme}}` : 'its scheme'} isn't taken; ${cure}` }
  const parsed = parseHash(`{${scheme}}${rest}`)
  return parsed.ok ? { ok: true, hash: `{${scheme}}${rest}` } : { ok: false, message: `${parsed.message}; ${cure}` }
}
