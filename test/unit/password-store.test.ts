/** The password store: what is in force while the file changes, and where last uses go. */
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { formatProblem } from '../../src/config/problem.ts'
import { readLastUses } from '../../src/passwords/last-use.ts'
import type { PasswordRecord } from '../../src/passwords/password.ts'
import { lastUsedFile, passwordFile } from '../../src/passwords/paths.ts'
import { formatPasswordLine } from '../../src/passwords/record.ts'
import { createPasswordStore } from '../../src/passwords/store.ts'
import { passwordRecord } from '../support/passwords.ts'
import { createListener } from '../support/store.ts'
import { whileReplaced, writeSlowly } from '../support/writers.ts'

const phone = passwordRecord({ id: 'kfm' })
const laptop = passwordRecord({ id: 'abc' })

async function openShelf(t: TestContext, pollMs = 20) {
  const folder = await mkdtemp(join(tmpdir(), 'bearerd-passwords-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = passwordFile(folder)
  const usesFile = lastUsedFile(folder)
  const { log, lines, logged } = createListener()
  const store = createPasswordStore(file, log, { lastUsedFile: usesFile, pollMs })
  t.after(() => store.close())
  const text = (records: readonly PasswordRecord[]): string =>
    records.map(record => `${formatPasswordLine(record)}\n`).join('')
  return {
    file,
    usesFile,
    store,
    lines,
    logged,
    write: (records: readonly PasswordRecord[], mode = 0o600) => writeFile(file, text(records), { mode }),
    /** As the commands do. */
    async replace(records: readonly PasswordRecord[]) {
      await writeFile(`${file}.new`, text(records), { mode: 0o600 })
      await rename(`${file}.new`, file)
    },
    async load() {
      const problems = await store.load()
      return problems.map(problem => formatProblem(problem).replace(folder, ''))
    },
    ids() {
      const index = store.current()
      return index && [...index.all()].map(({ id }) => id)
    },
    async uses() {
      return (await readFile(usesFile, 'utf8')).trimEnd().split('\n')
    },
  }
}

test('before the first load nothing is known; a file that never existed has no passwords', async t => {
  const { load, ids } = await openShelf(t)
  assert.equal(ids(), undefined)
  assert.deepEqual(await load(), [])
  assert.deepEqual(ids(), [])
})

test('the passwords of the file are found by their account', async t => {
  const { store, write, load } = await openShelf(t)
  const bob = passwordRecord({ account: 'bob@example.org' })
  await write([phone, laptop, bob])
  assert.deepEqual(await load(), [])
  assert.deepEqual(store.current()?.of('alice@example.org'), [phone, laptop])
  assert.deepEqual(store.current()?.of('carol@example.org'), [])
  assert.equal(store.current()?.size, 3)
})

test('a watched file takes effect when it changes, appears or loses all its passwords', async t => {
  const { store, write, replace, logged, load, ids } = await openShelf(t)
  await load()
  await logged('passwords_loaded')
  store.watch()
  await write([phone, laptop])
  await logged('passwords_loaded')
  assert.deepEqual(ids(), ['kfm', 'abc'])
  await replace([laptop])
  await logged('passwords_loaded')
  assert.deepEqual(ids(), ['abc'], 'revoked')
  await replace([])
  await logged('passwords_loaded')
  assert.deepEqual(ids(), [], 'the last one, too')
})

test('a password that is revoked while others write all the time is refused', async t => {
  const { file, store, replace, logged, lines, load, ids } = await openShelf(t, 100)
  await replace([phone, laptop])
  await load()
  store.watch()
  let revoked = false
  const text = (): string => (revoked ? [laptop] : [phone, laptop]).map(r => `${formatPasswordLine(r)}\n`).join('')
  await whileReplaced(file, text, async () => {
    await logged('passwords_loaded')
    assert.deepEqual(ids(), ['kfm', 'abc'])
    revoked = true
    while (ids()?.includes('kfm')) await logged('passwords_loaded')
  })
  assert.deepEqual(ids(), ['abc'])
  assert.deepEqual(
    lines.filter(({ level }) => level !== 'info'),
    [],
    'and nobody is told to write otherwise',
  )
})

for (const way of ['over the old one', 'beside the old one, which is now its backup'])
  test(`a file that is written slowly, ${way}, is never believed halfway`, async t => {
    const { file, store, replace, logged, lines, load } = await openShelf(t, 100)
    await replace([phone])
    await load()
    store.watch()
    if (way.startsWith('beside')) await rename(file, `${file}~`)
    const line = (n: number): string => `${formatPasswordLine(passwordRecord({ account: `u${n}@example.org` }))}\n`
    const written = await writeSlowly(file, line, logged('passwords_kept'))
    await logged('passwords_loaded')
    await logged('passwords_loaded')
    assert.deepEqual(
      lines.flatMap(({ event, passwords }) => (event === 'passwords_loaded' ? [passwords] : [])),
      [1, written],
    )
    assert.ok(lines.some(({ message }) => /keeps changing/.test(String(message))))
  })

test('a file with an error changes nothing, and is reported with its line, but no hash', async t => {
  const { file, store, write, logged, lines, load, ids } = await openShelf(t)
  await write([phone])
  await load()
  await logged('passwords_loaded')
  store.watch()
  await writeFile(file, `${formatPasswordLine(phone)}\n{"id":"abc","hash":"{PLAIN}hunter2"}\n`)
  await logged('passwords_kept')
  assert.deepEqual(ids(), ['kfm'])
  assert.ok(lines.some(({ line, path }) => line === 2 && path === 'hash'))
  assert.doesNotMatch(JSON.stringify(lines), /hunter2/)
  await write([laptop])
  await logged('passwords_loaded')
  assert.deepEqual(ids(), ['abc'])
})

test('a file that has gone while it held passwords leaves them in force', async t => {
  const { file, store, write, logged, load, ids } = await openShelf(t)
  await write([phone])
  await load()
  store.watch()
  await rm(file)
  await logged('passwords_kept')
  assert.deepEqual(ids(), ['kfm'])
  assert.deepEqual(await load(), [
    '/app-passwords.jsonl: error: has gone, and held 1 passwords; restore it, or put an empty one in its place',
  ])
})

test('what can not be read is not an empty file, and is read as soon as it can be', async t => {
  const { file, store, write, logged, load, ids } = await openShelf(t)
  await mkdir(file)
  assert.deepEqual(await load(), ['/app-passwords.jsonl: error: not a regular file'])
  assert.equal(ids(), undefined)
  await logged('passwords_missing')
  store.watch()
  await rm(file, { recursive: true })
  await write([phone])
  await logged('passwords_loaded')
  assert.deepEqual(ids(), ['kfm'])
})

test('a file that others get at is warned of, and used', async t => {
  const { file, write, load, ids } = await openShelf(t)
  await write([phone])
  await chmod(file, 0o640)
  assert.deepEqual(await load(), [
    '/app-passwords.jsonl: warning: has mode 0640, so that others than its owner get at the hashes: chmod 600',
  ])
  assert.deepEqual(ids(), ['kfm'])
})

test('last uses are written when asked to, and at the end', async t => {
  const { store, usesFile, write, load } = await openShelf(t)
  await write([phone, laptop])
  await load()
  store.used(phone, '192.0.2.1')
  await assert.rejects(readFile(usesFile), { code: 'ENOENT' }, 'not at each login')
  await store.flush()
  store.used(laptop, undefined)
  store.used(phone, '192.0.2.2')
  await store.close()
  const uses = await readLastUses(usesFile)
  assert.equal(uses.of(phone)?.from, '192.0.2.2')
  assert.equal(uses.of(laptop)?.from, undefined)
  assert.ok((uses.of(laptop)?.at ?? 0) > Date.parse('2025-01-01'))
  assert.equal(uses.of(passwordRecord({ id: 'xyz' })), undefined)
})

test('last uses are written a while after the first, without being asked', async t => {
  const { file, usesFile, write } = await openShelf(t)
  const { log } = createListener()
  const store = createPasswordStore(file, log, { lastUsedFile: usesFile, flushMs: 1 })
  await write([phone])
  await store.load()
  store.used(phone, '192.0.2.1')
  for (;;) {
    const uses = await readLastUses(usesFile)
    if (uses.of(phone) !== undefined) break
    await new Promise(resolve => setImmediate(resolve))
  }
  await store.close()
})

test('uses of other passwords are kept, those of passwords that are gone are dropped', async t => {
  const { store, uses, replace, load } = await openShelf(t)
  await replace([phone, laptop])
  await load()
  store.used(phone, '192.0.2.1')
  store.used(laptop, '192.0.2.2')
  await store.flush()
  const [first] = await uses()
  store.used(laptop, '192.0.2.3')
  await store.flush()
  const [kept, renewed, ...more] = await uses()
  assert.equal(kept, first)
  assert.match(renewed ?? '', /"id":"abc".*"from":"192\.0\.2\.3"/)
  assert.deepEqual(more, [])
  await replace([laptop])
  await load()
  store.used(laptop, '192.0.2.4')
  await store.flush()
  assert.equal((await uses()).length, 1)
})

test('junk in the file of last uses is passed over, and gone with the next writing', async t => {
  const { store, usesFile, uses, write, load } = await openShelf(t)
  const line = '{"account":"alice@example.org","id":"kfm","at":"2026-02-01T00:00:00.000Z","from":"192.0.2.9"}'
  await writeFile(
    usesFile,
    `{"account":1}\nnot json\n\n${line}\n{"account":"alice@example.org","id":"abc","at":"x"}\n{"ac`,
  )
  assert.deepEqual((await readLastUses(usesFile)).of(phone), { at: Date.parse('2026-02-01'), from: '192.0.2.9' })
  await write([phone, laptop])
  await load()
  store.used(laptop, undefined)
  await store.flush()
  assert.equal((await uses())[0], line)
  assert.equal((await uses()).length, 2)
})

test('where they can not be written they are kept for the next time, and that is logged once', async t => {
  const { store, usesFile, lines, write, load } = await openShelf(t)
  await write([phone])
  await load()
  // A directory, where a file should be.
  await mkdir(usesFile)
  store.used(phone, '192.0.2.1')
  await store.flush()
  await store.flush()
  assert.deepEqual(
    lines.filter(({ event }) => event === 'last_used_not_written').map(({ level }) => level),
    ['warn'],
  )
  await rm(usesFile, { recursive: true })
  await store.flush()
  assert.ok(lines.some(({ event }) => event === 'last_used_written'))
  assert.equal((await readLastUses(usesFile)).of(phone)?.from, '192.0.2.1')
})
