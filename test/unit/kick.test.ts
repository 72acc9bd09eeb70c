/** `doveadm kick`, played by a script: what it is asked, and which of its answers is worth a warning. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { kick } from '../../src/cli/kick.ts'

const { PATH } = process.env

/** A doveadm that notes its arguments and then does as the script says; without one, there is none. */
function playDoveadm(t: TestContext, script?: string): () => string {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-kick-'))
  const asked = join(folder, 'asked')
  process.env.PATH = folder
  t.after(() => {
    process.env.PATH = PATH
    rmSync(folder, { recursive: true })
  })
  writeFileSync(asked, '')
  if (script !== undefined)
    writeFileSync(join(folder, 'doveadm'), `#!/bin/sh\necho "$*" >> ${asked}\n${script}\n`, { mode: 0o755 })
  return () => readFileSync(asked, 'utf8')
}

test('kick: somebody is logged in, or nobody is', async t => {
  const asked = playDoveadm(t, 'echo "kicked connections from the following users:"; echo alice@example.org')
  assert.equal(await kick('alice@example.org'), undefined)
  assert.equal(asked(), 'kick alice@example.org\n')
  playDoveadm(t, 'echo "no users kicked"; exit 68')
  assert.equal(await kick('alice@example.org'), undefined)
})

const warning = 'warning: sessions of alice@example.org may still be open: '

test('kick: a process that serves others too is left alone, and doveadm calls that a success', async t => {
  playDoveadm(t, 'echo "warning: other connections would also be kicked from following users:"; echo bob@example.org')
  const cure = 'they share a process with others; "doveadm kick -f alice@example.org" ends those too'
  assert.equal(await kick('alice@example.org'), warning + cure)
})

test('kick: doveadm fails, in its last words, or is not there', async t => {
  playDoveadm(t, 'echo "x" >&2; printf "Fatal: \\033[1mno anvil\\n" >&2; exit 75')
  const failed = 'doveadm kick failed (75): "Fatal: \\u{1b}[1mno anvil"'
  assert.equal(await kick('alice@example.org'), warning + failed)
  playDoveadm(t)
  assert.equal(await kick('alice@example.org'), `${warning}there is no doveadm on this host`)
})

test('kick: no address is taken for a pattern or an option, which would end the sessions of others', async t => {
  const asked = playDoveadm(t, 'exit 0')
  for (const address of ['a?ice@example.org', '-f@example.org'])
    assert.match((await kick(address)) ?? '', /doveadm would take its name for something else$/)
  assert.equal(asked(), '')
})
