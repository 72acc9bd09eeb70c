/**
 * Address: mail addresses in the one form in which they are stored and compared. PURE.
 *
 * Canonical: local part lower-cased and in NFC, domain in lower-case A-labels (RFC 5890), 254 bytes at most in all (the
 * 256 of RFC 5321 section 4.5.3.1.3 less the angle brackets). What isn't an address has no canonical form and is nobody's.
 *
 * Stricter than RFC 5321 on purpose, since a local part becomes part of a path, a Dovecot name and a Postfix list: a
 * dot-atom only, never a quoted string, and without `/`, `*`, `%` and backquote. RFC 6531 names may hold any letter,
 * but nothing invisible. Not stricter in this: a local part may pass 64 bytes, since Postfix allows it.
 */
import { Buffer } from 'node:buffer'
import { domainToASCII } from 'node:url'

const maxBytes = 254
/** Decomposed letters and U-labels may be longer before they are brought into form. */
const maxInput = 1024

const atom = "[a-z0-9!#$&'+=?^_{|}~-]+"
const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const canonicalAscii = new RegExp(`^${atom}(?:\\.${atom})*@${label}(?:\\.${label})*$`)
const canonicalLocal =
  /^(?!\.)(?:[a-z0-9!#$&'+=?^_{|}~-]|\.(?!\.|$)|[^\0-\x7f\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\ufffd])+$/u
const canonicalHost = new RegExp(`^${label}(?:\\.${label})*$`)
const ascii = /^[\0-\x7f]*$/
/** All that domainToASCII may see of ASCII: it parses URLs, and would take `a/b` for a host and a path. */
const hostAscii = /^[a-z0-9.\-\u0080-\u{10ffff}]*$/iu
/**
 * Kelvin sign and varia: the characters outside ASCII whose lower case or NFC is an ASCII letter or symbol. Nobody's
 * provider may vouch for `kate` by spelling it with a Kelvin sign.
 */
const asciiInDisguise = /[\u212a\u1fef]/

export function canonicalAddress(text: string): string | undefined {
  if (text.length > maxInput) return undefined
  if (text.length <= maxBytes) {
    if (canonicalAscii.test(text)) return text
    const lower = text.toLowerCase()
    if (lower !== text && ascii.test(text) && canonicalAscii.test(lower)) return lower
  }
  return ascii.test(text) ? undefined : canonicalUnicode(text)
}

/** A domain in lower-case A-labels. */
export function canonicalDomain(text: string): string | undefined {
  if (text.length > maxInput) return undefined
  const host = ascii.test(text) ? text.toLowerCase() : hostAscii.test(text) ? domainToASCII(text) : ''
  return host.length <= maxBytes && canonicalHost.test(host) ? host : undefined
}

/** `@domain`, canonical, for a catch-all. */
export function canonicalCatchAll(text: string): string | undefined {
  const domain = text.startsWith('@') ? canonicalDomain(text.slice(1)) : undefined
  return domain === undefined ? undefined : `@${domain}`
}

/** Of a canonical address or catch-all. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

export type SplitAddress = { readonly base: string; readonly extension: string }

/**
 * Cuts the extension off a canonical address, as Postfix does (src/global/split_addr.c): at the first delimiter; never
 * if that would leave no local part; never the names it reserves; and with `-` among the delimiters never `owner-…` or
 * `…-request` (owner_request_special, on by default). `alice+tag@example.org` is `alice@example.org` and `+tag`.
 */
export function splitExtension(address: string, delimiters: string): SplitAddress | undefined {
  const end = address.lastIndexOf('@')
  let cut = 0
  while (cut < end && !delimiters.includes(address.charAt(cut))) cut++
  if (cut === 0 || cut >= end) return undefined
  if (delimiters.includes('-') && isReserved(address.slice(0, end))) return undefined
  return { base: address.slice(0, cut) + address.slice(end), extension: address.slice(cut, end) }
}

/** All of them hold a `-`, so that other delimiters never split them anyway; `postmaster` holds nothing to split. */
function isReserved(local: string): boolean {
  if (local === 'mailer-daemon' || local === 'double-bounce' || local.startsWith('owner-')) return true
  return local.endsWith('-request') && local !== '-request'
}

function canonicalUnicode(text: string): string | undefined {
  const at = text.indexOf('@')
  const domain = at < 0 ? undefined : canonicalDomain(text.slice(at + 1))
  const given = text.slice(0, at)
  if (domain === undefined || asciiInDisguise.test(given)) return undefined
  const local = given.normalize('NFC').toLowerCase().normalize('NFC')
  if (!canonicalLocal.test(local)) return undefined
  const address = `${local}@${domain}`
  return Buffer.byteLength(address) <= maxBytes ? address : undefined
}
