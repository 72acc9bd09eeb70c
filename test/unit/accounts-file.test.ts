/** The account file, in both spellings, and everything that can be wrong in it: one problem a line, as a user sees it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { createLineParser, maxLineBytes, type Parsed, parseTomlAccounts } from '../../src/accounts/file.ts'
import { formatProblem } from '../../src/config/problem.ts'

function parseJsonl(text: string | Buffer): Parsed {
  const parser = createLineParser('a.jsonl')
  const { entries, problems } = parser.push(Buffer.from(text))
  const last = parser.end()
  return { entries: [...entries, ...last.entries], problems: [...problems, ...last.problems] }
}

const complaints = ({ problems }: Parsed): string[] => problems.map(formatProblem)
const addresses = ({ entries }: Parsed): string[] => entries.map(({ account, line }) => `${line} ${account.address}`)

const toml = `
# People write comments.
[[account]]
address = "Alice@Example.org"
aliases = ["a.jones@MÜNCHEN.example", "@example.net"]
full-name = "Alice Jones"
username = "Alice"
subject = "f81d4fae-7dec"
directory = "authentik"
quota = "5GiB"
send-as = ["Info@example.org"]
userdb.mail_path = "/srv/{local}"
userdb.uid = 5000
userdb.gid = "vmail"
userdb.quota_over_flag = true
created = 2026-01-01T00:00:00Z

[[account]]
address = "bob@example.org"
enabled = false

  [[ account ]]
address = "carol@example.org"
enabled = false
receive = true
`
const jsonl = `{"address":"Alice@Example.org","aliases":["a.jones@MÜNCHEN.example","@example.net"],"full-name":"Alice Jones","username":"Alice","subject":"f81d4fae-7dec","directory":"authentik","quota":5368709120,"send-as":["Info@example.org"],"userdb":{"mail_path":"/srv/{local}","uid":"5000","gid":"vmail","quota_over_flag":true},"created":"2026-01-01T00:00:00Z"}
{"address":"bob@example.org","enabled":false}
{"address":"carol@example.org","enabled":false,"receive":true}
`

const alice = {
  address: 'alice@example.org',
  aliases: ['a.jones@xn--mnchen-3ya.example', '@example.net'],
  fullName: 'Alice Jones',
  username: 'Alice',
  subject: 'f81d4fae-7dec',
  directory: 'authentik',
  enabled: true,
  receives: true,
  sendAs: ['info@example.org'],
  quota: 5 * 1024 ** 3,
  userdb: { mail_path: '/srv/{local}', uid: '5000', gid: 'vmail', quota_over_flag: 'yes' },
  created: Date.parse('2026-01-01T00:00:00Z'),
}

test('both spellings say the same', async () => {
  const fromToml = await parseTomlAccounts('a.toml', toml)
  const fromJsonl = parseJsonl(jsonl)
  assert.deepEqual(complaints(fromToml), [])
  assert.deepEqual(complaints(fromJsonl), [])
  assert.deepEqual(fromToml.entries[0]?.account, alice)
  const accounts = (parsed: Parsed): unknown => parsed.entries.map(({ account }) => account)
  assert.deepEqual(accounts(fromJsonl), accounts(fromToml))
  assert.deepEqual(addresses(fromToml), ['3 alice@example.org', '18 bob@example.org', '22 carol@example.org'])
  assert.deepEqual(addresses(fromJsonl), ['1 alice@example.org', '2 bob@example.org', '3 carol@example.org'])
})

test('a disabled account gets no mail, unless the file says so', async () => {
  const { entries } = await parseTomlAccounts('a.toml', toml)
  assert.deepEqual(
    entries.map(({ account }) => [account.enabled, account.receives]),
    [
      [true, true],
      [false, false],
      [false, true],
    ],
  )
})

test('a file may be empty, or nearly', async () => {
  for (const text of ['', '\n', '# nobody yet\n', '\ufeff']) {
    const parsed = await parseTomlAccounts('a.toml', text)
    assert.deepEqual(parsed, { entries: [], problems: [] })
  }
  for (const text of ['', '\n', '\r\n\n  \n', '\ufeff', '\ufeff\n\n'])
    assert.deepEqual(parseJsonl(text), { entries: [], problems: [] })
})

test('JSON Lines: byte order mark, CRLF, empty lines, no newline at the end', () => {
  const parsed = parseJsonl('\ufeff{"address":"a@b"}\r\n\r\n{"address":"c@d"}\n\n {"address":"e@f"} ')
  assert.deepEqual(complaints(parsed), [])
  assert.deepEqual(addresses(parsed), ['1 a@b', '3 c@d', '5 e@f'])
})

/** Written as the right side of a TOML line and of a JSON member. */
const wrong: [what: string, key: string, toml: string, json: string, complaint: string][] = [
  ['a number for an address', 'address', '1', '1', 'expected an address such as "alice@example.org", got a number'],
  ['no address', 'address', '"alice"', '"alice"', 'expected an address such as "alice@example.org"'],
  ['one alias', 'aliases', '"x@y"', '"x@y"', 'expected a list of addresses'],
  ['a bad username', 'username', '"\\u0007"', '"\\u0007"', 'expected a text without control characters'],
  ['an empty subject', 'subject', '""', '""', 'expected a text'],
  ['a list for a name', 'full-name', '["x"]', '["x"]', 'expected a text, got a list'],
  ['a yes', 'enabled', '"yes"', '"yes"', 'expected true or false'],
  ['a contradiction', 'receive', 'false', 'false', 'has a meaning only with enabled = false'],
  ['a unit nobody knows', 'quota', '"5 apples"', '"5 apples"', sizes()],
  ['no bytes', 'quota', '0', '0', sizes()],
  ['half a byte', 'quota', '0.5', '0.5', sizes()],
  ['fewer bytes', 'quota', '-1', '-1', sizes()],
  ['a text for fields', 'userdb', '"x"', '"x"', 'expected a table of userdb fields'],
]
function sizes(): string {
  return 'expected a size such as "5GiB" or "500MB", or a number of bytes; without the key, no limit'
}

