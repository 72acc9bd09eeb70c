/** TOML: what was written is read back and found again; junk is a syntax error and nothing worse. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { locateToml, parseToml } from '../../src/toml.ts'

const key = fc.oneof(fc.stringMatching(/^[a-z]{1,8}$/), fc.constantFrom('__proto__', 'a.b', 'constructor', 'ü'))
const value = fc.oneof(
  fc.string().map(text => JSON.stringify(text.replace(/\x7f/g, ''))),
  fc.integer().map(String),
  fc.constantFrom('true', '[1, 2]'),
)
const tables = fc.array(fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 5 }), {
  maxLength: 6,
})

/** Tables of an array, and the line of each key. */
function write(rows: readonly (readonly (readonly [string, string])[])[]): {
  text: string
  places: [path: (string | number)[], line: number][]
} {
  const lines: string[] = []
  const places: [(string | number)[], number][] = []
  for (const [index, pairs] of rows.entries()) {
    lines.push('', '[[account]]')
    places.push([['account', index], lines.length])
    for (const [name, text] of pairs) {
      lines.push(`${JSON.stringify(name)} = ${text}`)
      places.push([['account', index, name], lines.length])
    }
  }
  return { text: lines.join('\n'), places }
}

test('every key has its value and its line', async () => {
  await fc.assert(
    fc.asyncProperty(tables, async rows => {
      const { text, places } = write(rows)
      const parsed = parseToml(text)
      assert.ok(parsed.ok)
      const read = (parsed.value.account ?? []) as Record<string, unknown>[]
      assert.deepEqual(
        read.map(table => Object.entries(table)),
        rows.map(pairs => pairs.map(([name, json]) => [name, JSON.parse(json)])),
      )
      const locate = await locateToml(text)
      for (const [path, line] of places) assert.equal(locate(path), line)
      for (const [path, line] of places) assert.equal(locate([...path, 'missing', 7]), line)
    }),
    { numRuns: 100 },
  )
})

test('junk is a value or a syntax error with a place in the text', async () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      '[',
      ']',
      '[[',
      '"',
      "'",
      '"""',
      '=',
      '.',
      '#',
      '{',
      '}',
      ',',
      'a',
      '1e9',
      '0x',
      '1979-05-27',
      '\\u',
      '\n',
      '\r',
    ),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async pieces => {
      const text = pieces.join('')
      const parsed = parseToml(text)
      if (!parsed.ok) {
        assert.ok(parsed.line >= 1 && parsed.line <= text.split('\n').length && parsed.column >= 1)
        assert.match(parsed.message, /^[a-z][a-z :-]+\.?/)
      }
      const line = (await locateToml(text))(['a'])
      assert.ok(line === undefined || line >= 1)
    }),
    { numRuns: 100 },
  )
})

test('no message holds a word of the file', () => {
  const secret = 'hunter2'
  const around = fc.array(
    fc.constantFrom(secret, `"${secret}`, `'${secret}'`, '=', '\n', '[', ']', '{', '\\x', '.', 'a'),
    { maxLength: 10 },
  )
  fc.assert(
    fc.property(around, pieces => {
      const parsed = parseToml(pieces.join(''))
      if (!parsed.ok) assert.ok(!parsed.message.includes(secret))
    }),
    { numRuns: 300 },
  )
})
