/** One writer at a time; and where two believe to be it, one of them fails. */
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rmdir, stat, utimes } from 'node:fs/promises'
import test from 'node:test'
import { rewriteFile } from '../../src/accounts/durable.ts'
import { type Holder, withLock } from '../../src/accounts/lock.ts'
import { openShelf, type Shelf } from '../support/store.ts'

/** As if its holder had been killed, or asleep, for a minute. */
async function age(shelf: Shelf, lock: string): Promise<void> {
  const longAgo = new Date(Date.now() - 60_000)
  await utimes(shelf.path(lock), longAgo, longAgo)
}

test('the lock keeps others out, and is gone afterwards, also after a failure', async t => {
  const shelf = await openShelf(t)
  const order: string[] = []
  const work = (name: string) => async (): Promise<void> => {
    order.push(`${name} in`)
    await stat(shelf.path('file.lock'))
    order.push(`${name} out`)
  }
  await Promise.all(['a', 'b'].map(name => withLock(shelf.path('file'), work(name))))
  assert.deepEqual(
    order.map(step => step.split(' ')[1]),
    ['in', 'out', 'in', 'out'],
  )
  const failure = new Error('failed inside')
  await assert.rejects(
    withLock(shelf.path('file'), () => Promise.reject(failure)),
    error => error === failure,
  )
  assert.deepEqual(await readdir(shelf.folder), [])
})

test('a lock that somebody removes harms nobody', async t => {
  const shelf = await openShelf(t)
  await withLock(shelf.path('file'), () => rmdir(shelf.path('file.lock')))
  await withLock(shelf.path('file'), () => mkdir(shelf.path('work done')))
  assert.deepEqual(await readdir(shelf.folder), ['work done'])
})

test('who waits is told for whom, once, and so is who gives up', async t => {
  const shelf = await openShelf(t)
  await mkdir(shelf.path('file.lock'))
  const holders: Holder[] = []
  const waiting = withLock(shelf.path('file'), () => Promise.resolve(), {
    waitMs: 200,
    onWait: holder => holders.push(holder),
  })
  await assert.rejects(waiting, { code: 'ELOCKED', message: /holds its lock .*file\.lock since 2.*Z; try again/ })
  const { birthtime } = await stat(shelf.path('file.lock'))
  assert.deepEqual(holders, [{ directory: shelf.path('file.lock'), since: birthtime }])
})

test('the lock of a killed process is taken over once it is stale', async t => {
  const shelf = await openShelf(t)
  await mkdir(shelf.path('file.lock'))
  await age(shelf, 'file.lock')
  await shelf.write('file.new-0123456789abcdef', 'half a li')
  await shelf.write('file.new-by-somebody', 'not ours')
  await withLock(shelf.path('file'), async () => {})
  assert.deepEqual(await readdir(shelf.folder), ['file.new-by-somebody'])
})

test('of two holders the one who has slept fails, whether the other has written yet or not', async t => {
  for (const otherIsDone of [true, false]) {
    const shelf = await openShelf(t)
    const file = shelf.path('file')
    await shelf.write('file', 'old')
    let other: Promise<unknown> = Promise.resolve()
    let entered = (): void => {}
    let wake = (): void => {}
    const sleeper = withLock(file, async lock => {
      await age(shelf, 'file.lock')
      const inside = new Promise<void>(resolve => {
        entered = resolve
      })
      const slept = new Promise<void>(resolve => {
        wake = resolve
      })
      other = withLock(file, async theirs => {
        entered()
        if (!otherIsDone) await slept
        await rewriteFile(file, ['theirs'], theirs)
      })
      await (otherIsDone ? other : inside)
      await rewriteFile(file, ['ours'], lock)
    })
    await assert.rejects(sleeper, ({ code }: NodeJS.ErrnoException) => code === 'ELOST' || code === 'ECHANGED')
    wake()
    await other
    assert.equal(await readFile(file, 'utf8'), 'theirs')
    // The lock may stay until it is stale: proper-lockfile doesn't tell two holders within one process apart.
    assert.deepEqual((await readdir(shelf.folder)).join().replace(',file.lock', ''), 'file')
  }
})
