/**
 * root's commands and the daemon's own user write the same files: neither locks the other out, nor takes them away; and
 * the daemon's user, who has the directory, gains nothing from root's commands in it.
 */
import assert from 'node:assert/strict'
import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import test, { type TestContext } from 'node:test'
import { asOwnerOf } from '../../src/accounts/as-owner.ts'
import { runRevoke } from '../../src/cli/app-password-revoke.ts'
import { ourTerminal } from '../../src/cli/terminal.ts'
import { age } from '../support/durability.ts'
import { type Ended, runToEnd } from '../support/faulty.ts'
import { openShelf } from '../support/store.ts'

const isRoot = process.getuid?.() === 0
const skip = !isRoot && 'only root can play two users'
const nobody = 65_534
const first = '{"address":"first@example.org"}\n'

for (const [name, killed, next] of [
  ['root', undefined, nobody],
  ['the daemon', nobody, undefined],
] as const)
  test(`what a killed process of ${name} leaves behind is cleared away by the other`, { skip }, async t => {
    const shelf = await openShelf(t)
    const file = shelf.path('a.jsonl')
    await shelf.write('a.jsonl', first)
    for (const path of [shelf.folder, file]) await chown(path, nobody, nobody)
    const program = { script: 'rewrite-lines.ts', args: [file, 'killed', '1'] }
    const { fault } = await runToEnd(program, { how: 'kill', at: 1, only: 'rename', folder: shelf.folder }, killed)
    assert.equal(fault, 'rename')
    assert.equal((await stat(`${file}.lock`)).uid, killed ?? 0)
    await age(`${file}.lock`)
    const { code, stderr } = await runToEnd({ script: 'rewrite-lines.ts', args: [file, 'next', '1'] }, undefined, next)
    assert.equal(code, 0, stderr)
    assert.equal(await readFile(file, 'utf8'), `${first}{"address":"next0@example.org"}\n`)
    assert.equal((await stat(file)).uid, nobody)
  })

test('a directory that is not to be written in', { skip }, async t => {
  const shelf = await openShelf(t)
  const file = shelf.path('a.jsonl')
  await shelf.write('a.jsonl', first)
  await chown(file, nobody, nobody)
  await chmod(shelf.folder, 0o555)
  const program = { script: 'rewrite-lines.ts', args: [file, 'x', '1'] }
  const { code, stdout, stderr } = await runToEnd(program, undefined, nobody)
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /a\.jsonl was not changed: user 65534 has no permission \(EACCES on .*; run this as root/)
  assert.equal(await readFile(file, 'utf8'), first)
})

const alice = '{"address":"alice@example.org"}\n'
const password = `{"id":"kfm","account":"alice@example.org","hash":"{SHA256}${'A'.repeat(43)}=","created":"2026-01-01T00:00:00Z"}\n`

const create = ['app-password', 'create', 'alice@example.org', '--label', 'phone']
const add = ['account', 'add', 'bob@example.org']

type Site = {
  readonly path: (name: string) => string
  /** As root. */
  readonly run: (...args: readonly string[]) => Promise<Ended>
}

/** state/ is the daemon's, and holds the accounts; etc/ is root's. */
async function openSite(t: TestContext): Promise<Site> {
  const { folder, path, write } = await openShelf(t)
  await chmod(folder, 0o755)
  await mkdir(path('etc'))
  await mkdir(path('state'), 0o700)
  await write('state/accounts.jsonl', alice)
  for (const name of ['state', 'state/accounts.jsonl']) await chown(path(name), nobody, nobody)
  await write(
    'bearerd.toml',
    `state-dir = "state"
[accounts]
files = ["state/accounts.jsonl"]
[listen.imap]
protocol = "dovecot-auth"
path = "auth-client"
[directory.main]
issuer = "https://accounts.example.org"
`,
  )
  const run = (...args: readonly string[]): Promise<Ended> =>
    runToEnd({ script: '../../src/main.ts', args: [...args, '--config', path('bearerd.toml')] })
  return { path, run }
}

async function linkOf(uid: number, aim: string, path: string): Promise<void> {
  await symlink(aim, path)
  await lchown(path, uid, uid)
}

test("what root's commands write in the daemon's directory is the daemon's", { skip }, async t => {
  const { path, run } = await openSite(t)
  for (const args of [create, add]) {
    const { code, stderr } = await run(...args)
    assert.equal(code, 0, stderr)
  }
  for (const name of ['accounts.jsonl', 'app-passwords.jsonl']) {
    const { uid, gid } = await stat(path(`state/${name}`))
    assert.deepEqual([uid, gid], [nobody, nobody], name)
  }
})

for (const [name, args, old] of [
  ['app-passwords.jsonl', create, undefined],
  ['app-passwords.jsonl', create, password],
  ['accounts.jsonl', add, first],
] as const)
  test(`a link of the daemon's user in place of ${name} leads root nowhere`, { skip }, async t => {
    const { path, run } = await openSite(t)
    if (old !== undefined) await writeFile(path('etc/secret'), old, { mode: 0o600 })
    await rm(path(`state/${name}`), { force: true })
    await linkOf(nobody, path('etc/secret'), path(`state/${name}`))
    const { code, stdout, stderr } = await run(...args)
    assert.deepEqual([code, stdout], [78, ''])
    assert.match(stderr, /user 65534, as whom root works .* \(EACCES on .*etc\/secret.*\); see that it is where/)
    assert.deepEqual(await readdir(path('etc')), old === undefined ? [] : ['secret'])
    if (old !== undefined) assert.equal(await readFile(path('etc/secret'), 'utf8'), old)
  })

