/** A file that others read and write is changed as a whole, or not at all. */
import assert from 'node:assert/strict'
import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, unlink, utimes } from 'node:fs/promises'
import test from 'node:test'
import { appendLine, type RewriteOptions, rewriteFile } from '../../src/accounts/durable.ts'
import { FileError } from '../../src/accounts/file-error.ts'
import { withLock } from '../../src/accounts/lock.ts'
import { type Stamp, stampsOf } from '../../src/accounts/stamp.ts'
import { openShelf } from '../support/store.ts'

const isRoot = process.getuid?.() === 0
const nobody = 65_534

const append = (file: string, line: string): Promise<Stamp> => withLock(file, lock => appendLine(file, line, lock))

const rewrite = (
  file: string,
  text: Iterable<string> | AsyncIterable<string>,
  options?: RewriteOptions,
): Promise<Stamp> => withLock(file, lock => rewriteFile(file, text, lock, options))

test('the line stands at the end, and the stamp is the new file’s', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', 'one\n')
  const stamp = await append(shelf.path('file'), 'two')
  assert.equal(await readFile(shelf.path('file'), 'utf8'), 'one\ntwo\n')
  assert.deepEqual(await stampsOf([shelf.path('file'), shelf.path('none')]), [stamp, 'ENOENT'])
})

test('bytes that are no text are kept as they are, however many', async t => {
  const shelf = await openShelf(t)
  const bytes = Buffer.alloc(600_000, Buffer.from([0xff, 0x00, 0xfe]))
  writeFileSync(shelf.path('file'), bytes)
  await append(shelf.path('file'), 'ü')
  assert.deepEqual(await readFile(shelf.path('file')), Buffer.concat([bytes, Buffer.from('\nü\n')]))
})

test('a whole new text takes the place of the old one, and the stamp is its', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', 'a long old text\n')
  const stamp = await rewrite(shelf.path('file'), ['one\n', '', 'two\n'])
  assert.equal(await readFile(shelf.path('file'), 'utf8'), 'one\ntwo\n')
  assert.deepEqual(await stampsOf([shelf.path('file')]), [stamp])
  await rewrite(shelf.path('file'), [])
  assert.equal(await readFile(shelf.path('file'), 'utf8'), '')
  assert.deepEqual(await readdir(shelf.folder), ['file'])
})

test('a text comes in pieces of any size, also in the middle of a character', async t => {
  const shelf = await openShelf(t)
  const halves = Array.from({ length: 300_000 }, (_, n) => '😀'.charAt(n % 2))
  async function* pieces(): AsyncGenerator<string> {
    yield 'x'.repeat(700_001)
    yield* halves
  }
  await rewrite(shelf.path('file'), pieces())
  assert.equal(await readFile(shelf.path('file'), 'utf8'), `${'x'.repeat(700_001)}${'😀'.repeat(150_000)}`)
})

test('a text that breaks off changes nothing', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', 'old\n')
  const broken = new Error('line 7 is wrong')
  function* text(): Generator<string> {
    yield 'x'.repeat(700_000)
    throw broken
  }
  await assert.rejects(rewrite(shelf.path('file'), text()), error => error === broken)
  assert.equal(await readFile(shelf.path('file'), 'utf8'), 'old\n')
  assert.deepEqual(await readdir(shelf.folder), ['file'])
})

test('a new file is its owner’s alone unless said otherwise, and belongs to whom its directory belongs', async t => {
  const shelf = await openShelf(t)
  if (isRoot) await chown(shelf.folder, 12_345, 12_346)
  const before = process.umask(0o077)
  await rewrite(shelf.path('secret'), ['x']).finally(() => process.umask(before))
  await rewrite(shelf.path('shared'), ['x'], { mode: 0o640 })
  const [secret, shared, folder] = await Promise.all(['secret', 'shared', ''].map(name => stat(shelf.path(name))))
  assert.deepEqual(
    [secret?.mode, shared?.mode].map(mode => (mode ?? 0) & 0o7777),
    [0o600, 0o640],
  )
  assert.deepEqual([secret?.uid, secret?.gid], [folder?.uid, folder?.gid])
})

test('owner and mode of an old file stay, and a symbolic link stays one, also to a file that is not there yet', async t => {
  const shelf = await openShelf(t)
  await mkdir(shelf.path('real'))
  await shelf.write('real/old', 'x')
  await chmod(shelf.path('real/old'), 0o664)
  if (isRoot) await chown(shelf.path('real/old'), 12_345, 12_346)
  for (const name of ['old', 'new']) {
    await symlink(`real/${name}`, shelf.path(name))
    await rewrite(shelf.path(name), [name], { mode: 0o600 })
    assert.equal(await readFile(shelf.path(`real/${name}`), 'utf8'), name)
  }
  const { mode, uid, gid } = await stat(shelf.path('real/old'))
  assert.equal(mode & 0o7777, 0o664)
  if (isRoot) assert.deepEqual([uid, gid], [12_345, 12_346])
  assert.deepEqual((await readdir(shelf.folder)).sort(), ['new', 'old', 'real'])
  assert.deepEqual((await readdir(shelf.path('real'))).sort(), ['new', 'old'])
})

