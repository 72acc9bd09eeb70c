/** The progress bar, on a terminal and elsewhere. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { survey } from '../../src/accounts/survey.ts'
import { createProgress } from '../../src/cli/account-progress.ts'
import { createTty } from '../support/account-commands.ts'

const [showCursor, wrapOn] = ['\x1b[?25h', '\x1b[?7h']

test('elsewhere there is none', async () => {
  let written = ''
  const progress = await createProgress('Counting', { write: (text: string) => (written += text) })
  progress.update(1, 2)
  progress.stop()
  assert.equal(written, '')
})

test('it leaves cursor and line wrap as they were, and no handler of signals', async () => {
  let written = ''
  const handlers = process.listenerCount('SIGINT')
  const progress = await createProgress(
    'Counting',
    createTty(text => {
      written += text
    }),
  )
  progress.stop()
  assert.equal(written, '')
  progress.update(1, 2)
  assert.match(written, /Counting .* 0% \(0 of 2\)/)
  progress.stop()
  progress.stop()
  for (const sequence of [showCursor, wrapOn]) assert.equal(written.split(sequence).length, 2)
  assert.equal(process.listenerCount('SIGINT'), handlers)
})

test('Ctrl-C: cursor and line wrap come back, and the process ends of it', async () => {
  const script = `
    import { createProgress } from './src/cli/account-progress.ts'
    import { createTty } from './test/support/account-commands.ts'
    import { writeSync } from 'node:fs'
    const progress = await createProgress('Counting', createTty(text => writeSync(1, text)))
    progress.update(1, 2)
    setInterval(() => {}, 1000)
    process.kill(process.pid, 'SIGINT')`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [written, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  assert.deepEqual([code, signal], [null, 'SIGINT'])
  for (const sequence of [showCursor, wrapOn]) assert.ok(written.includes(sequence), JSON.stringify(written))
})

test('while accounts are checked a signal is heard', async () => {
  const file = 'accounts.jsonl'
  const lines = Array.from({ length: 3_000 }, (_, n) => ({
    text: `{"address":"u${n}@example.org"}`,
    place: { file, line: n + 1 },
  }))
  const heard: string[] = []
  process.once('SIGUSR2', signal => heard.push(signal))
  await survey({
    config: {
      configFile: 'bearerd.toml',
      files: [file],
      unknown: 'reject',
      recipientDelimiter: '+',
      defaults: {},
      create: { domains: [], perHour: 0 },
    },
    directories: [],
    instead: { file, lines },
    progress(checked) {
      if (checked === 1_000) process.kill(process.pid, 'SIGUSR2')
      if (checked === 3_000) heard.push('done')
    },
  })
  assert.deepEqual(heard, ['SIGUSR2', 'done'])
})
