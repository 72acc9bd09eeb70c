/** One account as written: what is sound is taken, one thing wrong is one complaint in its place, junk is never taken. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Account } from '../../src/accounts/account.ts'
import { canonicalAddress, canonicalCatchAll } from '../../src/accounts/address.ts'
import { type Complaint, decodeAccount, isTable, type Table } from '../../src/accounts/fields.ts'

function decode(table: Table): { account: Account | undefined; complaints: Complaint[] } {
  const complaints: Complaint[] = []
  const account = decodeAccount(table, complaint => complaints.push(complaint))
  return { account, complaints }
}

const address = fc.stringMatching(/^[a-z]{1,8}@[a-z]{1,8}\.[a-z]{2,4}$/)
const name = fc.stringMatching(/^[ -~äöü]{1,20}$/)
const sound = fc.record(
  {
    address,
    aliases: fc.array(fc.oneof(address, fc.constant('@example.net')), { maxLength: 3 }),
    'full-name': name,
    username: name,
    subject: name,
    directory: name,
    enabled: fc.boolean(),
    quota: fc.integer({ min: 1 }),
    'send-as': fc.array(address, { maxLength: 3 }),
    userdb: fc.dictionary(fc.stringMatching(/^[a-z][a-z_]{1,10}$/), fc.stringMatching(/^[ -~]{0,20}$/), { maxKeys: 3 }),
  },
  { requiredKeys: ['address'] },
)

test('a sound account is taken as it is written, without a complaint', () => {
  fc.assert(
    fc.property(sound, table => {
      const { enabled = true, aliases = [], userdb = {}, 'send-as': sendAs = [] } = table
      const { address, 'full-name': fullName, username, subject, directory, quota } = table
      const names = { address, aliases, fullName, username, subject, directory }
      const { account, complaints } = decode(table)
      assert.deepEqual(complaints, [])
      assert.deepEqual(
        { ...account, userdb: { ...account?.userdb } },
        {
          ...names,
          ...{ enabled, receives: enabled, sendAs, quota, userdb: { ...userdb }, created: undefined },
        },
      )
    }),
  )
})

/** What is wrong, and the path of the complaint. None of the strings may be repeated. */
const flaws: readonly (readonly [flaw: Table, path: Complaint['path']])[] = [
  [{ address: undefined }, ['address']],
  [{ address: 'hunter2' }, ['address']],
  [{ aliases: 'hunter2@example.org' }, ['aliases']],
  [{ aliases: ['a@example.org', 'hunter2'] }, ['aliases', 1]],
  [{ 'send-as': ['@hunter2.example'] }, ['send-as', 0]],
  [{ 'full-name': 'hunter2\n' }, ['full-name']],
  [{ username: 7 }, ['username']],
  [{ subject: '' }, ['subject']],
  [{ directory: ['hunter2'] }, ['directory']],
  [{ enabled: 'hunter2' }, ['enabled']],
  [{ enabled: true, receive: false }, ['receive']],
  [{ quota: 'hunter2' }, ['quota']],
  [{ quota: -1 }, ['quota']],
  [{ userdb: 'hunter2' }, ['userdb']],
  [{ userdb: { uid: 0 } }, ['userdb', 'uid']],
  [{ userdb: { uid: 'mail', password: 'hunter2\0' } }, ['userdb', 'password']],
  [{ userdb: { home: null } }, ['userdb', 'home']],
  [{ userdb: { 'a b': 'hunter2' } }, ['userdb', 'a b']],
  [{ alias: 'hunter2' }, ['alias']],
]

test('one thing wrong in a sound account is one complaint, in its place, and no account', () => {
  fc.assert(
    fc.property(sound, fc.constantFrom(...flaws), (table, [flaw, path]) => {
      const { account, complaints } = decode({ ...table, ...flaw })
      assert.equal(account, undefined)
      assert.deepEqual(
        complaints.map(complaint => complaint.path),
        [path],
      )
      assert.doesNotMatch(complaints.map(({ message }) => message).join('\n'), /hunter2/)
    }),
    { numRuns: 300 },
  )
})

const scrap = fc.oneof(
  fc.constantFrom('a@b.org', '@b.org', 'A.B@BÜCHER.example', '5GiB', '', '\u0000', 0, 1, -1, 1.5, true, false, null),
  fc.constantFrom<unknown>(new Date(0), 10n, Number.NaN, Number.POSITIVE_INFINITY, '0', '00', '4294967295'),
  fc.string({ unit: 'binary', maxLength: 5 }),
)
const value = fc.oneof(
  scrap,
  fc.array(scrap, { maxLength: 3 }),
  fc.dictionary(fc.oneof(fc.constantFrom('uid', 'gid', 'home', '__proto__'), fc.string({ maxLength: 3 })), scrap, {
    maxKeys: 3,
  }),
)
const key = fc.constantFrom(
  ...['address', 'aliases', 'full-name', 'username', 'subject', 'directory', 'enabled', 'receive', 'quota'],
  ...['send-as', 'userdb', 'created', 'userdb.uid', '__proto__', 'constructor', 'Address', ''],
)
/** Often with a good address, so that the other keys decide. */
const junk = fc
  .tuple(fc.option(address, { nil: undefined }), fc.dictionary(key, value, { maxKeys: 4 }))
  .map(([address, table]) => (address === undefined ? table : { address, ...table }))

test('junk is refused with a complaint about a key that is there, or is an account fit for use', () => {
  fc.assert(
    fc.property(junk, table => {
      const { account, complaints } = decode(table)
      assert.equal(account === undefined, complaints.length > 0)
      for (const { path } of complaints) assert.ok(path[0] === 'address' || Object.hasOwn(table, String(path[0])))
      if (account !== undefined) assertFit(account)
    }),
    { numRuns: 1000 },
  )
})

function assertFit({ address, aliases, sendAs, quota, userdb, ...account }: Account): void {
  for (const one of [address, ...sendAs]) assert.equal(canonicalAddress(one), one)
  for (const alias of aliases) assert.equal(canonicalCatchAll(alias) ?? canonicalAddress(alias), alias)
  assert.ok(quota === undefined || (Number.isSafeInteger(quota) && quota > 0))
  assert.doesNotMatch(userdb.uid ?? '', /^[+-]?0+$/)
  assert.equal(Object.getPrototypeOf(userdb), Object.prototype)
  for (const text of [...Object.entries(userdb).flat(), account.fullName, account.username, account.subject])
    if (text !== undefined) assert.doesNotMatch(text, /\p{Cc}/u)
}

test('a table is an object that TOML and JSON write with keys', () => {
  fc.assert(
    fc.property(fc.dictionary(key, value), scrap, fc.array(scrap), (table, one, list) => {
      assert.ok(isTable(table))
      assert.ok(!isTable(one) && !isTable(list))
    }),
  )
})
