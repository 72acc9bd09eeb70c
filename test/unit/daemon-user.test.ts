/** What root is told of files that the daemon's user can't use. The users here are nobody's, and `id` says what it should. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { checkOwners, warningOfNew } from '../../src/cli/daemon-user.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { checkStateDir } from '../../src/passwords/state-dir.ts'
import { configuration, createSite } from '../support/account-commands.ts'

const skip = process.getuid?.() !== 0 && 'only root can act as others'
const nobody = 65_534
const alice = '{"address":"alice@example.org"}\n'

/** A folder that others may enter. `known`: there is a user bearerd. */
function open(t: TestContext, known: boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-daemon-user-'))
  const path = (name: string): string => join(folder, name)
  chmodSync(folder, 0o755)
  for (const name of ['state', 'bin']) mkdirSync(path(name), 0o755)
  writeFileSync(path('bearerd.toml'), configuration)
  for (const [name, text] of [
    ['accounts.toml', ''],
    ['accounts.jsonl', alice],
    ['state/app-passwords.jsonl', ''],
  ] as const)
    writeFileSync(path(name), text, { mode: 0o600 })
  const script = `#!/bin/sh\n[ "$1" = -G ] && exec echo ${nobody}\n${known ? `echo ${nobody}` : 'exit 1'}\n`
  writeFileSync(path('bin/id'), script, { mode: 0o755 })
  const before = process.env.PATH
  process.env.PATH = `${path('bin')}:${before}`
  t.after(() => {
    process.env.PATH = before
    rmSync(folder, { recursive: true })
  })
  const owners = async (): Promise<string[]> => {
    const { config } = await loadConfig(path('bearerd.toml'), process.env)
    assert.ok(config)
    return (await checkOwners(config)).map(problem => formatProblem(problem).replaceAll(`${folder}/`, ''))
  }
  return { folder, path, owners }
}

test("check: files that are root's alone, and a state directory that the user bearerd can't write in", {
  skip,
}, async t => {
  const { path, owners } = open(t, true)
  chmodSync(path('accounts.toml'), 0o644)
  const cure = (file: string) => `"chown bearerd:${nobody} ${file}" mends that, if the directory lets her in`
  assert.deepEqual(await owners(), [
    `accounts.jsonl: warning: can't be read by bearerd's user bearerd; ${cure('accounts.jsonl')}`,
    `state/app-passwords.jsonl: warning: can't be read by bearerd's user bearerd; ${cure('state/app-passwords.jsonl')}`,
    `state: warning: bearerd's user bearerd can't write there; "install -d -o bearerd -g ${nobody} -m 0700 state" makes it hers`,
  ])
})

test('check: the daemon is whose the state directory is; what she has needs no word', { skip }, async t => {
  const { path, owners } = open(t, false)
  assert.deepEqual(await owners(), [])
  chownSync(path('state'), nobody, nobody)
  chownSync(path('state/app-passwords.jsonl'), nobody, nobody)
  for (const name of ['accounts.toml', 'accounts.jsonl']) chownSync(path(name), nobody, nobody)
  assert.deepEqual(await owners(), [])
  chownSync(path('accounts.jsonl'), 0, 0)
  assert.match((await owners()).join('\n'), /^accounts\.jsonl: warning: can't be read by bearerd's user 65534; [^\n]*$/)
  chmodSync(path('state'), 0o500)
  assert.match((await owners())[1] ?? '', /^state: warning: bearerd's user 65534 can't write there; /)
})

test('a new file that the daemon could not read: root is warned, once', { skip }, async t => {
  const { path } = open(t, true)
  const said: string[] = []
  const terminal = { error: { write: (text: string) => said.push(text) } } as unknown as Parameters<
    typeof warningOfNew
  >[2]
  const write = async () => writeFileSync(path('new'), '', { mode: 0o600 })
  for (let time = 0; time < 2; time++) await warningOfNew(path('new'), path('state'), terminal, write)
  assert.equal(said.length, 1)
  assert.match(said[0] ?? '', /^warning: .*new can't be read by bearerd's user bearerd; "chown bearerd:65534 .*new"/)

  const site = createSite(t, { 'accounts.toml': '' })
  const first = await site.run(['add', 'alice@example.org'])
  assert.match(first.error, /^warning: accounts\.jsonl can't be read by bearerd's user bearerd/)
  assert.deepEqual([first.code, (await site.run(['add', 'bob@example.org'])).error], [0, ''])
})

test('the state directory, looked at by the daemon herself', { skip }, async t => {
  const { path } = open(t, false)
  assert.equal(await checkStateDir(path('state')), undefined)
  const { spawnSync } = await import('node:child_process')
  const module = new URL('../../src/passwords/state-dir.ts', import.meta.url).href
  const code = `import(${JSON.stringify(module)}).then(async m => console.log((await m.checkStateDir(${JSON.stringify(path('state'))}))?.message))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--eval', code], {
    uid: nobody,
    gid: nobody,
    encoding: 'utf8',
  })
  assert.match(
    stdout,
    /^user 65534 can't write there \(EACCES\), so that the last uses .*; "chown 65534 .*state"/,
    stderr,
  )
})
