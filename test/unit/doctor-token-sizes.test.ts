/** The largest tokens that were accepted, as `bearerd doctor` finds them. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { createTokenSizes, readTokenSizes, tokenSizesFile } from '../../src/auth/token-sizes.ts'
import { createRecorder } from '../support/log.ts'
import { makeFolder } from '../support/sockets.ts'

test('token sizes: the largest of each directory is kept, over a restart too', async t => {
  const file = tokenSizesFile(makeFolder(t))
  const first = createTokenSizes(file, createRecorder())
  for (const bytes of [900, 1800, 1200]) first.note('main', bytes)
  first.note('other', 43)
  await first.close()
  const second = createTokenSizes(file, createRecorder())
  second.note('main', 1000)
  second.note('other', 44)
  await second.close()
  assert.deepEqual(
    await readTokenSizes(file),
    new Map([
      ['main', 1800],
      ['other', 44],
    ]),
  )
})

test('token sizes: nothing is written before ten seconds are over, and then once', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const file = tokenSizesFile(makeFolder(t))
  const sizes = createTokenSizes(file, createRecorder())
  sizes.note('main', 900)
  t.mock.timers.tick(9_999)
  assert.throws(() => readFileSync(file), { code: 'ENOENT' })
  t.mock.timers.tick(1)
  await sizes.close()
  assert.equal(readFileSync(file, 'utf8'), '{"main":900}\n')
})

test('token sizes: what has not grown is not written', async t => {
  const file = tokenSizesFile(makeFolder(t))
  await createTokenSizes(file, createRecorder()).close()
  assert.throws(() => readFileSync(file), { code: 'ENOENT' })
})

test('token sizes: a state directory that is not there is logged once, and stops nothing', async t => {
  const log = createRecorder()
  const sizes = createTokenSizes(join(makeFolder(t), 'absent', 'token-sizes.json'), log)
  sizes.note('main', 900)
  await sizes.close()
  assert.deepEqual(
    log.lines.map(({ event }) => event),
    ['token_sizes_not_written'],
  )
})

test('token sizes: a file that makes no sense is as none', async t => {
  const file = tokenSizesFile(makeFolder(t))
  for (const text of ['', '[', 'null', '7', '{"main":"many"}']) {
    writeFileSync(file, text)
    assert.deepEqual(await readTokenSizes(file), new Map())
  }
})

test('token sizes: neither a FIFO nor a link in their place leads root anywhere', async t => {
  const folder = makeFolder(t)
  const file = tokenSizesFile(folder)
  execFileSync('mkfifo', [file])
  assert.deepEqual(await readTokenSizes(file), new Map())
  rmSync(file)
  writeFileSync(join(folder, 'elsewhere'), '{"main":900}')
  symlinkSync('elsewhere', file)
  assert.deepEqual(await readTokenSizes(file), new Map())
})
