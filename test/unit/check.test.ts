import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand } from '../support/command.ts'

/** What `bearerd check` prints and its exit code. */
function check(files: Record<string, string>, ...args: string[]) {
  const { status, stdout } = runCommand('check', files, args)
  return { status, lines: stdout.trim().split('\n') }
}

const configuration = `state-dir = "."
[accounts]
files = ["accounts.toml"]
[listen.imap]
protocol = "dovecot-auth"
path = "auth-client"
[directory.main]
issuer = "https://accounts.example.org"
endpoint.method = "introspect"
auth.method = "user-token"
require.audience = "mail"
`
const alice = '[[account]]\naddress = "alice@example.org"\n'

test('check: nothing to complain of', () => {
  assert.deepEqual(check({ 'bearerd.toml': configuration, 'accounts.toml': alice }), {
    status: 0,
    lines: ['bearerd.toml: 0 errors, 0 warnings, 1 account'],
  })
})

test('check: a warning for accounts that no directory may vouch for', () => {
  const files = { 'bearerd.toml': `${configuration}domains = ["students.example.org"]\n`, 'accounts.toml': alice }
  const { status, lines } = check(files)
  assert.equal(status, 0)
  assert.match(
    lines[0] ?? '',
    /^bearerd\.toml: warning: accounts of example\.org can log in with an app password only: /,
  )
})

test('check: a state directory that is not there, and a password file with a mistake', () => {
  const absent = configuration.replace('"."', '"absent"')
  const { status, lines } = check({ 'bearerd.toml': absent, 'accounts.toml': alice })
  assert.equal(status, 0)
  assert.equal(
    lines[0],
    'absent: warning: does not exist, so that there are no app passwords; create it, or correct state-dir',
  )
  const off = check({ 'bearerd.toml': `app-passwords.enabled = false\n${absent}`, 'accounts.toml': alice })
  assert.deepEqual(off.lines, ['bearerd.toml: 0 errors, 0 warnings, 1 account'])
  const broken = { 'bearerd.toml': configuration, 'accounts.toml': alice, 'app-passwords.jsonl': '{"id":7}\n' }
  assert.equal(check(broken).status, 78)
})

test('check: an error in the configuration, and one in an account file, end with 78', () => {
  const typo = check({ 'bearerd.toml': configuration.replace('issuer', 'isuer'), 'accounts.toml': alice })
  assert.equal(typo.status, 78)
  assert.ok(typo.lines.some(line => line.startsWith('bearerd.toml:8: error: directory.main.isuer: unknown key')))
  const account = check(
    { 'bearerd.toml': configuration, 'accounts.toml': alice.replace('address', 'adress') },
    '--json',
  )
  assert.equal(account.status, 78)
  assert.deepEqual(
    account.lines.map(line => JSON.parse(line)).map(({ severity, line, path }) => [severity, line, path]),
    [
      ['error', 2, 'account[0].adress'],
      ['error', 1, 'account[0].address'],
    ],
  )
})

test('check: app passwords are counted, and those that belong to nobody', () => {
  const password = (account: string): string =>
    JSON.stringify({
      id: 'kfm',
      account,
      label: 'x',
      hash: `{SHA256}${'A'.repeat(43)}=`,
      created: '2026-01-31T12:00:00Z',
    })
  const passwords = `${password('alice@example.org')}\n${password('gone@example.org')}\n`
  const files = { 'bearerd.toml': configuration, 'accounts.toml': alice, 'app-passwords.jsonl': passwords }
  const { status, lines } = check(files)
  assert.equal(status, 0)
  assert.deepEqual(
    lines.filter(line => !line.includes('has mode')),
    [
      'app-passwords.jsonl: warning: 1 app password belongs to no account; if all accounts are there, "bearerd app-password revoke --orphaned" removes what "list" calls orphaned',
      'bearerd.toml: 0 errors, 2 warnings, 1 account, 2 app passwords',
    ],
  )
  assert.ok(lines.some(line => line.startsWith('app-passwords.jsonl: warning: has mode 0644')))
})