test("nor does a link above, in a directory of the daemon's user", { skip }, async t => {
  const { path, run } = await openSite(t)
  await chown(path('.'), nobody, nobody)
  await rename(path('state'), path('away'))
  await linkOf(nobody, path('etc'), path('state'))
  await writeFile(path('etc/accounts.jsonl'), alice)
  for (const args of [create, add]) {
    const { code, stderr } = await run(...args)
    assert.equal(code, 78)
    assert.match(stderr, /user 65534, as whom root works /)
  }
  assert.deepEqual(await readdir(path('etc')), ['accounts.jsonl'])
})

test("a link of root's is followed, as far as the directory's owner may write where it leads", { skip }, async t => {
  const { path, run } = await openSite(t)
  await mkdir(path('srv'))
  await rename(path('state/accounts.jsonl'), path('srv/accounts.jsonl'))
  await linkOf(0, '../srv/accounts.jsonl', path('state/accounts.jsonl'))
  const refused = await run(...add)
  assert.equal(refused.code, 78)
  assert.match(refused.stderr, /accounts\.jsonl was not changed: user 65534, as whom root works /)
  await chown(path('srv'), nobody, nobody)
  const { code, stderr } = await run(...add)
  assert.equal(code, 0, stderr)
  assert.match(await readFile(path('srv/accounts.jsonl'), 'utf8'), /alice.*\n.*bob/)
  assert.ok((await lstat(path('state/accounts.jsonl'))).isSymbolicLink())
})

test("account remove: each of the two files as its directory's owner", { skip }, async t => {
  for (const accountsAreRoots of [true, false]) {
    const { path, run } = await openSite(t)
    await writeFile(path('state/app-passwords.jsonl'), password, { mode: 0o600 })
    await chown(path('state/app-passwords.jsonl'), nobody, nobody)
    await run(...add)
    if (accountsAreRoots) {
      await rename(path('state/accounts.jsonl'), path('etc/accounts.jsonl'))
      await linkOf(0, '../state', path('etc/state'))
      const config = await readFile(path('bearerd.toml'), 'utf8')
      await writeFile(
        path('bearerd.toml'),
        config.replace('"state/acc', '"etc/acc').replace('= "state"', '= "etc/state"'),
      )
    }
    const { code, stdout, stderr } = await run('account', 'remove', 'alice@example.org', '--yes')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /1 app password of alice@example\.org removed/)
    assert.equal((await stat(path('state/app-passwords.jsonl'))).uid, nobody)
    assert.equal(await readFile(path('state/app-passwords.jsonl'), 'utf8'), '')
  }
})

test('root is root again afterwards, for doveadm too, and within for the directories that are its own', {
  skip,
}, async t => {
  const { path } = await openSite(t)
  const ids = (): unknown[] => [process.geteuid?.(), process.getegid?.(), process.getgroups?.().sort()]
  const before = ids()
  await asOwnerOf(path('state/file'), async () => {
    assert.deepEqual(ids().slice(0, 2), [nobody, nobody])
    await asOwnerOf(path('etc/file'), async () => assert.deepEqual(ids(), before))
    assert.deepEqual(ids().slice(0, 2), [nobody, nobody])
  })
  assert.deepEqual(ids(), before)
  await assert.rejects(asOwnerOf(path('state/file'), () => Promise.reject(new Error('inside'))))
  assert.deepEqual(ids(), before)
  await writeFile(path('state/app-passwords.jsonl'), password)
  await chown(path('state/app-passwords.jsonl'), nobody, nobody)
  let kicked: unknown
  const quiet = { write() {} }
  const terminal = {
    ...ourTerminal,
    output: quiet,
    error: quiet,
    async pause() {},
    async kick() {
      kicked = ids()
      return undefined
    },
  }
  const options = { config: path('bearerd.toml'), all: true, orphaned: false, kick: true }
  assert.equal(await runRevoke('alice@example.org', [], options, terminal), 0)
  assert.deepEqual(kicked, before)
})

for (const what of ['link', 'file'] as const)
  test(`account export --force: not through a ${what} of somebody else's in a directory for everybody`, {
    skip,
  }, async t => {
    const { path, run } = await openSite(t)
    await mkdir(path('tmp'))
    await chmod(path('tmp'), 0o1777)
    await writeFile(path('etc/secret'), 'secret')
    await writeFile(path('tmp/file'), 'old', { mode: 0o644 })
    await chown(path('tmp/file'), nobody, nobody)
    await linkOf(nobody, path('etc/secret'), path('tmp/link'))
    const { code, stderr } = await run('account', 'export', '--force', '--format', 'jsonl', path(`tmp/${what}`))
    assert.equal(code, 78)
    assert.match(
      stderr,
      what === 'link'
        ? /link was not changed: .*link is a symbolic link of user 65534, .*; remove it, or if it is meant: chown -h root /
        : /file was not changed: it is user 65534's, in a directory for everybody; remove it/,
    )
    assert.equal(await readFile(path('etc/secret'), 'utf8'), 'secret')
    assert.equal(await readFile(path('tmp/file'), 'utf8'), 'old')
  })

test("nobody else's link is followed by the daemon either", { skip }, async t => {
  const { folder, path, write } = await openShelf(t)
  await write('real', first)
  await linkOf(12_345, 'real', path('link'))
  for (const name of ['.', 'real']) await chown(path(name), nobody, nobody)
  const program = { script: 'rewrite-lines.ts', args: [path('link'), 'x', '1'] }
  const { code, stderr } = await runToEnd(program, undefined, nobody)
  assert.equal(code, 1)
  assert.match(stderr, /link is a symbolic link of user 12345, and only root's and one's own are followed/)
  assert.deepEqual((await readdir(folder)).sort(), ['link', 'real'])
})
