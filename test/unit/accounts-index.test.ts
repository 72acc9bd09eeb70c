/** All accounts together: whose an address is, who may send from it, and what accounts may not have in common. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Account, AccountIndex, Recipient } from '../../src/accounts/account.ts'
import { createIndex, type IndexBuilder } from '../../src/accounts/accounts.ts'
import { createNameTable, hashOf } from '../../src/accounts/name-table.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { account, indexOf } from '../support/accounts.ts'

const seed = [0x03020100, 0x07060504] as const

const alice = account({
  address: 'alice@example.org',
  aliases: ['a.jones@xn--mnchen-3ya.example', 'sales@example.org'],
  sendAs: ['info@example.org'],
})
const bob = account({ address: 'bob@example.org', enabled: false, sendAs: ['info@example.org', 'alice@example.org'] })
const carol = account({ address: 'carol@example.org', enabled: false, receives: true })
const dora = account({ address: 'jürgen@example.org', aliases: ['@example.net', '@example.org'] })
const site = indexOf([alice, bob, carol, dora])

const shown = (found: Recipient | undefined): string =>
  found === undefined
    ? 'nobody'
    : `${found.kind} of ${found.account.address}${found.extension && ` ${found.extension}`}`

const recipients: [asked: string, found: string][] = [
  ['alice@example.org', 'mailbox of alice@example.org'],
  ['ALICE@Example.ORG', 'mailbox of alice@example.org'],
  ['alice+news@example.org', 'mailbox of alice@example.org +news'],
  ['Alice+News@example.org', 'mailbox of alice@example.org +news'],
  ['sales@example.org', 'alias of alice@example.org'],
  ['sales+x+y@example.org', 'alias of alice@example.org +x+y'],
  ['a.jones@münchen.example', 'alias of alice@example.org'],
  ['A.Jones@XN--MNCHEN-3YA.example', 'alias of alice@example.org'],
  ['b.jones@münchen.example', 'nobody'],
  ['JÜRGEN@example.org', 'mailbox of jürgen@example.org'],
  ['ju\u0308rgen@example.org', 'mailbox of jürgen@example.org'],
  ['bob@example.org', 'mailbox of bob@example.org'],
  ['carol@example.org', 'mailbox of carol@example.org'],
  ['anybody@example.net', 'catch-all of jürgen@example.org'],
  ['anybody+tag@example.net', 'catch-all of jürgen@example.org'],
  ['nobody@example.org', 'catch-all of jürgen@example.org'],
  ['+news@example.org', 'catch-all of jürgen@example.org'],
  ['@example.net', 'nobody'],
  ['example.net', 'nobody'],
  ['anybody@sub.example.net', 'nobody'],
  ['anybody@example.com', 'nobody'],
  ['two words@example.net', 'catch-all of jürgen@example.org'],
  ['a@b@example.net', 'catch-all of jürgen@example.org'],
  ['alice+news/2026@example.org', 'mailbox of alice@example.org'],
  ['alice+x, mallory@example.org', 'mailbox of alice@example.org'],
  ['two words@example.com', 'nobody'],
  ['', 'nobody'],
]
for (const [asked, found] of recipients)
  test(`mail to ${asked || 'nothing'} is for ${found}`, () => assert.equal(shown(site.recipient(asked)), found))

test('a catch-all swallows no mailbox, not even a disabled one', () => {
  assert.equal(site.recipient('bob@example.org')?.account.receives, false)
  assert.equal(site.recipient('bob+x@example.org')?.account.receives, false)
  assert.equal(site.recipient('carol@example.org')?.account.receives, true)
})

test('the full address comes before the one without its extension', () => {
  const index = indexOf([account({ address: 'alice@example.org' }), account({ address: 'alice+work@example.org' })])
  assert.equal(shown(index.recipient('alice+work@example.org')), 'mailbox of alice+work@example.org')
  assert.equal(shown(index.recipient('alice+home@example.org')), 'mailbox of alice@example.org +home')
})

test('a name is exact: no extension, no catch-all', () => {
  assert.equal(site.byName('Alice@Example.org'), alice)
  assert.equal(site.byName('a.jones@münchen.example'), alice)
  for (const name of ['alice+news@example.org', 'anybody@example.net', '@example.net', 'alice', '__proto__', '', '@'])
    assert.equal(site.byName(name), undefined, name)
})

test('senders: the owner, and whoever may send as it', () => {
  const senders = (address: string): string[] => site.senders(address).map(({ address }) => address)
  assert.deepEqual(senders('alice@example.org'), ['alice@example.org', 'bob@example.org'])
  assert.deepEqual(senders('Sales@example.org'), ['alice@example.org'])
  assert.deepEqual(senders('alice+x@example.org'), ['alice@example.org', 'bob@example.org'])
  assert.deepEqual(senders('info@example.org'), ['jürgen@example.org', 'alice@example.org', 'bob@example.org'])
  assert.deepEqual(senders('info+x@example.org'), ['jürgen@example.org', 'alice@example.org', 'bob@example.org'])
  assert.deepEqual(senders('anything@example.net'), ['jürgen@example.org'])
  assert.deepEqual(senders('alice@example.com'), [])
  assert.deepEqual(senders('@example.org'), [])
})

test('domains are those of addresses and catch-alls, not of single aliases', () => {
  for (const domain of ['example.org', 'Example.ORG', 'example.net']) assert.equal(site.hasDomain(domain), true, domain)
  for (const domain of [
    'münchen.example',
    'xn--mnchen-3ya.example',
    'example.com',
    'org',
    'sub.example.org',
    'alice@example.org',
    '',
    '__proto__',
  ])
    assert.equal(site.hasDomain(domain), false, domain)
})

test('usernames and subjects count as they are spelled', () => {
  const one = account({ address: 'a@example.org', username: 'alice', subject: 'S1', directory: 'x' })
  const two = account({ address: 'b@example.org', username: 'alice', subject: 'S1', directory: 'y' })
  const odd = account({ address: 'c@example.org', username: '__proto__', subject: 'toString' })
  const index = indexOf([one, two, odd])
  assert.deepEqual(index.byUsername('alice'), [one, two])
  assert.deepEqual(index.bySubject('S1'), [one, two])
  assert.deepEqual(index.byUsername('Alice'), [])
  assert.deepEqual(index.bySubject('s1'), [])
  assert.deepEqual(index.byUsername('__proto__'), [odd])
  assert.deepEqual(index.bySubject('toString'), [odd])
  assert.deepEqual(index.byUsername('constructor'), [])
})

test('all of them, in the order of the files', () => {
  assert.deepEqual([...site.all()], [alice, bob, carol, dora])
  assert.equal(site.size, 4)
  assert.deepEqual([...indexOf([]).all()], [])
})

const fieldsOf = (given: Partial<Account>): [string, string][] => {
  const one = account({ address: 'alice@example.org', ...given })
  return Object.entries(indexOf([one]).userdb(one))
}

test('userdb: defaults with the templates filled in', () => {
  assert.deepEqual(fieldsOf({}), [
    ['uid', '5000'],
    ['gid', '5000'],
    ['home', '/var/vmail/example.org/alice'],
  ])
})

test('userdb: her own fields win and keep the order', () => {
  const userdb = { home: '/srv/{local}@{domain}', mail_path: '{address}/{other}/%{user}', gid: '8' }
  assert.deepEqual(fieldsOf({ userdb }), [
    ['uid', '5000'],
    ['gid', '8'],
    ['home', '/srv/alice@example.org'],
    ['mail_path', 'alice@example.org/{other}/%{user}'],
  ])
})

test('userdb: a quota in the words of Dovecot 2.3 and of 2.4, unless there is one by hand', () => {
  const quota = (userdb: Record<string, string>): [string, string][] => fieldsOf({ quota: 5_000, userdb }).slice(3)
  assert.deepEqual(quota({}), [
    ['quota_rule', '*:storage=5000B'],
    ['quota_storage_size', '5000B'],
  ])
  assert.deepEqual(quota({ quota_rule: '*:storage=1G' }), [
    ['quota_rule', '*:storage=1G'],
    ['quota_storage_size', '5000B'],
  ])
})

test('userdb: an address that looks like a template is not one', () => {
  const one = account({ address: '{domain}$&$1@example.org' })
  assert.equal(indexOf([one]).userdb(one).home, '/var/vmail/example.org/{domain}$&$1')
})

/** Adds accounts from two files; what is said of them. */
function conflicts(...accounts: (Partial<Account> & { file?: string })[]): string[] {
  const builder = createIndex({ delimiter: '+', defaults: {}, directories: ['x', 'authentik'], seed })
  return accounts
    .flatMap(({ file = 'a.toml', ...given }, index) =>
      builder.add(
        { account: account({ address: `user${index}@example.org`, ...given }), line: 10 * (index + 1) },
        file,
      ),
    )
    .map(formatProblem)
}

