/**
 * The commands that write, killed at any change that they make on disk, and with a full disk at any of them: each file
 * is the old one or the new one, and a command that says that it is done has done it.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { assertClean, prepareCommand } from '../support/durability.ts'
import { atEveryChange, type Ended, type Program } from '../support/faulty.ts'

const accounts = [
  '{"address":"alice@example.org","created":"2026-01-01T00:00:00.000Z"}',
  '{"address":"bob@example.org","created":"2026-01-01T00:00:00.000Z"}',
]

const passwords = ['alice', 'bob'].map(name =>
  JSON.stringify({
    id: 'kfm',
    account: `${name}@example.org`,
    label: 'phone',
    hash: `{SHA256}${Buffer.alloc(32).toString('base64')}`,
    created: '2026-02-01T00:00:00.000Z',
  }),
)

type Command = {
  readonly args: readonly string[]
  readonly stdin?: string
  /** What identifies the lines of each file, once it is done. */
  readonly accounts: readonly string[]
  readonly passwords: readonly string[]
  /** The passwords while the accounts change. */
  readonly between?: readonly string[]
}

const old = { accounts: ['alice', 'bob'], passwords: ['alice phone', 'bob phone'] }
const many = Array.from({ length: 2_000 }, (_, n) => `user${n}`)

const commands: Record<string, Command> = {
  'account add': { ...old, args: ['account', 'add', 'carol@example.org'], accounts: ['alice', 'bob', 'carol'] },
  'account set': {
    ...old,
    args: ['account', 'set', 'bob@example.org', '--quota', '5GiB'],
    accounts: ['alice', 'bob 5GiB'],
  },
  'account import': {
    ...old,
    args: ['account', 'import', '-'],
    stdin: many.map(name => `${JSON.stringify({ address: `${name}@example.org` })}\n`).join(''),
    accounts: ['alice', 'bob', ...many],
  },
  'account remove': {
    args: ['account', 'remove', 'bob@example.org', '--yes'],
    accounts: ['alice'],
    passwords: ['alice phone'],
  },
  'account rename': {
    args: ['account', 'rename', 'bob@example.org', 'rob@example.org'],
    accounts: ['alice', 'rob'],
    passwords: ['alice phone', 'rob phone'],
    between: ['alice phone', 'bob phone', 'rob phone'],
  },
  'app-password create': {
    ...old,
    args: ['app-password', 'create', 'bob@example.org', '--label', 'office'],
    passwords: ['alice phone', 'bob phone', 'bob office'],
  },
  'app-password revoke': {
    ...old,
    args: ['app-password', 'revoke', 'alice@example.org', 'kfm'],
    passwords: ['bob phone'],
  },
}

async function prepare(folder: string, { args, stdin = '' }: Command): Promise<Program> {
  const files = { 'accounts.jsonl': `${accounts.join('\n')}\n`, 'app-passwords.jsonl': `${passwords.join('\n')}\n` }
  const directory = 'endpoint.url = "https://accounts.example.org/userinfo"'
  return { ...(await prepareCommand(folder, args, { files, directory })), stdin }
}

async function recordsIn(file: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(file, 'utf8')).split('\n')
  assert.equal(lines.pop(), '', `the last line of ${file} is whole`)
  return lines.map(line => JSON.parse(line))
}

const words = (...values: unknown[]): string =>
  values
    .filter(value => typeof value === 'string')
    .map(value => value.replace('@example.org', ''))
    .join(' ')

/** Whether the command has done what it is for. */
async function assertWhole(folder: string, command: Command, { code, fault, stdout, stderr }: Ended): Promise<void> {
  const state = join(folder, 'state')
  const found = {
    accounts: (await recordsIn(join(state, 'accounts.jsonl'))).map(({ address, quota }) => words(address, quota)),
    passwords: (await recordsIn(join(state, 'app-passwords.jsonl'))).map(({ account, label }) => words(account, label)),
  }
  for (const key of ['accounts', 'passwords'] as const) {
    const isOld = found[key].join() === old[key].join()
    const isNew = found[key].join() === command[key].join()
    const isBetween = key === 'passwords' && found[key].join() === command.between?.join()
    const isWarnedOf = isBetween && stderr.includes('under the old address too, and are of no use')
    assert.ok(isNew || (code === 0 ? isWarnedOf : isOld || isBetween), `${key}: ${found[key].slice(0, 5)}`)
  }
  // Whoever has an account has her password.
  if (command.between !== undefined)
    for (const name of found.accounts) assert.ok(found.passwords.includes(`${name} phone`), `${name}'s password`)
  // A password that somebody has seen works.
  if (command.args[1] === 'create' && stdout !== '') assert.deepEqual(found.passwords, command.passwords)
  // Passwords go first: an account is not removed before they are.
  if (found.accounts.length < old.accounts.length) assert.deepEqual(found.passwords, command.passwords)
  if (fault === '') assert.equal(code, 0, stderr)
  await assertClean(state, ['accounts.jsonl', 'app-passwords.jsonl'])
}

for (const [name, command] of Object.entries(commands))
  test(`killed at any change: ${name}`, async () => {
    const met = await atEveryChange(
      { how: 'kill' },
      folder => prepare(folder, command),
      (folder, ended) => assertWhole(folder, command, ended),
    )
    assert.ok(met.includes('rename'))
  })

for (const name of ['account import', 'account remove', 'account rename', 'app-password create'])
  test(`a full disk at any change: ${name}`, async () => {
    const command = commands[name]
    assert.ok(command)
    await atEveryChange(
      { how: 'ENOSPC' },
      folder => prepare(folder, command),
      async (folder, ended) => {
        await assertWhole(folder, command, ended)
        if (ended.code === 0) return
        assert.equal(ended.code, 78)
        assert.match(ended.stderr, /\.jsonl was not changed: the disk is full|a power cut may undo it/)
      },
    )
  })
