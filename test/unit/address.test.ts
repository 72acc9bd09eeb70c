import assert from 'node:assert/strict'
import test from 'node:test'
import {
  canonicalAddress,
  canonicalCatchAll,
  canonicalDomain,
  domainOf,
  splitExtension,
} from '../../src/accounts/address.ts'

const same: [written: string, canonical: string][] = [
  ['alice@example.org', 'alice@example.org'],
  ['Alice@Example.ORG', 'alice@example.org'],
  ["o'brien+list=x@mail.example.org", "o'brien+list=x@mail.example.org"],
  ['a@localhost', 'a@localhost'],
  ['alice@münchen.example', 'alice@xn--mnchen-3ya.example'],
  ['alice@MÜNCHEN.example', 'alice@xn--mnchen-3ya.example'],
  ['alice@mu\u0308nchen.example', 'alice@xn--mnchen-3ya.example'],
  ['alice@XN--MNCHEN-3YA.example', 'alice@xn--mnchen-3ya.example'],
  ['JÜRGEN@example.org', 'jürgen@example.org'],
  ['ju\u0308rgen@example.org', 'jürgen@example.org'],
  ['用户@例え.テスト', '用户@xn--r8jz45g.xn--zckzah'],
  ['a@例え。テスト', 'a@xn--r8jz45g.xn--zckzah'],
]
for (const [written, canonical] of same)
  test(`${written} is ${canonical}`, () => assert.equal(canonicalAddress(written), canonical))

const nobodys: [what: string, text: string][] = [
  ['nothing', ''],
  ['no domain', 'alice@'],
  ['no local part', '@example.org'],
  ['no @', 'alice'],
  ['two @', 'alice@example.org@example.net'],
  ['two @, one beyond ASCII', 'ü@example.org@example.net'],
  ['a path', '../../etc/passwd@example.org'],
  ['a slash', 'a/b@example.org'],
  ['a slash in the domain', 'a@example.org/b'],
  ['a slash beyond ASCII', 'a@exämple.org/b'],
  ['dots at the beginning', '.alice@example.org'],
  ['dots at the end', 'alice.@example.org'],
  ['dots in a row', 'al..ice@example.org'],
  ['dots in a row, beyond ASCII', 'ü..ü@example.org'],
  ['an empty label', 'alice@example..org'],
  ['a trailing dot', 'alice@example.org.'],
  ['a trailing dot, beyond ASCII', 'alice@exämple.org.'],
  ['a hyphen at a label’s end', 'alice@example-.org'],
  ['a label of 64', `alice@${'a'.repeat(64)}.org`],
  ['an underscore in the domain', 'alice@ex_ample.org'],
  ['a domain literal', 'alice@[127.0.0.1]'],
  ['a wildcard', '*@example.org'],
  ['a Dovecot variable', '%u@example.org'],
  ['a percent-encoded domain', 'alice@ex%61mple.org'],
  ['a percent-encoded domain beyond ASCII', 'alice@exä%61mple.org'],
  ['a port', 'alice@exämple.org:25'],
  ['a quoted string', '"alice"@example.org'],
  ['a list', 'alice@example.org,bob'],
  ['a display name', 'Alice <alice@example.org>'],
  ['a space', 'al ice@example.org'],
  ['a no-break space', 'al\u00a0ice@example.org'],
  ['a tab', 'alice\t@example.org'],
  ['a newline at the end', 'alice@example.org\n'],
  ['a newline at the end, beyond ASCII', 'jürgen@example.org\n'],
  ['a NUL', 'alice\0@example.org'],
  ['a C1 control', 'alice\u0085@example.org'],
  ['a zero-width space', 'alice\u200b@example.org'],
  ['a right-to-left override', 'alice\u202e@example.org'],
  ['half a surrogate pair', 'alice\ud83d@example.org'],
  ['what broken UTF-8 becomes', 'alice\ufffd@example.org'],
  ['a Kelvin sign, which lower-cases to k', '\u212aate@example.org'],
  ['a Greek varia, which normalises to a backquote', 'a\u1fefb@example.org'],
  ['a Greek question mark, which normalises to a semicolon', 'a\u037eb@example.org'],
  ['255 bytes', `${'a'.repeat(255 - 12)}@example.org`],
  ['255 bytes in fewer characters', `${'ü'.repeat(122)}@example.org`],
]
for (const [what, text] of nobodys) test(`nobody's: ${what}`, () => assert.equal(canonicalAddress(text), undefined))