test('a set-user-ID bit is not kept', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', 'x')
  await chmod(shelf.path('file'), 0o6755)
  await rewrite(shelf.path('file'), ['y'])
  assert.equal((await stat(shelf.path('file'))).mode & 0o7777, 0o755)
})

test('a line is added to a file that exists', async t => {
  const shelf = await openShelf(t)
  await assert.rejects(append(shelf.path('file'), 'x'), { code: 'ENOENT' })
  assert.deepEqual(await readdir(shelf.folder), [])
})

test('a change by somebody without the lock is not written over', async t => {
  const shelf = await openShelf(t)
  const file = shelf.path('file')
  const strangers = [
    () => appendFileSync(file, 'theirs\n'),
    () => {
      writeFileSync(shelf.path('other'), 'theirs\n')
      renameSync(shelf.path('other'), file)
    },
  ]
  for (const stranger of strangers) {
    await shelf.write('file', '')
    const writing = withLock(file, async lock => {
      stranger()
      await rewriteFile(file, ['ours\n'], lock)
    })
    await assert.rejects(writing, /changed meanwhile/)
    assert.equal(await readFile(file, 'utf8'), 'theirs\n')
  }
  await rm(file)
  const making = withLock(file, async lock => {
    await shelf.write('file', 'theirs\n')
    await rewriteFile(file, ['ours\n'], lock)
  })
  await assert.rejects(making, /changed meanwhile/)
  assert.deepEqual(await readdir(shelf.folder), ['file'])
})

test('whose copy aside was taken away has lost the lock, and writes nothing', async t => {
  const shelf = await openShelf(t)
  const file = shelf.path('file')
  await shelf.write('file', 'one\n')
  const writing = withLock(file, async lock => {
    for (const name of await readdir(shelf.folder)) if (name.includes('.new-')) await unlink(shelf.path(name))
    await appendLine(file, 'two', lock)
  })
  await assert.rejects(writing, { code: 'ELOST', message: /took the lock over; try again/ })
  assert.equal(await readFile(file, 'utf8'), 'one\n')
  // Nor does it take the lock away from whom it belongs to now.
  assert.deepEqual((await readdir(shelf.folder)).sort(), ['file', 'file.lock'])
})

test('a lock is good for one change of its own file', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', '')
  const other = withLock(shelf.path('file'), lock => appendLine(shelf.path('other'), 'x', lock))
  await assert.rejects(other, /the lock is on .*file, not on .*other/)
  const twice = withLock(shelf.path('file'), async lock => {
    await appendLine(shelf.path('file'), 'one', lock)
    await appendLine(shelf.path('file'), 'two', lock)
  })
  await assert.rejects(twice, /one change/)
  assert.equal(await readFile(shelf.path('file'), 'utf8'), 'one\n')
})

test('an error names the file, the cause and the cure', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', 'one\n')
  const file = shelf.path('file')
  await assert.rejects(rewrite(shelf.path('none/file'), []), error => {
    assert.ok(error instanceof FileError)
    assert.equal(
      error.message,
      `${shelf.path('none/file')} was not changed: ${shelf.path('none')} does not exist (ENOENT); create it first`,
    )
    assert.ok(error.cause instanceof Error)
    return true
  })
  await mkdir(`${file}.new-0123456789abcdef`)
  await assert.rejects(append(file, 'two'), /file was not changed: .*directory.*0123456789abcdef/)
})

test('where the owner can’t be kept, nothing is changed', {
  skip: !isRoot && 'only root can play two users',
}, async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', 'one\n')
  await chmod(shelf.folder, 0o777)
  await chmod(shelf.path('file'), 0o666)
  process.seteuid?.(nobody)
  t.after(() => process.seteuid?.(0))
  await assert.rejects(append(shelf.path('file'), 'two'), {
    code: 'EPERM',
    message:
      /user 65534, as whom root works .* has no permission \(EPERM on .*file\); see that it is where it should be/,
  })
  process.seteuid?.(0)
  assert.deepEqual(await readdir(shelf.folder), ['file'])
  assert.equal((await stat(shelf.path('file'))).uid, 0)
})

test('a change that leaves size and time of writing as they were is a change', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', 'enabled\n')
  const { atime, mtime } = await stat(shelf.path('file'))
  await utimes(shelf.path('file'), atime, mtime)
  const before = await stampsOf([shelf.path('file')])
  writeFileSync(shelf.path('file'), 'expired\n')
  await utimes(shelf.path('file'), atime, mtime)
  assert.notDeepEqual(await stampsOf([shelf.path('file')]), before)
})
