/** Passwd-file: what is written is read back, whatever stands in it, and no text makes the reader throw. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePasswdFile } from '../../src/passwords/passwd-file.ts'

const runs = { numRuns: 200 }
const plain = fc.stringMatching(/^[A-Za-z0-9äöü{}$./+=@_-]{1,12}$/)
const optional = fc.option(plain, { nil: undefined })
const name = fc.stringMatching(/^[a-z][a-z_]{0,11}$/)
const value = fc.stringMatching(/^[A-Za-z0-9*:=/%.,]{0,12}$/)

const rows = fc.uniqueArray(
  fc.record({
    user: plain,
    password: optional,
    uid: optional,
    gid: optional,
    gecos: fc.option(fc.stringMatching(/^[A-Za-z ]{1,12}$/), { nil: undefined }),
    home: optional,
    extra: fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true }),
  }),
  { maxLength: 5, selector: ({ user }) => user },
)

type Row = (typeof rows extends fc.Arbitrary<infer List> ? List : never) extends (infer Item)[] ? Item : never

function write({ user, password, uid, gid, gecos, home, extra }: Row): string {
  const fields = Object.entries(extra).map(([key, text]) => `${key}=${text}`)
  return [user, password, uid, gid, gecos, home, '', fields.join(' ')].map(field => field ?? '').join(':')
}

test('what is written is read back, with its line', () => {
  fc.assert(
    fc.property(rows, fc.constantFrom('\n', '\r\n'), (given, end) => {
      const text = given.map(row => `# ${row.user}${end}${end}${write(row)}${end}`).join('')
      const { lines, problems } = parsePasswdFile(text)
      assert.deepEqual(problems, [])
      assert.deepEqual(
        lines,
        given.map((row, index) => ({ line: index * 3 + 3, ...row })),
      )
    }),
    runs,
  )
})

test('no text makes it throw, and every line is read, complained of, or nothing', () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom('a', ':', '\n', '\r', '#', '=', ' ', '__proto__=x', '\ufffd', '\ufeff'),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
      const text = pieces.join('')
      const { lines, problems } = parsePasswdFile(text)
      const numbers = [...lines, ...problems].map(({ line }) => line)
      assert.equal(new Set(numbers).size, numbers.length)
      const count = text.split('\n').length
      for (const number of numbers) assert.ok(number >= 1 && number <= count)
      for (const { user, extra } of lines) {
        assert.notEqual(user, '')
        for (const text of Object.values(extra)) assert.equal(typeof text, 'string')
      }
    }),
    runs,
  )
})

test('fields at the end may be missing, extra fields hold colons and flags, and the old ninth field is the mail', () => {
  const [short, full, old] = parsePasswdFile(
    'alice\nbob:{PLAIN}x:5000:5000:Bob:/srv/bob::userdb_quota_rule=*:storage=5G nodelay\ncarol:x:1:1::/home/carol:::maildir:~/Maildir',
  ).lines
  const none = { password: undefined, uid: undefined, gid: undefined, gecos: undefined, home: undefined, extra: {} }
  assert.deepEqual(short, { line: 1, user: 'alice', ...none })
  assert.deepEqual(full?.extra, { userdb_quota_rule: '*:storage=5G', nodelay: 'yes' })
  assert.deepEqual(old?.extra, { userdb_mail: 'maildir:~/Maildir' })
})

test('a user who stands there twice is a problem of the second line; no message repeats a password', () => {
  const { lines, problems } = parsePasswdFile('alice:hunter2\nalice:hunter3\nbob:hunter4\tx')
  assert.equal(lines.length, 1)
  assert.deepEqual(
    problems.map(({ line }) => line),
    [2, 3],
  )
  assert.doesNotMatch(JSON.stringify(problems), /hunter/)
})