test('254 bytes are the limit', () => {
  const ascii = `${'a'.repeat(254 - 12)}@example.org`
  const beyond = `${'ü'.repeat(121)}@example.org`
  assert.equal(canonicalAddress(ascii), ascii)
  assert.equal(canonicalAddress(beyond), beyond)
})

test('no single character outside ASCII stands for one inside, but for the dots of a domain', () => {
  for (let code = 0x80; code < 0x3_0000; code++) {
    const address = canonicalAddress(`${String.fromCodePoint(code)}@example.org`)
    if (address !== undefined) assert.ok(address.charCodeAt(0) > 0x7f || code === 0x130, code.toString(16))
  }
})

test('İ is not i', () => assert.equal(canonicalAddress('\u0130@example.org'), 'i\u0307@example.org'))

test('a hundred thousand characters are turned away, whatever they are', () => {
  for (const character of ['a', 'ü', '.', '@', 'a.', '-', '\u0308', '%'])
    for (const text of [character.repeat(100_000), `a@${character.repeat(100_000)}`, `${character.repeat(100_000)}@a`])
      assert.equal(canonicalAddress(text), undefined)
})

test('a domain by itself', () => {
  assert.equal(canonicalDomain('Example.ORG'), 'example.org')
  assert.equal(canonicalDomain('München.example'), 'xn--mnchen-3ya.example')
  for (const text of ['', '.', 'a..b', '-a', 'a b', 'a\n', '*', 'a'.repeat(100_000), 'ü/x', 'ü?x', 'ü#x', 'ü@x'])
    assert.equal(canonicalDomain(text), undefined, JSON.stringify(text.slice(0, 20)))
})

test('a catch-all is an @ and a domain', () => {
  assert.equal(canonicalCatchAll('@München.example'), '@xn--mnchen-3ya.example')
  for (const text of ['example.org', 'alice@example.org', '@', '@@example.org', '@*', ''])
    assert.equal(canonicalCatchAll(text), undefined, text)
  assert.equal(domainOf('@example.org'), 'example.org')
  assert.equal(domainOf('alice@example.org'), 'example.org')
})

const split = (address: string, delimiters = '+'): string | undefined => {
  const parts = splitExtension(address, delimiters)
  return parts && `${parts.base} ${parts.extension}`
}

test('an extension begins at the first delimiter', () => {
  assert.equal(split('alice+tag@example.org'), 'alice@example.org +tag')
  assert.equal(split('alice+a+b@example.org'), 'alice@example.org +a+b')
  assert.equal(split('alice+@example.org'), 'alice@example.org +')
  assert.equal(split('alice@example.org'), undefined)
  assert.equal(split('alice@exa+mple.org'), undefined)
})

test('any of several delimiters splits, none splits nothing', () => {
  assert.equal(split('alice-tag+x@example.org', '+-'), 'alice@example.org -tag+x')
  assert.equal(split('alice.tag@example.org', '.'), 'alice@example.org .tag')
  assert.equal(split('alice+tag@example.org', ''), undefined)
})

test('as in Postfix, no split leaves an empty name, and reserved names stay whole', () => {
  assert.equal(split('+tag@example.org'), undefined)
  assert.equal(split('+tag+more@example.org'), undefined)
  assert.equal(split('mailer-daemon@example.org', '-'), undefined)
  assert.equal(split('double-bounce@example.org', '-'), undefined)
  assert.equal(split('owner-list@example.org', '-'), undefined)
  assert.equal(split('owner-list+x@example.org', '+-'), undefined)
  assert.equal(split('list-request@example.org', '-'), undefined)
  assert.equal(split('owner-list+x@example.org', '+'), 'owner-list@example.org +x')
  assert.equal(split('alice-requests@example.org', '-'), 'alice@example.org -requests')
})
