/** The account file: the same accounts however it is cut and however it is spelled; junk is a problem with a line. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLineParser, type Parsed, parseTomlAccounts } from '../../src/accounts/file.ts'

const runs = { numRuns: 150 }

const address = fc.stringMatching(/^[A-Za-zäöü]{1,8}(\.[a-z]{1,4})?@[A-Za-zäöü]{1,8}\.[a-z]{2,4}$/)
const name = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .filter(text => !/[\p{C}\p{Z}\ufffd]/u.test(text))
const field = fc.oneof(fc.stringMatching(/^[ -~]{0,20}$/), fc.boolean(), fc.integer({ min: 1, max: 2 ** 31 }))
const accounts = fc.array(
  fc.record(
    {
      address,
      aliases: fc.array(
        fc.oneof(
          address,
          address.map(text => text.slice(text.indexOf('@'))),
        ),
        { maxLength: 3 },
      ),
      'full-name': name,
      username: name,
      subject: name,
      directory: name,
      enabled: fc.boolean(),
      quota: fc.oneof(fc.integer({ min: 1 }), fc.constantFrom('5GiB', '500MB', '1B')),
      'send-as': fc.array(address, { maxLength: 3 }),
      userdb: fc.dictionary(fc.stringMatching(/^[a-z][a-z_]{0,10}$/), field, { maxKeys: 4, noNullPrototype: true }),
      created: fc.constant('2026-01-01T00:00:00Z'),
    },
    { requiredKeys: ['address'] },
  ),
  { maxLength: 6 },
)

const jsonl = (rows: readonly object[]): string => rows.map(row => `${JSON.stringify(row)}\n`).join('')

function toml(rows: readonly object[]): string {
  const write = (value: unknown): string =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? `{ ${Object.entries(value)
          .map(([key, item]) => `${key} = ${JSON.stringify(item)}`)
          .join(', ')} }`
      : JSON.stringify(value)
  const table = (row: object): string =>
    Object.entries(row)
      .map(([key, value]) => `${key} = ${write(value)}\n`)
      .join('')
  return rows.map(row => `[[account]]\n${table(row)}`).join('\n')
}

function parse(bytes: Buffer, cuts: readonly number[] = []): Parsed {
  const parser = createLineParser('f')
  const all: Parsed = { entries: [], problems: [] }
  const add = ({ entries, problems }: Parsed): void => {
    all.entries.push(...entries)
    all.problems.push(...problems)
  }
  const places = [0, ...cuts.map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  const buffer = Buffer.alloc(bytes.length)
  for (const [index, start] of places.entries()) {
    const length = bytes.copy(buffer, 0, start, places[index + 1] ?? start)
    add(parser.push(buffer.subarray(0, length)))
    buffer.fill(0x78)
  }
  add(parser.end())
  return all
}

const cuts = fc.array(fc.nat({ max: 100_000 }), { maxLength: 8 })

test('any cut gives the same accounts, with the reader filling its buffer anew each time', () => {
  fc.assert(
    fc.property(accounts, cuts, (rows, places) => {
      const bytes = Buffer.from(jsonl(rows))
      const whole = parse(bytes)
      assert.deepEqual(whole.problems, [])
      assert.deepEqual(
        whole.entries.map(({ line }) => line),
        rows.map((_, index) => index + 1),
      )
      assert.deepEqual(parse(bytes, places), whole)
    }),
    runs,
  )
})

test('both spellings give the same accounts', async () => {
  await fc.assert(
    fc.asyncProperty(accounts, async rows => {
      const fromToml = await parseTomlAccounts('f', toml(rows))
      assert.deepEqual(fromToml.problems, [])
      assert.deepEqual(
        fromToml.entries.map(({ account }) => account),
        parse(Buffer.from(jsonl(rows))).entries.map(({ account }) => account),
      )
    }),
    runs,
  )
})

test('an account read is an account written: canonical, and the same when read again', () => {
  fc.assert(
    fc.property(accounts, rows => {
      const { entries } = parse(Buffer.from(jsonl(rows)))
      const again = entries.map(({ account }) => ({
        address: account.address,
        aliases: account.aliases,
        'full-name': account.fullName,
        username: account.username,
        subject: account.subject,
        directory: account.directory,
        enabled: account.enabled,
        'send-as': account.sendAs,
        quota: account.quota,
        userdb: account.userdb,
        created: account.created === undefined ? undefined : new Date(account.created).toISOString(),
      }))
      assert.deepEqual(parse(Buffer.from(jsonl(again))).entries, entries)
    }),
    runs,
  )
})

/** Bytes that come near to being an account file. */
const shard = fc.oneof(
  fc.uint8Array({ maxLength: 6 }).map(bytes => Buffer.from(bytes)),
  fc
    .constantFrom(
      '{"address":"a@b"}',
      '\n',
      '\r\n',
      '{',
      '}',
      '"',
      '[',
      ']',
      ',',
      ':',
      '"address":',
      '"a@b"',
      '"userdb":',
      '"uid"',
      '0',
      'null',
      '"__proto__":',
      '\ufeff',
      '\\u0000',
    )
    .map(text => Buffer.from(text)),
  fc.json().map(text => Buffer.from(text)),
  fc.nat({ max: 70_000 }).map(length => Buffer.alloc(length, ' ')),
)
const shards = fc.array(shard, { maxLength: 12 }).map(pieces => Buffer.concat(pieces))

test('junk is a problem on a line that exists, and the same one however it is cut', () => {
  fc.assert(
    fc.property(shards, cuts, (bytes, places) => {
      const whole = parse(bytes)
      const lines = bytes.toString('latin1').split('\n').length
      for (const { line, severity } of whole.problems) {
        assert.equal(severity, 'error')
        assert.ok(line !== undefined && line >= 1 && line <= lines)
      }
      assert.deepEqual(parse(bytes, places), whole)
    }),
    runs,
  )
})

test('junk in TOML is a problem, never an exception, and never an account of no address', async () => {
  const value = fc.oneof(fc.json(), fc.constantFrom('1979-05-27', 'inf', '0x10', '{ a.b = 1 }', "'''x'''"))
  const key = fc.constantFrom(
    'address',
    'aliases',
    'userdb',
    'userdb.uid',
    'quota',
    'enabled',
    '"__proto__"',
    'x',
    'created',
  )
  const line = fc.oneof(
    fc.tuple(key, value).map(([left, right]) => `${left} = ${right}`),
    fc.constantFrom(
      '[[account]]',
      '[account]',
      '[[account.aliases]]',
      '[account.userdb]',
      'account = []',
      'address = "a@b"',
      '#',
    ),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), async rows => {
      const { entries, problems } = await parseTomlAccounts('f', rows.join('\n'))
      for (const { line } of problems) assert.ok(line === undefined || (line >= 1 && line <= rows.length))
      for (const { account } of entries) assert.match(account.address, /.@./)
    }),
    runs,
  )
})
