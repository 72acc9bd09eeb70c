/** The log, when nobody reads it. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { eventually, patienceMs } from '../support/process.ts'

/** Logs 64 MB of lines, says so on stderr, flushes them (again while `condition`), and ends. */
const talker = (condition: string) => `
import { createLog } from './src/log.ts'
const log = createLog({ level: 'info', format: 'json' })
for (let n = 0; n < 64_000; n++) log.info({ n }, 'x'.repeat(1000))
process.stderr.write('said', async () => {
  do await log.flush()
  while (${condition})
  process.exit(7)
})
`
function startTalker(condition = 'false') {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', talker(condition)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: patienceMs })
  return { child, said: once(child.stderr, 'data').then(String), exit: once(child, 'exit') }
}

test('what a reader cannot take is kept up to 16 MiB; lines beyond are dropped whole', async () => {
  const { child, said, exit } = startTalker('process.stdout.writableLength > 0')
  assert.equal(await said, 'said')
  const output = await text(child.stdout)
  assert.deepEqual(await exit, [7, null])
  const lines = output.trimEnd().split('\n')
  lines.forEach((line, index) => {
    assert.equal(JSON.parse(line).n, index)
  })
  // The kernel holds some more of it, a few hundred KiB.
  assert.ok(output.length <= 17 * 1024 * 1024 && output.length > 15 * 1024 * 1024, `${output.length}`)
})

test('the process ends, with its own exit code, though nobody reads', async () => {
  const { child, exit } = startTalker()
  assert.deepEqual(await exit, [7, null])
  child.stdout.destroy()
})

test('the process ends, with its own exit code, when its reader has gone', async () => {
  const { child, said, exit } = startTalker()
  child.stdout.destroy()
  assert.equal(await said, 'said')
  assert.deepEqual(await exit, [7, null])
})

test('SIGTERM ends the daemon, though its log is a pipe that is full', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [pipe, config, socket] = ['log', 'bearerd.toml', 'auth-master'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(join(folder, 'accounts.toml'), '[[account]]\naddress = "alice@example.org"\n', { mode: 0o600 })
  writeFileSync(
    config,
    `accounts.files = ["accounts.toml"]
log.format = "json"
listen.master = { protocol = "dovecot-master", path = "${socket}" }
`,
    { mode: 0o600 },
  )
  execFileSync('mkfifo', [pipe])
  const ours = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
  const stdout = openSync(pipe, 'w')
  t.after(() => closeSync(ours))
  assert.throws(() => {
    for (;;) writeSync(ours, 'x'.repeat(4096))
  }, /EAGAIN/)

  const args = ['--import', 'tsx', 'src/main.ts', 'serve', '--config', config]
  const child = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'inherit'] })
  closeSync(stdout)
  const timer = setTimeout(() => child.kill('SIGKILL'), 2 * patienceMs)
  t.after(() => clearTimeout(timer))
  const exit = once(child, 'exit')
  await eventually('the socket', () => existsSync(socket) || undefined)
  child.kill('SIGTERM')
  assert.deepEqual(await exit, [0, null])
})
