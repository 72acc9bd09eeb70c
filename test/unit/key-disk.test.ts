/** Where an issuer's keys are kept: what is written is read again, and what somebody else has put there is not. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createKeyDisk } from '../../src/key-disk.ts'
import { makeFolder } from '../support/sockets.ts'

test('what was written is read again, by this directory alone, and there is nothing else in the folder', async t => {
  const folder = makeFolder(t)
  const disk = createKeyDisk(folder, '../main')
  assert.equal(await disk.read(), undefined)
  await disk.write('first')
  await disk.write('second')
  assert.equal(await disk.read(), 'second')
  assert.equal(await createKeyDisk(folder, 'main').read(), undefined)
  assert.deepEqual(readdirSync(join(folder, 'keys')), ['..%2Fmain.json'])
  assert.equal(statSync(join(folder, 'keys')).mode & 0o777, 0o700)
})

test('a FIFO stops nobody, and no link is followed', async t => {
  const folder = makeFolder(t)
  mkdirSync(join(folder, 'keys'))
  execFileSync('mkfifo', [join(folder, 'keys/fifo.json')])
  await assert.rejects(createKeyDisk(folder, 'fifo').read(), { code: 'EINVAL' })
  writeFileSync(join(folder, 'elsewhere'), 'keys of somebody else')
  symlinkSync('../elsewhere', join(folder, 'keys/link.json'))
  await assert.rejects(createKeyDisk(folder, 'link').read(), { code: 'ELOOP' })
})
