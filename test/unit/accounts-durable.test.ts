/** A line added to a file that others read and write: all of it, or nothing. */
import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, stat } from 'node:fs/promises'
import test from 'node:test'
import { appendLine, type Lock, withLock } from '../../src/accounts/durable.ts'
import { stampsOf } from '../../src/accounts/stamp.ts'
import { openShelf } from '../support/store.ts'

const holding: Lock = { held: () => true }

test('the line stands at the end, and the stamp is the new file’s', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', 'one\n')
  const stamp = await appendLine(shelf.path('file'), 'two', holding)
  assert.equal(await readFile(shelf.path('file'), 'utf8'), 'one\ntwo\n')
  assert.deepEqual(await stampsOf([shelf.path('file'), shelf.path('none')]), [stamp, 'ENOENT'])
})

test('bytes that are no text are kept as they are', async t => {
  const shelf = await openShelf(t)
  const bytes = Buffer.from([0xff, 0x00, 0xfe])
  writeFileSync(shelf.path('file'), bytes)
  await appendLine(shelf.path('file'), 'ü', holding)
  assert.deepEqual(await readFile(shelf.path('file')), Buffer.concat([bytes, Buffer.from('\nü\n')]))
})

test('a lock that was lost saves the file from a second writer', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', 'one\n')
  await assert.rejects(appendLine(shelf.path('file'), 'two', { held: () => false }), /lock .* was lost/)
  assert.equal(await readFile(shelf.path('file'), 'utf8'), 'one\n')
  assert.deepEqual(await readdir(shelf.folder), ['file'])
})

test('a change by somebody without the lock is not written over', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', 'one\n')
  const held = (): boolean => {
    writeFileSync(shelf.path('other'), 'theirs\n')
    renameSync(shelf.path('other'), shelf.path('file'))
    return true
  }
  await assert.rejects(appendLine(shelf.path('file'), 'two', { held }), /changed meanwhile/)
  assert.equal(await readFile(shelf.path('file'), 'utf8'), 'theirs\n')
  assert.deepEqual(await readdir(shelf.folder), ['file'])
})

test('the lock keeps others out, and is gone afterwards, also after a failure', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', '')
  const order: string[] = []
  const work = (name: string) => async (): Promise<void> => {
    order.push(`${name} in`)
    await stat(shelf.path('file.lock'))
    order.push(`${name} out`)
  }
  await Promise.all(['a', 'b'].map(name => withLock(shelf.path('file'), work(name))))
  assert.deepEqual(
    order.slice(0, 2).map(step => step.split(' ')[1]),
    ['in', 'out'],
  )
  assert.equal(order.length, 4)
  await assert.rejects(
    withLock(shelf.path('file'), async () => {
      throw new Error('failed inside')
    }),
    /failed inside/,
  )
  assert.deepEqual(await readdir(shelf.folder), ['file'])
})

test('a lock that somebody removes harms nobody', async t => {
  const shelf = await openShelf(t)
  await shelf.write('file', '')
  await withLock(shelf.path('file'), () => rmdir(shelf.path('file.lock')))
  await withLock(shelf.path('file'), () => mkdir(shelf.path('work done')))
  assert.deepEqual((await readdir(shelf.folder)).sort(), ['file', 'work done'])
})
