/** Edits of an account file: what isn't touched keeps its bytes, what is written is read back, and order doesn't matter. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Edit, editDocument, linesOf, patchTable, readDocument, tableAt } from '../../src/accounts/edit.ts'
import { createLineParser, type Entry } from '../../src/accounts/file.ts'
import { mergeRows } from '../../src/accounts/merge.ts'
import { accountTable } from '../../src/accounts/table.ts'

const runs = { numRuns: 150 }
const place = { file: 'import', line: 1 }

const name = fc.stringMatching(/^[a-z]{1,6}$/)
const address = name.map(text => `${text}@example.org`)
const table = fc.record(
  {
    address,
    aliases: fc.array(
      name.map(text => `${text}@example.net`),
      { maxLength: 3 },
    ),
    'full-name': fc.stringMatching(/^[A-Za-zäöü=@',"-]{1,10}$/),
    quota: fc.oneof(fc.integer({ min: 1 }), fc.constant('5GiB')),
    enabled: fc.boolean(),
    userdb: fc.dictionary(name, fc.stringMatching(/^[a-z/]{0,8}$/), { maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: ['address'], noNullPrototype: true },
)
const tables = fc.uniqueArray(table, { maxLength: 6, selector: row => row.address })

/** A file as a person may leave it: blanks, empty lines, CRLF, a byte order mark, no newline at the end. */
const text = fc
  .record({
    rows: tables,
    gaps: fc.array(fc.constantFrom('', '  ', '\r'), { minLength: 6, maxLength: 6 }),
    end: fc.constantFrom('\n', '\r\n'),
    indent: fc.constantFrom(0, 1),
    mark: fc.constantFrom('', '\ufeff'),
    complete: fc.boolean(),
  })
  .map(({ rows, gaps, end, indent, mark, complete }) => {
    const lines = rows.flatMap((row, index) => {
      const line = JSON.stringify(row, undefined, indent).replaceAll('\n', ' ')
      return gaps[index] === '' ? [line] : [gaps[index] ?? '', line]
    })
    return `${mark}${lines.join(end)}${complete && lines.length > 0 ? end : ''}`
  })

const textOf = (lines: readonly { readonly text: string }[]): string => lines.map(line => `${line.text}\n`).join('')

function parse(file: string): Entry[] {
  const parser = createLineParser('f')
  const { entries, problems } = parser.push(Buffer.from(file))
  assert.deepEqual(problems, [])
  return [...entries, ...parser.end().entries]
}

test('without edits a file keeps its bytes, but for a newline at its end', () => {
  fc.assert(
    fc.property(text, before => {
      const after = textOf(editDocument(readDocument(before), [], 'f').lines)
      assert.equal(after, before === '' || before.endsWith('\n') ? before : `${before}\n`)
    }),
    runs,
  )
})

test('an edit does what it says, and all other lines keep their bytes, order and places', () => {
  fc.assert(
    fc.property(text, tables, fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), (before, wanted, gone) => {
      const document = readDocument(before)
      const edits = wanted.map((row, index): Edit => {
        return { address: row.address, table: gone[index] ? undefined : row, place }
      })
      const touched = new Set(wanted.map(row => row.address))
      const { lines } = editDocument(document, edits, 'f')
      const after = readDocument(textOf(lines))
      for (const edit of edits) assert.deepEqual(tableAt(after, edit.address), edit.table)
      const others = (all: readonly string[]): string[] =>
        all.filter(line => ![...touched].some(address => line.includes(`"${address}"`)))
      assert.deepEqual(others(after.lines), others(document.lines))
      for (const line of lines)
        if (line.place.file === 'f') assert.equal(line.text, document.lines[(line.place.line ?? 0) - 1])
    }),
    runs,
  )
})

test('an edit that changes nothing is described as none, and keeps the bytes of its line', () => {
  fc.assert(
    fc.property(text, before => {
      const document = readDocument(before)
      const edits = [...document.positions.keys()].map(address => {
        return { address, table: patchTable(tableAt(document, address) ?? {}, {}), place }
      })
      assert.deepEqual(editDocument(document, edits, 'f'), { lines: linesOf(document, 'f'), changes: [] })
    }),
    runs,
  )
})

