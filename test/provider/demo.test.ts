/**
 * The demo as a new user runs it, and README.md, which shows what it prints.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { run } from '../support/process.ts'

const demo = run(process.execPath, ['--import', 'tsx', 'test/demo/main.ts', '--once'])
/** The port differs from run to run. */
const anyPort = (text: string): string => text.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')

test('npm start -- --once: everything comes out as expected', async () => {
  const { code, stdout, stderr } = await demo
  assert.equal(stderr, '')
  assert.doesNotMatch(stdout, /✗/)
  assert.match(stdout, /^All \d+ as expected\.$/m)
  assert.equal(code, 0, stdout)
})

test('a terminal without colours gets none', async () => {
  assert.ok(!(await demo).stdout.includes('\x1b'))
})

test('README.md shows what the demo prints', async () => {
  const printed = anyPort((await demo).stdout).split('\n')
  const shown = /^```\n(.*?All \d+ as expected\.)\n```$/ms.exec(readFileSync('README.md', 'utf8'))?.[1]
  assert.ok(shown, 'README.md has no block that ends with "as expected."')
  const lines = anyPort(shown).split('\n')
  assert.deepEqual(
    lines.filter(line => !printed.includes(line)),
    [],
  )
})
