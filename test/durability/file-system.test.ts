/** A real file system that is full, or read-only: nothing is changed, the message says why, and then it works again. */
import assert from 'node:assert/strict'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { appendLine, rewriteFile } from '../../src/accounts/durable.ts'
import { FileError } from '../../src/accounts/file-error.ts'
import { withLock } from '../../src/accounts/lock.ts'
import { mayMount, mountSmall } from '../support/mount.ts'

const skip = !mayMount && 'may not mount'
const page = 4096
const old = `${'x'.repeat(page + 100)}\n`

const writers: Record<string, (file: string) => Promise<unknown>> = {
  appendLine: file => withLock(file, lock => appendLine(file, 'new', lock)),
  rewriteFile: file => withLock(file, lock => rewriteFile(file, [old, 'new\n'], lock)),
}

/** Undefined where it has worked. */
async function failureOf(work: Promise<unknown>): Promise<FileError | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof FileError) return error
    throw error
  }
}

async function assertUnchanged(file: string, failure: FileError, message: RegExp): Promise<void> {
  assert.match(failure.message, message)
  assert.equal(await readFile(file, 'utf8'), old)
}

for (const [name, write] of Object.entries(writers)) {
  test(`a full disk, with ever more pages free: ${name}`, { skip }, async t => {
    const { folder } = await mountSmall(t, `size=${8 * page}`)
    const file = join(folder, 'a.jsonl')
    const filler = join(folder, 'filler')
    const outcomes: string[] = []
    for (let free = 0; free <= 3; free++) {
      await writeFile(file, old)
      await writeFile(filler, 'x'.repeat((6 - free) * page))
      const failure = await failureOf(write(file))
      if (failure !== undefined) await assertUnchanged(file, failure, /a\.jsonl was not changed: the disk is full/)
      outcomes.push(failure?.code ?? 'done')
      assert.deepEqual((await readdir(folder)).sort(), ['a.jsonl', 'filler'])
      await rm(filler)
      if (failure !== undefined) await write(file)
      assert.equal(await readFile(file, 'utf8'), `${old}new\n`)
    }
    assert.deepEqual(outcomes, ['ENOSPC', 'ENOSPC', 'done', 'done'])
  })

  test(`no room for another file, with ever more inodes free: ${name}`, { skip }, async t => {
    const { folder, remount } = await mountSmall(t, 'nr_inodes=2')
    const file = join(folder, 'a.jsonl')
    await writeFile(file, old)
    const outcomes: string[] = []
    for (const inodes of [2, 3, 4]) {
      await remount(`nr_inodes=${inodes}`)
      const failure = await failureOf(write(file))
      if (failure !== undefined) await assertUnchanged(file, failure, /a\.jsonl was not changed: the disk is full/)
      outcomes.push(failure?.code ?? 'done')
      assert.deepEqual(await readdir(folder), ['a.jsonl'])
    }
    assert.deepEqual(outcomes, ['ENOSPC', 'ENOSPC', 'done'])
  })

  test(`a read-only file system: ${name}`, { skip }, async t => {
    const { folder, remount } = await mountSmall(t, 'size=1m')
    const file = join(folder, 'a.jsonl')
    await writeFile(file, old)
    await remount('ro')
    const failure = await failureOf(write(file))
    assert.ok(failure !== undefined)
    await assertUnchanged(file, failure, /a\.jsonl was not changed: the file system of .* is read-only \(EROFS\)/)
    await remount('rw')
    await write(file)
    assert.equal(await readFile(file, 'utf8'), `${old}new\n`)
  })
}
