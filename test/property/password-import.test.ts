/** Taking over a passwd-file: whatever is in it, a line is taken or complained of, and nothing is told of a password. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readWish } from '../../src/cli/app-password-options.ts'
import { parseHash } from '../../src/passwords/hash.ts'
import { planImport } from '../../src/passwords/import.ts'
import { readImportHash } from '../../src/passwords/import-hash.ts'
import { formatPasswordLine, parsePasswordLine } from '../../src/passwords/record.ts'
import { account, indexOf } from '../support/accounts.ts'

const runs = { numRuns: 300 }

const scheme = fc.constantFrom(
  'BLF-CRYPT',
  'blf-crypt',
  'SHA512-CRYPT',
  'CRYPT',
  'SHA256',
  'MD5-CRYPT',
  'SSHA512',
  'PBKDF2',
)
const good = fc.constantFrom(
  `$2y$05$${'a'.repeat(53)}`,
  `$6$salt$${'b'.repeat(86)}`,
  `$argon2id$v=19$m=65536,t=3,p=1$${'c'.repeat(22)}$${'A'.repeat(43)}`,
  `$1$salt$5000$${'d'.repeat(40)}`,
  Buffer.alloc(72, 'e').toString('base64'),
)
const secret = fc.stringMatching(/^[!-9;-~]{6,40}$/)
const field = fc
  .tuple(fc.option(fc.oneof(scheme, secret)), fc.oneof(good, secret))
  .map(([name, rest]) => (name === null ? rest : `{${name}}${rest}`))

test('a hash that is taken is one that can be checked, and never of the kind that app passwords have', () => {
  fc.assert(
    fc.property(field, text => {
      const read = readImportHash(text)
      if (!read.ok) return
      const parsed = parseHash(read.hash)
      assert.ok(parsed.ok && parsed.hash.scheme !== 'SHA256')
      assert.ok(text.endsWith(read.hash.slice(read.hash.indexOf('}') + 1)), 'as it was')
    }),
    runs,
  )
})

test('a refusal tells nothing of a password that stands there in the clear', () => {
  const telling = /isn't taken|not a hash|expected|over \d|more than \d/
  fc.assert(
    fc.property(secret, scheme, (text, name) => {
      for (const given of [text, `{${name}}${text}`, `{${text}}x`]) {
        const read = readImportHash(given)
        if (read.ok) continue
        assert.match(read.message, telling)
        // What is long enough to be no coincidence.
        if (text.length >= 12) assert.ok(!read.message.includes(text))
      }
    }),
    runs,
  )
})

test('each line with a password is taken once or complained of, and what is taken can be read again', () => {
  const accounts = indexOf([
    account({ address: 'a@example.org', aliases: ['b@example.org'] }),
    account({ address: 'c@example.org', created: 2_000 }),
  ])
  const user = fc.constantFrom('a', 'b', 'c', 'd', 'A@Example.org', 'c@example.org', 'x y', '@', '')
  const extra = fc.constantFrom('', '::::::allow_nets=192.0.2.0/24', '::::::allow_nets=local', '::::::nologin', ':1:1')
  const rows = fc.array(
    fc.tuple(user, fc.option(field, { nil: '' }), extra).map(parts => `${parts[0]}:${parts[1]}${parts[2]}`),
    { maxLength: 6 },
  )
  fc.assert(
    fc.property(rows, fc.option(fc.constant('example.org'), { nil: undefined }), (lines, domain) => {
      const options = { domain, label: 'x', replace: false, nowMs: 1_000, accounts, passwords: { of: () => [] } }
      const { taken, passedOver, complaints } = planImport(lines.join('\n'), options)
      const counted = lines.filter(line => line !== '' && !line.startsWith(':')).length
      assert.equal(taken.length + passedOver + complaints.length, counted)
      const owners = taken.map(({ record }) => record.account)
      assert.equal(new Set(owners).size, owners.length)
      for (const { record } of taken) {
        assert.deepEqual(parsePasswordLine(formatPasswordLine(record)), { ok: true, record })
        assert.ok(record.created >= (accounts.byName(record.account)?.created ?? 0))
      }
    }),
    runs,
  )
})

test('a wish that is granted can be written and read again; of one that is not, something is said', () => {
  const piece = (...known: string[]): fc.Arbitrary<string> => fc.oneof(fc.constantFrom(...known), fc.string())
  const wish = fc.record(
    {
      label: piece('Outlook, office', '', 'x'.repeat(201), '\u0000', 'é'),
      expires: piece('180d', '2027-01-31', '2027-02-31', '0d', '99999999d', '2020-01-01'),
      services: piece('imap,smtp', 'imap, imap', 'Submission', '', 'fax'),
      networks: piece('192.0.2.0/24,2001:db8::1', '192.0.2.1/24', '', '::ffff:192.0.2.1'),
    },
    { requiredKeys: ['label'] },
  )
  const hash = `{SHA256}${Buffer.alloc(32).toString('base64')}`
  const nowMs = Date.parse('2026-01-31T12:00:00Z')
  fc.assert(
    fc.property(wish, given => {
      const complaints: string[] = []
      const read = readWish(given, nowMs, message => complaints.push(message))
      assert.equal(read === undefined, complaints.length > 0)
      if (read === undefined) return
      const record = { id: 'kfm', account: 'a@example.org', hash, created: nowMs, ...read }
      assert.deepEqual(parsePasswordLine(formatPasswordLine(record)), { ok: true, record })
      assert.ok(read.expires === undefined || read.expires > nowMs)
    }),
    runs,
  )
})