for (const [what, key, tomlValue, jsonValue, complaint] of wrong)
  test(`wrong: ${what}`, async () => {
    const address = key === 'address' ? '' : 'address = "a@b"\n'
    const text = `[[account]]\naddress = "ok@b"\n\n[[account]]\n${address}${key} = ${tomlValue}\n`
    const fromToml = await parseTomlAccounts('a.toml', text)
    const line = key === 'address' ? 5 : 6
    assert.deepEqual(complaints(fromToml), [`a.toml:${line}: error: account[1].${key}: ${complaint}`])
    assert.deepEqual(addresses(fromToml), ['1 ok@b'])

    const members = key === 'address' ? '' : '"address":"a@b",'
    const fromJsonl = parseJsonl(`{"address":"ok@b"}\n{${members}"${key}":${jsonValue}}\n`)
    assert.deepEqual(complaints(fromJsonl), [`a.jsonl:2: error: ${key}: ${complaint}`])
    assert.deepEqual(addresses(fromJsonl), ['1 ok@b'])
  })

test('a list is complained of at the item', async () => {
  const parsed = await parseTomlAccounts(
    'a.toml',
    '[[account]]\naddress = "a@b"\naliases = [\n  "c@d",\n  "d",\n  "@",\n]',
  )
  assert.deepEqual(complaints(parsed), [
    'a.toml:5: error: account[0].aliases[1]: expected an address such as "alice@example.org"',
    'a.toml:6: error: account[0].aliases[2]: expected an address such as "alice@example.org"',
  ])
})

test('send-as takes no whole domain', () => {
  const parsed = parseJsonl('{"address":"a@b","send-as":["@b"]}')
  assert.deepEqual(complaints(parsed), [
    'a.jsonl:1: error: send-as[0]: expected an address such as "alice@example.org"',
  ])
})