test('a patch sets, unsets and keeps: aliases added are there once, aliases removed are gone', () => {
  const keys = fc.subarray(['quota', 'full-name', 'userdb', 'aliases'])
  fc.assert(
    fc.property(
      table,
      keys,
      table,
      fc.array(address),
      fc.array(address),
      (row, unset, { address: _, ...set }, add, remove) => {
        const after = patchTable(row, { unset, set, addAliases: add, removeAliases: remove })
        for (const key of unset) if (key !== 'aliases' && !(key in set)) assert.ok(!(key in after))
        for (const [key, value] of Object.entries(set))
          if (key !== 'aliases') assert.deepEqual(Reflect.get(after, key), value)
        const aliases = Array.isArray(after.aliases) ? after.aliases : []
        for (const alias of add) assert.equal(aliases.filter(other => other === alias).length, 1)
        for (const alias of remove) if (!add.includes(alias)) assert.ok(!aliases.includes(alias))
        assert.equal(after.address, row.address)
      },
    ),
    runs,
  )
})

test('an account in the spelling of its file is the same account when it is read', () => {
  fc.assert(
    fc.property(tables, rows => {
      const entries = parse(rows.map(row => `${JSON.stringify(row)}\n`).join(''))
      const again = entries.map(({ account }) => `${JSON.stringify(accountTable(account))}\n`).join('')
      assert.deepEqual(parse(again), entries)
    }),
    runs,
  )
})

test('rows of accounts are merged: new ones come at the end, existing ones are conflicts or keep what is not given', () => {
  const now = '2026-01-31T12:00:00.000Z'
  fc.assert(
    fc.property(text, tables, fc.boolean(), (before, wanted, update) => {
      const document = readDocument(before)
      const accounts = wanted.map(({ address, ...set }, index) => ({ line: index + 1, address, patch: { set } }))
      const { edits, problems } = mergeRows(
        { accounts, aliases: [], complaints: [], notes: [] },
        {
          document,
          file: 'f',
          source: 'import',
          owner: () => undefined,
          elsewhere: () => undefined,
          update,
          disableMissing: false,
          now,
        },
      )
      const known = wanted.filter(row => document.positions.has(row.address))
      assert.equal(problems.length, update ? 0 : known.length)
      for (const edit of edits) {
        const row = wanted.find(({ address }) => address === edit.address)
        const old = tableAt(document, edit.address)
        if (old === undefined) assert.deepEqual(edit.table, { ...row, created: now })
        else for (const key of Object.keys(old)) assert.ok(edit.table !== undefined && key in edit.table)
      }
    }),
    runs,
  )
})

test('aliases are merged into the account they lead to, or complained of; no map makes it run forever', () => {
  const node = fc.constantFrom('a', 'b', 'c', 'd').map(text => `${text}@example.org`)
  fc.assert(
    fc.property(fc.array(fc.tuple(node, node), { maxLength: 6 }), pairs => {
      const document = readDocument('{"address":"a@example.org"}\n')
      const aliases = pairs.map(([alias, target], index) => ({ line: index + 1, alias, target }))
      const { edits, problems } = mergeRows(
        { accounts: [], aliases, complaints: [], notes: [] },
        {
          document,
          file: 'f',
          source: 'import',
          owner: name => (name === 'a@example.org' ? name : undefined),
          elsewhere: () => undefined,
          update: false,
          disableMissing: false,
          now: '',
        },
      )
      assert.ok(edits.every(edit => edit.address === 'a@example.org'))
      const given = edits.flatMap(({ table }) => (Array.isArray(table?.aliases) ? table.aliases : []))
      const identities = pairs.filter(([alias, target]) => alias === target).length
      const own = pairs.filter(([alias, target]) => alias === 'a@example.org' && alias !== target).length
      assert.ok(given.length + problems.length + identities + own >= pairs.length)
    }),
    runs,
  )
})