test('an address has one owner, and both places are named', () => {
  const address = 'alice@example.org'
  assert.deepEqual(conflicts({ address }, { file: 'b.jsonl', address }), [
    'b.jsonl:20: error: address: alice@example.org already belongs to the account at a.toml:10',
  ])
  assert.deepEqual(conflicts({ address }, { aliases: [address] }), [
    'a.toml:20: error: aliases: alice@example.org already belongs to the account at a.toml:10',
  ])
  assert.deepEqual(
    conflicts({ aliases: ['x@example.org', address] }, { file: 'b.jsonl' }, { file: 'b.jsonl', address }),
    ['b.jsonl:30: error: address: alice@example.org already belongs to the account user0@example.org at a.toml:10'],
  )
  assert.deepEqual(conflicts({ aliases: [address] }, { aliases: [address] }), [
    'a.toml:20: error: aliases: alice@example.org already belongs to the account user0@example.org at a.toml:10',
  ])
  assert.deepEqual(conflicts({ aliases: ['@example.net'] }, { aliases: ['@example.net'] }), [
    'a.toml:20: error: aliases: @example.net already belongs to the account user0@example.org at a.toml:10',
  ])
})

test('an account has a name once', () => {
  assert.deepEqual(conflicts({ address: 'a@b', aliases: ['a@b', 'c@d', 'c@d'] }), [
    'a.toml:10: error: aliases: a@b stands here twice',
    'a.toml:10: error: aliases: c@d stands here twice',
  ])
})

