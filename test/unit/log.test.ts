/** The log: what the journal is told, levels that change, and what happens when nobody reads it. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
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

test('SIGTERM ends the daemon, though its log is a pipe that is full; SIGUSR1 is nothing', async t => {
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
  const child = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'] })
  closeSync(stdout)
  assert.ok(child.stderr)
  const complaints = text(child.stderr)
  const timer = setTimeout(() => child.kill('SIGKILL'), 2 * patienceMs)
  t.after(() => clearTimeout(timer))
  const exit = once(child, 'exit')
  await eventually('the socket', () => existsSync(socket) || undefined)
  // Node's own answer is a debugger for any user of the machine, and a line that says so.
  child.kill('SIGUSR1')
  child.kill('SIGTERM')
  assert.deepEqual(await exit, [0, null])
  assert.equal(await complaints, '')
})

/** A line of each level, changed on the way; one that is longer than what is gathered; and the output's own variable. */
const speaker = (format: string) => `
import { createLog } from './src/log.ts'
const log = createLog({ level: 'debug', format: '${format}' })
for (const level of ['debug', 'info', 'warn', 'error']) log[level]({ event: 'test', n: 1 }, level)
log.warn({}, 'x'.repeat(70_000))
log.setLevel('error')
log.warn({}, 'unheard')
log.error({}, log.level())
log.setLevel('info')
log.debug({}, 'unheard')
log.info({}, log.level())
await log.flush()
`

/** Written to a file, which may be called the journal: systemd tells it by device and inode. */
function speak(t: TestContext, format: string, journal: 'ours' | 'another' | 'none', script = speaker): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'stdout')
  const fd = openSync(file, 'w')
  const { dev, ino } = fstatSync(fd)
  const { JOURNAL_STREAM: _, ...env } = process.env
  const stream = { ours: `${dev}:${ino}`, another: `${dev}:${ino + 1}`, none: undefined }[journal]
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script(format)]
  const { status } = spawnSync(process.execPath, args, {
    stdio: ['ignore', fd, 'inherit'],
    env: stream === undefined ? env : { ...env, JOURNAL_STREAM: stream },
  })
  closeSync(fd)
  assert.equal(status, 0)
  return readFileSync(file, 'utf8').trimEnd().split('\n')
}

test('in the journal a line begins with its priority, and has no time', t => {
  const lines = speak(t, 'json', 'ours')
  const entries = lines.map(line => ({ priority: line.slice(0, 3), ...JSON.parse(line.slice(3)) }))
  assert.deepEqual(entries.slice(0, 4), [
    { priority: '<7>', level: 'debug', event: 'test', n: 1, msg: 'debug' },
    { priority: '<6>', level: 'info', event: 'test', n: 1, msg: 'info' },
    { priority: '<4>', level: 'warn', event: 'test', n: 1, msg: 'warn' },
    { priority: '<3>', level: 'error', event: 'test', n: 1, msg: 'error' },
  ])
  assert.deepEqual([entries[4].priority, entries[4].msg.length], ['<4>', 70_000])
  assert.deepEqual(
    entries.slice(5).map(({ priority, msg }) => priority + msg),
    ['<3>error', '<6>info'],
  )
})

test("what keeps the daemon from starting has an error's priority in the journal, line by line", t => {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'bearerd.toml')
  writeFileSync(file, 'first = 1\nsecond = 2\n')
  const args = ['--import', 'tsx', 'src/main.ts', 'serve', '--config', file]
  const serve = (journal: boolean): string[] => {
    const fd = openSync(join(folder, 'stderr'), 'w')
    const { dev, ino } = fstatSync(fd)
    const { JOURNAL_STREAM: _, ...env } = process.env
    const stream = journal ? { JOURNAL_STREAM: `${dev}:${ino}` } : {}
    const { status } = spawnSync(process.execPath, args, {
      stdio: ['ignore', 'ignore', fd],
      env: { ...env, ...stream },
    })
    closeSync(fd)
    assert.equal(status, 78)
    return readFileSync(join(folder, 'stderr'), 'utf8').trimEnd().split('\n')
  }
  const plain = serve(false)
  assert.ok(plain.length > 2 && plain[0]?.startsWith(file), plain.join('\n'))
  assert.deepEqual(
    serve(true),
    plain.map(line => `<3>${line}`),
  )
})

test('elsewhere it has its time, and no priority, though the variable was inherited', t => {
  for (const journal of ['another', 'none'] as const)
    for (const line of speak(t, 'json', journal)) assert.match(JSON.parse(line).time, /^\d{4}-\d\d-\d\dT.*Z$/)
})

test('for people: one line an entry in the journal, without time and colours; elsewhere with a time', t => {
  const lines = speak(t, 'pretty', 'ours')
  assert.deepEqual(lines.slice(0, 2), [
    '<7>DEBUG: debug {"event":"test","n":1}',
    '<6>INFO: info {"event":"test","n":1}',
  ])
  assert.equal(lines.length, 7)
  assert.match(speak(t, 'pretty', 'none')[0] ?? '', /^\[.*\] DEBUG: debug$/)
})

/** A text with lines of its own, in whatever a line is made of. */
const liar = (format: string) => `
import { createLog } from './src/log.ts'
const log = createLog({ level: 'debug', format: '${format}' })
const text = 'a\\n<0>b\\r\\n<0>c'
for (const key of ['asked', 'session', 'error', 'err', 'stack', 'name', 'hostname', 'caller', 'type', 'time'])
  log.info({ [key]: text }, 'said')
log.info({ type: 'Error', stack: text, err: { stack: text } }, text)
await log.flush()
`

for (const format of ['json', 'pretty'])
  test(`in the journal, nothing that is logged begins a line of its own (${format})`, t => {
    const lines = speak(t, format, 'ours', liar)
    assert.equal(lines.length, 11)
    for (const line of lines) assert.match(line, /^<6>/)
  })
