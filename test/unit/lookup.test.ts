/** `bearerd lookup ADDRESS`: whose it is, and how its owner may log in. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

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
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-lookup-'))
  try {
    writeFileSync(join(folder, 'bearerd.toml'), configuration)
    writeFileSync(join(folder, 'accounts.toml'), accounts)
    writeFileSync(join(folder, 'app-passwords.jsonl'), passwords, { mode: 0o600 })
    const command = ['--import', 'tsx', 'src/main.ts', 'lookup', '--config', join(folder, 'bearerd.toml'), ...args]
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' })
    return { status, stdout, stderr: stderr.replaceAll(`${folder}/`, '') }
  } finally {
    rmSync(folder, { recursive: true })
  }
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
