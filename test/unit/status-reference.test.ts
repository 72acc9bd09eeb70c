/** docs/reference/status.md: every field of a status, and no other. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { ask } from '../../src/cli/control-client.ts'
import { startDaemon } from '../../src/daemon.ts'
import type { LogLevel } from '../../src/log.ts'
import { loadText } from '../support/config.ts'
import { createRecorder } from '../support/log.ts'
import { full } from '../support/status.ts'

const page = readFileSync('docs/reference/status.md', 'utf8')
const [fields = '', problem = ''] = page.split('\n## Fields\n')[1]?.split('\nA problem of a file:\n') ?? []
const namesIn = (part: string): string[] => [...part.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name ?? '')

/** Every path of a value: `a.b`, `a.list[]`, `a.list[].c`. A table that holds only others needs no row of its own. */
function pathsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return [`${path}[]`, ...value.flatMap(entry => leavesOf(entry, `${path}[]`))]
  return [path, ...leavesOf(value, path)]
}

function leavesOf(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]) =>
    child === undefined ? [] : pathsOf(child, path === '' ? key : `${path}.${key}`),
  )
}

/** Said once for all files, and for all problems. */
function isSaidElsewhere(path: string): boolean {
  return /^(?:passwords|bindings)\.|\.problems\[\]\./.test(path)
}
const tables = [
  '',
  'config',
  'logins',
  'directories[].provider',
  'directories[].provider.breakers',
  'directories[].cache',
]
const rowsFor = (status: unknown): string[] => [
  ...new Set(pathsOf(status).filter(path => !isSaidElsewhere(path) && !tables.includes(path))),
]

test('every field of a status is documented, and no other', () => {
  assert.deepEqual(namesIn(fields).sort(), rowsFor(full).sort())
  const [example] = full.accounts.problems
  assert.deepEqual(namesIn(problem).sort(), Object.keys(example ?? {}).sort())
})

test('a daemon tells what is documented, over its control socket, and logs as that says until a reload', async t => {
  const toml = `state-dir = "."
accounts.files = ["accounts.toml"]
listen.imap = { protocol = "dovecot-auth", path = "auth" }
directory.main = { issuer = "https://127.0.0.1:9", bind = "first-login" }
`
  const accounts = '[[account]]\naddress = "alice@example.org"\n'
  const { config, problems } = await loadText(t, toml, { files: { 'accounts.toml': accounts } })
  assert.ok(config, problems.join('\n'))
  let level: LogLevel = 'info'
  const setLevel = (to: LogLevel): void => {
    level = to
  }
  const log = { ...createRecorder(), level: () => level, setLevel }
  const daemon = await startDaemon(config, log, { version: '1.2.3' })
  t.after(() => daemon.stop())
  const question = { method: 'GET', resource: '/status' } as const
  const told = async (): Promise<Record<string, unknown>> => (await ask(config.control.path, question)) as never
  const first = await told()
  assert.deepEqual([first.version, first.state, first.pid], ['1.2.3', 'running', process.pid])
  assert.deepEqual(Object.keys(first).sort(), Object.keys(full).sort())
  await ask(config.control.path, { method: 'PUT', resource: '/log-level', body: { level: 'debug' } })
  assert.deepEqual([level, (await told()).logLevel], ['debug', 'debug'])
  writeFileSync(join(dirname(config.file), 'accounts.toml'), 'nonsense')
  assert.deepEqual(await ask(config.control.path, { method: 'POST', resource: '/reload' }), { ok: true })
  assert.equal(level, 'info')
  const rows = rowsFor(await told())
  assert.ok(rows.includes('accounts.problems[]'))
  for (const row of rows) assert.ok(namesIn(fields).includes(row), row)
})
