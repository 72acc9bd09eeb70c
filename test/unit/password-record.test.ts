/** Lines of app-passwords.jsonl: what they say, and everything that can be wrong in them. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import test from 'node:test'
import { formatPath } from '../../src/config/values.ts'
import { formatPasswordLine, parsePasswordLine } from '../../src/passwords/record.ts'
import { createRecordReader } from '../../src/passwords/records.ts'
import { allowsService } from '../../src/passwords/service.ts'
import { passwordHashes } from '../support/password-hashes.ts'
import { passwordRecord } from '../support/passwords.ts'

const record = passwordRecord({
  label: 'Outlook, office',
  expires: Date.parse('2026-07-31T12:00:00.000Z'),
  services: ['imap', 'smtp'],
  networks: ['192.0.2.0/24'],
})
const [, importedHash = ''] = passwordHashes[0] ?? []

function complaints(given: object | string): string[] {
  const parsed = parsePasswordLine(typeof given === 'string' ? given : JSON.stringify(given))
  if (parsed.ok) return []
  return parsed.complaints.map(({ path, message }) => (path.length === 0 ? message : `${formatPath(path)}: ${message}`))
}

/** The record as a table, with a key changed. */
function changed(key: string, value: unknown): object {
  return { ...JSON.parse(formatPasswordLine(record)), [key]: value }
}

test('a line is written and read', () => {
  const line = formatPasswordLine(record)
  assert.equal(
    line,
    `{"id":"kfm","account":"alice@example.org","label":"Outlook, office","hash":"${record.hash}","created":"2026-01-31T12:00:00.000Z","expires":"2026-07-31T12:00:00.000Z","services":["imap","smtp"],"networks":["192.0.2.0/24"]}`,
  )
  assert.deepEqual(parsePasswordLine(line), { ok: true, record })
})

test('what there is nothing to say of is left out', () => {
  const plain = passwordRecord()
  assert.deepEqual(Object.keys(JSON.parse(formatPasswordLine(plain))), ['id', 'account', 'label', 'hash', 'created'])
  assert.deepEqual(parsePasswordLine(formatPasswordLine(plain)), { ok: true, record: plain })
})

test('addresses and networks are brought into their one spelling', () => {
  const parsed = parsePasswordLine(
    JSON.stringify({ ...changed('account', 'Alice@Example.ORG'), networks: ['2001:DB8:0::/32', '::ffff:192.0.2.1'] }),
  )
  assert.ok(parsed.ok)
  assert.equal(parsed.record.account, 'alice@example.org')
  assert.deepEqual(parsed.record.networks, ['2001:db8::/32', '192.0.2.1/32'])
})

test('everything that is wrong is named, with what was expected, and no hash is repeated', () => {
  const wrong: [key: string, value: unknown, complaint: string][] = [
    ['expire', 1, 'expire: unknown key; did you mean "expires"?'],
    ['id', 7, 'id: expected up to 32 lower-case letters, digits and dashes, got a number'],
    ['id', 'KFM', 'id: expected up to 32 lower-case letters, digits and dashes'],
    ['id', 'outlook', 'id: expected three letters of those that app passwords are made of'],
    ['account', 'alice', 'account: expected an address such as "alice@example.org"'],
    ['label', null, 'label: expected a text, got null'],
    ['label', 'a\nb', 'label: expected a text without control characters'],
    ['label', 'x'.repeat(257), 'label: expected at most 256 characters'],
    ['hash', ['hunter2'], 'hash: expected a text, got a list'],
    [
      'hash',
      '{PLAIN}hunter2',
      'hash: expected a hash of one of these schemes: {ARGON2ID} {BLF-CRYPT} {SHA512-CRYPT} {PBKDF2} {SSHA512}',
    ],
    ['hash', '{SHA256}hunter2', 'hash: {SHA256}: expected 32 bytes in base64'],
    ['created', 'yesterday', 'created: expected a time such as "2026-01-31T12:00:00Z"'],
    ['created', undefined, 'created: expected a time such as "2026-01-31T12:00:00Z"'],
    ['expires', 1769860800, 'expires: expected a time such as "2026-01-31T12:00:00Z"'],
    ['expires', null, 'expires: expected a time such as "2026-01-31T12:00:00Z"'],
    ['services', 'imap', 'services: expected a list'],
    ['services', ['imap', 'http'], 'services[1]: expected one of imap, pop3, smtp, sieve'],
    ['services', [], 'services: expected at least one; without the key, all are allowed'],
    ['networks', [], 'networks: expected at least one; without the key, all are allowed'],
    ['networks', ['192.0.2.0/33'], 'networks[0]: expected a length of 0 to 32 after the slash'],
    [
      'networks',
      ['192.0.2.7/24'],
      'networks[0]: expected the first address of a network; did you mean "192.0.2.0/24"?',
    ],
    [
      'networks',
      ['office'],
      'networks[0]: expected a network such as "192.0.2.0/24" or "2001:db8::/32", or an address',
    ],
  ]
  for (const [key, value, complaint] of wrong) assert.deepEqual(complaints(changed(key, value)), [complaint])
  assert.deepEqual(complaints('[]'), ['expected one JSON object on the line'])
  assert.deepEqual(complaints('{"id":'), ['expected one JSON object on the line'])
  assert.equal(complaints({}).length, 4, 'id, account, hash and created are needed')
})

test('services are as mail servers call them', () => {
  assert.ok(allowsService(['smtp'], 'submission'), "Dovecot's submission service")
  assert.ok(allowsService(['smtp'], 'smtp'), 'Postfix')
  assert.ok(allowsService(['sieve'], 'managesieve'))
  assert.ok(allowsService(['imap'], 'IMAP'))
  assert.ok(!allowsService(['imap'], 'doveadm'))
  assert.ok(allowsService([], 'doveadm'))
})

function readFile(text: string): { shown: string[]; ids: string[] } {
  const reader = createRecordReader('p', [1, 2])
  reader.push(Buffer.from(text))
  reader.end()
  const shown = reader.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`)
  return { shown, ids: [...reader.index.all()].map(({ account, id }) => `${account} ${id}`) }
}

test('a file: a byte order mark and empty lines are passed over, an account may have several', () => {
  const bob = passwordRecord({ account: 'bob@example.org' })
  const imported = passwordRecord({ id: 'imported', hash: importedHash })
  const rows = [record, imported, bob].map(formatPasswordLine)
  const { shown, ids } = readFile(`\ufeff${rows[0]}\n\n  \n${rows[1]}\r\n${rows[2]}`)
  assert.deepEqual(shown, [])
  assert.deepEqual(ids, ['alice@example.org kfm', 'alice@example.org imported', 'bob@example.org kfm'])
})

test('the same id twice in an account, a second imported password and endless lines are errors', () => {
  const rows = [
    record,
    passwordRecord({ label: 'again' }),
    passwordRecord({ id: 'imported', hash: importedHash }),
    passwordRecord({ id: 'imported2', hash: importedHash }),
  ].map(formatPasswordLine)
  const { shown } = readFile(`${rows.join('\n')}\n{"label":"${'x'.repeat(8192)}"}\n`)
  assert.deepEqual(shown, [
    '2 id: the account has another password with this id',
    '4 hash: the account has another imported password; one is the limit',
    '5 undefined: longer than 8192 bytes',
  ])
})