test('a subject is one account in a directory', () => {
  assert.deepEqual(conflicts({ subject: 's', directory: 'x' }, { subject: 's', directory: 'authentik' }), [])
  assert.deepEqual(conflicts({ subject: 's', directory: 'x' }, {}, { subject: 's', directory: 'x' }), [
    'a.toml:30: error: subject: already the subject of the account at a.toml:10',
  ])
  assert.deepEqual(conflicts({ subject: 's' }, { subject: 's' }), [
    'a.toml:20: error: subject: already the subject of the account at a.toml:10',
  ])
  // Two domains may go to two directories, each with a user number 1.
  assert.deepEqual(conflicts({ subject: '1' }, { subject: '1', address: 'a@example.net' }), [])
})

test('a username may be shared, but not to any use within a directory or a domain', () => {
  assert.deepEqual(
    conflicts({ username: 'u', directory: 'x' }, { username: 'u' }, { username: 'u', address: 'u@b' }),
    [],
  )
  const warning =
    'a.toml:20: warning: username: also the username of the account at a.toml:10, so that it names neither of them'
  assert.deepEqual(conflicts({ username: 'u' }, { username: 'u' }), [warning])
  assert.deepEqual(conflicts({ username: 'u', directory: 'x' }, { username: 'u', directory: 'x', address: 'u@b' }), [
    warning,
  ])
})

test('a directory exists', () => {
  assert.deepEqual(conflicts({ directory: 'authentic' }, { directory: '__proto__' }), [
    'a.toml:10: error: directory: no [directory.NAME] has this name; did you mean "authentik"?',
    'a.toml:20: error: directory: no [directory.NAME] has this name',
  ])
})

test('a crowd: ten thousand accounts, every name its owner’s', () => {
  const builder: IndexBuilder = createIndex({ delimiter: '+', defaults: {}, directories: [], seed })
  for (let n = 0; n < 10_000; n++) {
    const given = { address: `user${n}@example.org`, aliases: [`u.${n}@example.net`] }
    assert.deepEqual(builder.add({ account: account(given), line: n }, 'a.jsonl'), [])
  }
  const index: AccountIndex = builder.index
  for (let n = 0; n < 10_000; n++) {
    assert.equal(index.byName(`user${n}@example.org`)?.address, `user${n}@example.org`)
    assert.equal(index.byName(`u.${n}@example.net`)?.address, `user${n}@example.org`)
    assert.equal(index.byName(`u.${n}@example.org`), undefined)
  }
  assert.equal(index.size, 10_000)
})

