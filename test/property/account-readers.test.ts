/** What accounts are imported from: no text makes a reader throw, and what is exported is read back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeAccount } from '../../src/accounts/fields.ts'
import type { Imported } from '../../src/accounts/merge.ts'
import { accountTable } from '../../src/accounts/table.ts'
import { readCsv, writeCsv } from '../../src/cli/account-csv.ts'
import { formatOf } from '../../src/cli/account-format.ts'
import { readCsvAccounts, writeCsvAccounts } from '../../src/cli/account-from-csv.ts'
import { readJsonlAccounts } from '../../src/cli/account-from-jsonl.ts'
import { readPasswdAccounts } from '../../src/cli/account-from-passwd.ts'
import { readTable, readVirtualAliases, readVirtualMailboxes } from '../../src/cli/account-from-postfix.ts'
import { isEmptyPatch, readPatch } from '../../src/cli/account-options.ts'

const runs = { numRuns: 200 }

const piece = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom(
    'address,full-name\n',
    'address',
    'userdb.x',
    ',',
    ';',
    '"',
    '""',
    '\n',
    '\r\n',
    '\r',
    ' ',
    '\t',
    '#',
    ':',
    '|',
    '%u',
    '%{x}',
    'a@example.org',
    '@example.net',
    '{"address":"a@example.org"}',
    '__proto__',
    "'=",
    '\ufeff',
  ),
)
const junk = fc.array(piece, { maxLength: 30 }).map(pieces => pieces.join(''))

/** All that a reader says is about lines that are there. */
function assertPlaced({ accounts, aliases, complaints }: Imported, text: string): void {
  const lines = text.split('\n').length
  for (const { line } of [...accounts, ...aliases, ...complaints]) assert.ok(line >= 1 && line <= lines, String(line))
}

test('no text makes a reader throw', async () => {
  await fc.assert(
    fc.asyncProperty(junk, fc.option(fc.constant('example.org'), { nil: undefined }), async (text, domain) => {
      assertPlaced(readJsonlAccounts(text), text)
      assertPlaced(readPasswdAccounts(text, domain), text)
      assertPlaced(readVirtualAliases(text, domain), text)
      assertPlaced(readVirtualMailboxes(text, domain), text)
      formatOf('-', text)
      const read = await readCsv(text)
      if (read.ok) assertPlaced(readCsvAccounts(read.rows), text)
    }),
    runs,
  )
})

const cells = fc.array(fc.array(fc.stringMatching(/^[a-z ,;"'=@\r\n\t-]{0,8}$/), { minLength: 2, maxLength: 2 }), {
  minLength: 1,
  maxLength: 6,
})

test('cells that are written are read back, each row with the line that it began in', async () => {
  await fc.assert(
    fc.asyncProperty(cells, async rows => {
      const given = [['address', 'x'], ...rows.map(([first = '', ...more]) => [`a${first}`, ...more])]
      const text = await writeCsv(given)
      const read = await readCsv(text)
      assert.ok(read.ok)
      assert.deepEqual(
        read.rows.map(row => row.cells),
        given,
      )
      let line = 1
      for (const [index, row] of given.entries()) {
        assert.equal(read.rows[index]?.line, line)
        line += 1 + row.join('').split('\n').length - 1
      }
    }),
    runs,
  )
})

const name = fc.stringMatching(/^[a-z]{1,6}$/)
const value = fc.stringMatching(/^['=+@ a-zäö,;"-]{1,10}$/)
const tables = fc.uniqueArray(
  fc.record(
    {
      address: name.map(text => `${text}@example.org`),
      'full-name': value,
      aliases: fc.array(fc.constantFrom('@example.net', 'b@example.com', "o'x@example.com"), {
        minLength: 1,
        maxLength: 3,
      }),
      enabled: fc.constant(false),
      quota: fc.integer({ min: 1 }),
      'send-as': fc.constant(['info@example.org']),
      userdb: fc.dictionary(name, fc.oneof(value, fc.constant('')), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
      created: fc.constant('2026-01-31T12:00:00.000Z'),
    },
    { requiredKeys: ['address'] },
  ),
  { maxLength: 5, selector: row => row.address },
)

test('accounts that are written as CSV are read back, and no cell is a formula', async () => {
  await fc.assert(
    fc.asyncProperty(tables, async given => {
      const accounts = given.flatMap(row => decodeAccount(row, () => {}) ?? []).map(accountTable)
      const rows = writeCsvAccounts(accounts)
      for (const cell of rows.flat()) assert.doesNotMatch(cell, /^[=+\-@\t\r]/)
      const read = await readCsv(await writeCsv(rows))
      assert.ok(read.ok)
      const again = readCsvAccounts(read.rows)
      assert.deepEqual(again.complaints, [])
      assert.deepEqual(
        again.accounts.map(({ address, patch: { set, userdb } }) => {
          return { address, ...set, ...(Object.keys(userdb ?? {}).length > 0 ? { userdb } : {}) }
        }),
        accounts.map(account => ({ ...account })),
      )
    }),
    runs,
  )
})

test('accounts that are written as JSON Lines are read back', () => {
  fc.assert(
    fc.property(tables, given => {
      const { accounts, complaints } = readJsonlAccounts(given.map(row => `${JSON.stringify(row)}\n`).join('\n'))
      assert.deepEqual(complaints, [])
      assert.deepEqual(
        accounts.map(({ address, patch }) => ({ address, ...patch.set })),
        given.map(row => ({ ...row })),
      )
    }),
    runs,
  )
})

test('a Postfix table is read back wherever its lines are continued and commented', () => {
  const entries = fc.array(fc.tuple(name, fc.array(name, { minLength: 1, maxLength: 3 })), { maxLength: 5 })
  fc.assert(
    fc.property(entries, fc.constantFrom(' ', '\t', '\n  ', '\n# x\n  ', '\r\n\t'), (given, gap) => {
      const text = given.map(([key, values]) => `${[key, ...values].join(gap)}\n\n`).join('')
      assert.deepEqual(
        readTable(text).map(({ key, value }) => [key, value.split(/\s+/)]),
        given,
      )
    }),
    runs,
  )
})

test('options of the command line are keys of the file, or complained of', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 3 }), fc.array(fc.string(), { maxLength: 3 }), (userdb, unset) => {
      const { patch, complaints } = readPatch({ userdb, unset })
      const bad = userdb.filter(text => text.indexOf('=') < 1).length
      assert.ok(complaints.length >= bad)
      assert.equal(isEmptyPatch(patch), unset.length + userdb.length - bad === 0)
    }),
    runs,
  )
})
