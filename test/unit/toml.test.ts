import assert from 'node:assert/strict'
import test from 'node:test'
import { locateToml, parseToml } from '../../src/toml.ts'

/** Where each key of a file stands, by the file itself: its comments are the line numbers. */
const sample = `top = 1
[directory."a.b"]
endpoint.url = "x"
fields = { email = "e", names = [
  "one",
  { deep = true },
] }

[[account]]
address = "a"

[[account]]
address = "b"
userdb.mail_path = "x"
[account.more]
z = 1
[[account.sub]]
k = 1
[[account.sub]]
k = 2
`

test('values have no prototype to be confused with', () => {
  const parsed = parseToml('[a]\n"__proto__" = 1\nconstructor = 2')
  assert.ok(parsed.ok)
  assert.deepEqual(Object.keys(parsed.value.a as object), ['__proto__', 'constructor'])
  assert.equal(Object.getPrototypeOf(parsed.value.a), null)
})

test('a syntax error has its place, and nothing of the file', () => {
  const parsed = parseToml('ok = 1\nsecret = "hunter2\nmore = 2')
  assert.ok(!parsed.ok)
  assert.deepEqual(parsed, { ok: false, line: 2, column: 18, message: 'control characters are not allowed in strings' })
  assert.doesNotMatch(JSON.stringify(parsed), /hunter2/)
})

for (const text of [
  'a = 1\na = 2',
  '[a\n',
  'a = [',
  'a = 09',
  'a = 1979-99-99',
  `a = ${'['.repeat(100_000)}`,
  '\u0000',
])
  test(`is a syntax error: ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.equal(parseToml(text).ok, false)
  })

test('a key path has a line', async () => {
  const lineOf = await locateToml(sample)
  const lines: [path: (string | number)[], line: number][] = [
    [['top'], 1],
    [['directory'], 2],
    [['directory', 'a.b'], 2],
    [['directory', 'a.b', 'endpoint'], 3],
    [['directory', 'a.b', 'endpoint', 'url'], 3],
    [['directory', 'a.b', 'fields', 'email'], 4],
    [['directory', 'a.b', 'fields', 'names', 0], 5],
    [['directory', 'a.b', 'fields', 'names', 1, 'deep'], 6],
    [['account'], 9],
    [['account', 0, 'address'], 10],
    [['account', 1], 12],
    [['account', 1, 'address'], 13],
    [['account', 1, 'userdb', 'mail_path'], 14],
    [['account', 1, 'more', 'z'], 16],
    [['account', 1, 'sub', 1, 'k'], 20],
  ]
  for (const [path, line] of lines) assert.equal(lineOf(path), line, JSON.stringify(path))
})

test('a key that is missing has the line of its nearest parent', async () => {
  const lineOf = await locateToml(sample)
  assert.equal(lineOf(['directory', 'a.b', 'endpoint', 'method']), 3)
  assert.equal(lineOf(['directory', 'a.b', 'auth', 'secret']), 2)
  assert.equal(lineOf(['account', 1, 'quota']), 12)
  assert.equal(lineOf(['listen', 'imap']), undefined)
  assert.equal(lineOf([]), undefined)
})

test('a text that only one of the parsers takes has no lines, and no exception', async () => {
  const lineOf = await locateToml('a = [')
  assert.equal(lineOf(['a']), undefined)
})
