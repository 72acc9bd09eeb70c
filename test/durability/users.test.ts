/** root's commands and the daemon's own user write the same files: neither locks the other out, nor takes them away. */
import assert from 'node:assert/strict'
import { chmod, chown, readFile, stat } from 'node:fs/promises'
import test from 'node:test'
import { age } from '../support/durability.ts'
import { runToEnd } from '../support/faulty.ts'
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
