/** The way to a file: through root's links and one's own, and through nobody else's. */
import assert from 'node:assert/strict'
import { mkdir, symlink } from 'node:fs/promises'
import test from 'node:test'
import { targetOf, wayTo } from '../../src/accounts/way.ts'
import { openShelf } from '../support/store.ts'

test('links are followed wherever they stand, absolute or not, also to where there is nothing yet', async t => {
  const { path } = await openShelf(t)
  await mkdir(path('real/deep'), { recursive: true })
  await symlink('real', path('relative'))
  await symlink(path('real/deep'), path('absolute'))
  await symlink('../relative/deep/../file', path('real/up'))
  for (const [from, to] of [
    ['file', 'file'],
    ['relative/file', 'real/file'],
    ['absolute/file', 'real/deep/file'],
    ['relative/up', 'real/file'],
    ['real/./deep//../file', 'real/file'],
  ] as const)
    assert.equal(await targetOf(path(from)), await targetOf(path(to)), from)
})

test('every directory comes with what it is, and the file without anything where there is none', async t => {
  const { path } = await openShelf(t)
  await mkdir(path('real'))
  await symlink('real', path('link'))
  const steps = []
  for await (const step of wayTo(path('link/file'))) steps.push(step)
  assert.deepEqual([steps[0]?.path, steps.at(-1)?.path], ['/', await targetOf(path('real/file'))])
  assert.deepEqual(new Set(steps.slice(0, -1).map(({ status }) => status?.isDirectory())), new Set([true]))
  assert.equal(steps.at(-1)?.status, undefined)
})

test('a circle, a directory that is missing, and a file in the way', async t => {
  const { path, write } = await openShelf(t)
  await symlink('b', path('a'))
  await symlink('a', path('b'))
  await write('file', '')
  await assert.rejects(targetOf(path('a')), { code: 'ELOOP', message: /a was not changed: .* leads in a circle/ })
  await assert.rejects(targetOf(path('missing/file')), { code: 'ENOENT', path: path('missing') })
  await assert.rejects(targetOf(path('file/file')), { code: 'ENOTDIR' })
})