test('an account without an address', async () => {
  assert.deepEqual(complaints(parseJsonl('{}')), [
    'a.jsonl:1: error: address: expected an address such as "alice@example.org", got nothing',
  ])
  assert.deepEqual(complaints(await parseTomlAccounts('a.toml', '\n[[account]]')), [
    'a.toml:2: error: account[0].address: expected an address such as "alice@example.org", got nothing',
  ])
})

test('an unknown key comes with the one that was meant', async () => {
  const parsed = await parseTomlAccounts('a.toml', '[[account]]\naddress = "a@b"\nfullname = "A"\nshoe-size = 44')
  assert.deepEqual(complaints(parsed), [
    'a.toml:3: error: account[0].fullname: unknown key; did you mean "full-name"?',
    'a.toml:4: error: account[0].shoe-size: unknown key',
  ])
  assert.deepEqual(complaints(parseJsonl('{"address":"a@b","alias":[]}')), [
    'a.jsonl:1: error: alias: unknown key; did you mean "aliases"?',
  ])
  assert.deepEqual(complaints(parseJsonl('{"address":"a@b","userdb.uid":5000}')), [
    'a.jsonl:1: error: "userdb.uid": unknown key; write it as "userdb": {…}',
  ])
})

test('what is no [[account]]', async () => {
  assert.deepEqual(complaints(await parseTomlAccounts('a.toml', '\n[account]\naddress = "a@b"')), [
    'a.toml:2: error: account: expected [[account]], in two pairs of brackets',
  ])
  assert.deepEqual(complaints(await parseTomlAccounts('a.toml', 'account = [1]')), [
    'a.toml:1: error: account: expected [[account]], in two pairs of brackets',
  ])
  assert.deepEqual(complaints(await parseTomlAccounts('a.toml', '\n[[accounts]]\naddress = "a@b"')), [
    'a.toml:2: error: accounts: unknown key; an account begins with [[account]]',
  ])
})

test('inline tables are accounts too, and something like a header in a text is none', async () => {
  const inline = await parseTomlAccounts('a.toml', 'account = [\n  { address = "a@b" },\n  { address = "c@d" },\n]')
  assert.deepEqual(addresses(inline), ['2 a@b', '3 c@d'])
  const text = await parseTomlAccounts(
    'a.toml',
    '[[account]]\naddress = "a@b"\nfull-name = """\\\n[[account]]\\\n"""\n[[account]]\naddress = "c@d"',
  )
  assert.deepEqual(addresses(text), ['1 a@b', '6 c@d'])
})

test('one syntax error is one problem, and keeps the file to itself', async () => {
  const parsed = await parseTomlAccounts('a.toml', '[[account]]\naddress = "a@b"\nsubject = hunter2\n[[account]]')
  assert.deepEqual(complaints(parsed), ['a.toml:3: error: TOML syntax, column 11: invalid value'])
  assert.deepEqual(parsed.entries, [])
})

test('a line that is no object', () => {
  const object = 'expected one JSON object on the line'
  for (const line of [
    '{"address":"al',
    '[]',
    'null',
    '"a@b"',
    '1',
    '{"address":"a@b"},',
    '{"address":"a@b"}{}',
    '\0',
    '#',
  ])
    assert.deepEqual(complaints(parseJsonl(`\n${line}\n{"address":"ok@b"}\n`)), [`a.jsonl:2: error: ${object}`], line)
})

