/** What a command says arrives as a whole, also through a pipe; and where it can't, the exit code tells. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test, { type TestContext } from 'node:test'

const accounts = 30_000

function makeSite(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-output-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const people = Array.from({ length: accounts }, (_, n) => `{"address":"user${n}@example.org"}\n`)
  writeFileSync(join(folder, 'accounts.jsonl'), people.join(''))
  const config = join(folder, 'bearerd.toml')
  writeFileSync(
    config,
    `state-dir = "."
accounts.files = ["accounts.jsonl"]
listen.maps = { protocol = "postfix-socketmap", path = "maps" }
`,
  )
  return config
}

async function list(config: string, stdout: 'pipe' | number) {
  const command = ['--import', 'tsx', 'src/main.ts', 'account', 'list', '--config', config]
  const child = spawn(process.execPath, command, { stdio: ['ignore', stdout, 'pipe'] })
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  const [output, error] = await Promise.all([child.stdout && text(child.stdout), child.stderr && text(child.stderr)])
  return { code: await ended, output: output ?? '', error: error ?? '' }
}

test('a long list through a pipe', async t => {
  const { code, output, error } = await list(makeSite(t), 'pipe')
  assert.equal(error, '')
  assert.equal(output.split('\n').length - 1, accounts)
  assert.equal(code, 0)
})

test('a full disk', async t => {
  const { code, error } = await list(makeSite(t), openSync('/dev/full', 'w'))
  assert.equal(error, 'bearerd: not everything could be said (ENOSPC); what was done stays done\n')
  assert.equal(code, 1)
})