test('names with one hash are told apart', () => {
  // Found by search.
  const [one, other] = ['user17617', 'user152618'] as const
  assert.equal(hashOf(one, seed), hashOf(other, seed))
  const names = [one, other]
  const table = createNameTable((position, name) => names[position] === name, seed)
  assert.equal(table.claim(one, 0), undefined)
  assert.equal(table.find(other), undefined)
  assert.equal(table.claim(other, 1), undefined)
  assert.equal(table.find(one), 0)
  assert.equal(table.find(other), 1)
  assert.equal(table.claim(other, 7), 1)
})

test('the hash is HalfSipHash-1-3 of the name in UTF-16', () => {
  // Of 0, 2, 4, 6 and 8 bytes 00 01 02 …: test_vectors_hsiphash in Linux’s lib/test_siphash.c, 32 bits.
  const names = ['', '\u0100', '\u0100\u0302', '\u0100\u0302\u0504', '\u0100\u0302\u0504\u0706']
  const expected = [0x5814c896, 0xbc4b0e30, 0x7e059ea6, 0xa0080b65, 0x577999b1]
  assert.deepEqual(
    names.map(name => hashOf(name, seed) >>> 0),
    expected,
  )
})

/** Names with one FNV-1a hash. They come cheap: each further piece with a twin doubles their number. */
function namesOfOneFnv(): string[] {
  const fnv = (hash: number, text: string): number => {
    let result = hash
    for (let n = 0; n < text.length; n++) result = Math.imul(result ^ text.charCodeAt(n), 0x01000193)
    return result
  }
  let names = ['']
  let hash = 0x811c9dc5
  while (names.length < 64) {
    const seen = new Map<number, string>()
    for (let n = 0; ; n++) {
      const piece = n.toString(36).padStart(4, '0')
      const next = fnv(hash, piece)
      const twin = seen.get(next)
      seen.set(next, piece)
      if (twin === undefined) continue
      names = names.flatMap(name => [name + twin, name + piece])
      hash = next
      break
    }
  }
  assert.deepEqual([...new Set(names.map(name => fnv(0x811c9dc5, name)))], [hash])
  return names
}

test('names chosen to have one FNV-1a hash, whatever it starts with, meet nowhere', () => {
  const names = namesOfOneFnv().map(name => `${name}@example.org`)
  assert.equal(new Set(names).size, 64)
  const hashes = names.map(name => hashOf(name, seed))
  assert.equal(new Set(hashes).size, names.length)
  assert.ok(new Set(hashes.map(hash => hash >>> 26)).size > 16)
})

test('names chosen to meet under one seed don’t under another', () => {
  const chosen = Array.from({ length: 100_000 }, (_, n) => `u${n}@example.org`).filter(
    name => (hashOf(name, seed) & 0xfff) === 0,
  )
  assert.ok(chosen.length > 10)
  const slots = new Set(chosen.map(name => hashOf(name, [5, 6]) & 0xfff))
  assert.ok(slots.size > chosen.length * 0.8, `${chosen.length} names in ${slots.size} slots`)
})

test('userdb fields that are too long for Dovecot once their templates are filled in are an error', () => {
  const add = (userdb: Record<string, string>, defaults: Record<string, string>) =>
    createIndex({ delimiter: '+', defaults, directories: [], seed })
      .add({ account: account({ address: `${'a'.repeat(40)}@example.org`, userdb }), line: 7 }, 'a.toml')
      .map(({ line, path }) => `${line} ${path}`)
  assert.deepEqual(add({ x: '{address}'.repeat(100) }, {}), [])
  assert.deepEqual(add({ x: '{address}'.repeat(400) }, {}), ['7 userdb'])
  assert.deepEqual(add({}, { x: '{address}'.repeat(400) }), ['7 userdb'])
  assert.deepEqual(add({}, { x: 'y'.repeat(8000) }), ['7 userdb'])
})