test('bytes that are no UTF-8 become no name', () => {
  for (const key of ['address', 'username', 'full-name']) {
    const line = Buffer.concat([
      Buffer.from(key === 'address' ? '{"address":"a' : `{"address":"a@b","${key}":"a`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(key === 'address' ? '@b"}\n' : '"}\n'),
    ])
    const parsed = parseJsonl(line)
    assert.equal(parsed.problems.length, 1, key)
    assert.deepEqual(parsed.entries, [])
  }
})

test('a line of 64 KiB is read, a longer one is passed over', () => {
  const line = (bytes: number): string => {
    const object = '{"address":"a@b","aliases":[]}'
    return `${object}${' '.repeat(bytes - object.length)}\n`
  }
  assert.deepEqual(addresses(parseJsonl(line(maxLineBytes))), ['1 a@b'])
  const long = parseJsonl(
    `${line(maxLineBytes + 1)}{"address":"ok@b"}\n${'x'.repeat(10 * maxLineBytes)}\n{"address":"c@d"}`,
  )
  assert.deepEqual(complaints(long), [
    'a.jsonl:1: error: longer than 65536 bytes',
    'a.jsonl:3: error: longer than 65536 bytes',
  ])
  assert.deepEqual(addresses(long), ['2 ok@b', '4 c@d'])
})

test('__proto__ and constructor are keys like any other: unknown', () => {
  assert.deepEqual(complaints(parseJsonl('{"address":"a@b","__proto__":{"enabled":false},"constructor":1}')), [
    'a.jsonl:1: error: __proto__: unknown key',
    'a.jsonl:1: error: constructor: unknown key',
  ])
  assert.deepEqual(complaints(parseJsonl('{"address":"a@b","userdb":{"__proto__":"x"}}')), [
    'a.jsonl:1: error: userdb.__proto__: is not the name of a userdb field',
  ])
  assert.equal(({} as { enabled?: unknown }).enabled, undefined)
})

test('__proto__ is a username like any other', () => {
  const { entries } = parseJsonl('{"address":"a@b","username":"__proto__","subject":"constructor"}')
  assert.equal(entries[0]?.account.username, '__proto__')
  assert.equal(entries[0]?.account.subject, 'constructor')
})

test('of a key given twice in JSON the last one counts', () => {
  assert.deepEqual(addresses(parseJsonl('{"address":"a@b","address":"c@d"}')), ['1 c@d'])
})

const userdb: [json: string, complaint: string | undefined][] = [
  ['{"uid":0}', 'uid: 0 is root, whom Dovecot never serves'],
  ['{"uid":"00"}', 'uid: 0 is root, whom Dovecot never serves'],
  ['{"uid":-1}', 'uid: expected a name or 1 to 4294967294'],
  ['{"uid":4294967295}', 'uid: expected a name or 1 to 4294967294'],
  ['{"uid":4294967294,"gid":0}', undefined],
  ['{"uid":1.5}', 'uid: expected a text, an integer, true or false, got a number'],
  ['{"home":null}', 'home: expected a text, an integer, true or false, got null'],
  ['{"home":["/x"]}', 'home: expected a text, an integer, true or false, got a list'],
  ['{"home":"/a\\tb"}', 'home: expected a text without control characters'],
  ['{"home":"/a\\nuid=0"}', 'home: expected a text without control characters'],
  ['{"1home":"/x"}', '1home: is not the name of a userdb field'],
  ['{"ho=me":"/x"}', '"ho=me": is not the name of a userdb field'],
  ['{"":"/x"}', '"": is not the name of a userdb field'],
  ['{"plugin/quota_rule2":"Trash:storage=+10%","namespace/inbox/prefix":""}', undefined],
]
for (const [fields, complaint] of userdb)
  test(`userdb ${fields}`, () => {
    const expected = complaint === undefined ? [] : [`a.jsonl:1: error: userdb.${complaint}`]
    assert.deepEqual(complaints(parseJsonl(`{"address":"a@b","userdb":${fields}}`)), expected)
  })

test('userdb numbers and flags become text, in order', () => {
  const { entries } = parseJsonl('{"address":"a@b","userdb":{"nice":"x","uid":"007","b":false,"n":-5}}')
  assert.equal(JSON.stringify(entries[0]?.account.userdb), '{"nice":"x","uid":"7","b":"no","n":"-5"}')
})

test('userdb fields fit into a reply', () => {
  const fields = JSON.stringify({ a: 'x'.repeat(2048), b: 'x'.repeat(2048) })
  assert.deepEqual(complaints(parseJsonl(`{"address":"a@b","userdb":${fields}}`)), [
    'a.jsonl:1: error: userdb: expected at most 4096 characters in all',
  ])
})

test('everything wrong with an account is said at once', () => {
  assert.equal(
    parseJsonl('{"address":1,"aliases":2,"enabled":3,"quota":null,"x":1,"userdb":{"uid":0}}').problems.length,
    6,
  )
})
