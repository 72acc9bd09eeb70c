/** Addresses: the canonical form is a fixed point, and holds nothing that a path, a list or a log could stumble over. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  canonicalAddress,
  canonicalCatchAll,
  canonicalDomain,
  domainOf,
  splitExtension,
} from '../../src/accounts/address.ts'

const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, property), { numRuns: 500 })

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
  fc.constantFrom(
    'a',
    'Z',
    '.',
    '..',
    '@',
    '+',
    '-',
    '_',
    '/',
    '%',
    '"',
    ' ',
    'ü',
    'u\u0308',
    'İ',
    'ß',
    '\u212a',
    'example',
    '.org',
    'xn--',
    '。',
    '１',
    '\ufffd',
  ),
)
const junk = fc.oneof(
  fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join('')),
  fc
    .tuple(fc.array(piece, { maxLength: 6 }), fc.array(piece, { maxLength: 6 }))
    .map(([a, b]) => `${a.join('')}@${b.join('')}`),
)
const address = fc
  .tuple(
    fc.stringMatching(/^[A-Za-z0-9_+-]{1,12}(\.[A-Za-z0-9_+-]{1,12}){0,2}$/),
    fc.stringMatching(/^[A-Za-z0-9]{1,12}(\.[a-z]{1,6}){0,2}$/),
  )
  .map(([local, domain]) => `${local}@${domain}`)

test('canonical is canonical', () => {
  check(junk, text => {
    const canonical = canonicalAddress(text)
    if (canonical !== undefined) assert.equal(canonicalAddress(canonical), canonical)
    const domain = canonicalDomain(text)
    if (domain !== undefined) assert.equal(canonicalDomain(domain), domain)
    const catchAll = canonicalCatchAll(text)
    if (catchAll !== undefined) assert.equal(canonicalCatchAll(catchAll), catchAll)
  })
})

test('what is canonical can be put into a path, a list, a line and a reply', () => {
  check(junk, text => {
    const canonical = canonicalAddress(text)
    if (canonical === undefined) return
    assert.doesNotMatch(canonical, /[\s/\\"`*%,;:<>()[\]\p{C}]|\.\.|^\.|^@|@.*@|\.@/u)
    assert.match(canonical, /^[^@]+@[a-z0-9-]+(\.[a-z0-9-]+)*$/u)
    assert.ok(Buffer.byteLength(canonical) <= 254)
    assert.equal(canonical, canonical.toLowerCase().normalize('NFC'))
  })
})

test('an address is itself in any case', () => {
  check(address, text => {
    const canonical = canonicalAddress(text)
    assert.equal(canonical, text.toLowerCase())
    assert.equal(canonicalAddress(text.toUpperCase()), canonical)
    assert.equal(canonicalAddress(text.normalize('NFD')), canonical)
  })
})

test('a domain in letters is the domain in A-labels', () => {
  const word = fc.stringMatching(/^[a-zäöüßéñçåøłžčšΑ-Ωα-ωа-я]{1,10}$/)
  check(fc.tuple(word, word), ([name, tld]) => {
    const domain = canonicalDomain(`${name}.${tld}`)
    if (domain === undefined) return
    assert.match(domain, /^[a-z0-9-]+\.[a-z0-9-]+$/)
    assert.equal(canonicalAddress(`x@${name}.${tld}`), `x@${domain}`)
    assert.equal(canonicalAddress(`x@${`${name}.${tld}`.normalize('NFD')}`), `x@${domain}`)
  })
})

test('an extension put together again is the address', () => {
  check(fc.tuple(address, fc.constantFrom('+', '-', '+-', '_', '.', '')), ([text, delimiters]) => {
    const canonical = text.toLowerCase()
    const parts = splitExtension(canonical, delimiters)
    if (parts === undefined) return
    const local = parts.base.slice(0, parts.base.lastIndexOf('@'))
    assert.equal(`${local}${parts.extension}@${domainOf(parts.base)}`, canonical)
    assert.ok(local.length > 0)
    assert.ok(delimiters.includes(parts.extension.charAt(0)))
    assert.ok(![...local].some(character => delimiters.includes(character)))
  })
})
