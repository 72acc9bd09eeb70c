/** `bearerd lookup ADDRESS`: whose it is, and how its owner may log in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand } from '../support/command.ts'

const configuration = `state-dir = "."
[accounts]
files = ["accounts.toml"]
[listen.imap]
protocol = "dovecot-auth"
path = "auth-client"
[directory.main]
issuer = "https://accounts.example.org"
`
const accounts = '[[account]]\naddress = "alice@example.org"\naliases = ["a.jones@example.org"]\n'
const password = (id: string, more = ''): string =>
  `{"id":"${id}","account":"alice@example.org","hash":"{SHA256}${'A'.repeat(43)}=","created":"2026-01-01T00:00:00Z"${more}}\n`

function lookup(passwords: string, ...args: string[]) {
  const files = { 'bearerd.toml': configuration, 'accounts.toml': accounts, 'app-passwords.jsonl': passwords }
  return runCommand('lookup', files, args, 0o600)
}

test('lookup: an alias, whose owner has two app passwords and one that has expired', () => {
  const passwords = password('abc') + password('def') + password('xyz', ',"expires":"2026-01-02T00:00:00Z"')
  const { status, stdout, stderr } = lookup(passwords, 'a.jones@example.org')
  assert.deepEqual([status, stderr], [0, ''])
  assert.deepEqual(stdout.split('\n'), [
    'a.jones@example.org',
    '  mail            accepted (alias of alice@example.org)',
    '  login           with a token of her provider, or with one of 2 app passwords',
    '  may send as it  alice@example.org',
    '',
  ])
})

test('lookup: a password file with a mistake is said, and keeps no mail away', () => {
  const { status, stdout, stderr } = lookup('{}\n', 'alice@example.org', '--json')
  assert.equal(status, 0)
  assert.match(stderr, /^app-passwords\.jsonl:1: error: /)
  const { accepted, mayLogIn, appPasswords } = JSON.parse(stdout)
  assert.deepEqual([accepted, mayLogIn, appPasswords], [true, true, undefined])
})

test('lookup: nobody', () => {
  const { status, stdout } = lookup('', 'nobody@example.org')
  assert.equal(status, 1)
  assert.match(stdout, /mail +refused \(no account has it\)\n {2}login +no\n/)
})
