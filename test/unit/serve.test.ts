/** `bearerd serve` as a process: what it does on a signal that comes early. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseEntry } from '../support/daemon.ts'
import { eventually, startServer } from '../support/process.ts'
import { makeFolder } from '../support/sockets.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** A start that waits, for the id of a group, until `go`. */
async function beginStart(t: Parameters<typeof makeFolder>[0]) {
  const folder = makeFolder(t)
  const path = (name: string) => join(folder, name)
  const getent = `#!/bin/sh\n: > ${path('asked')}\nwhile ! [ -e ${path('go')} ]; do sleep 0.02; done\necho mail:x:$(id -g):\n`
  mkdirSync(path('bin'))
  writeFileSync(path('bin/getent'), getent)
  chmodSync(path('bin/getent'), 0o755)
  const configure = (more: string) =>
    writeFileSync(
      path('bearerd.toml'),
      `state-dir = "."
accounts.files = "accounts.jsonl"
listen.imap = { protocol = "dovecot-auth", path = "auth", group = "mail" }
log.format = "json"
${more}`,
    )
  configure('')
  writeFileSync(path('accounts.jsonl'), '{"address":"alice@example.org"}\n')
  const server = startServer(process.execPath, ['--import', 'tsx', main, 'serve', '--config', path('bearerd.toml')], {
    variables: { PATH: `${path('bin')}:${process.env.PATH}` },
  })
  t.after(() => server.stop())
  await eventually('the start', () => existsSync(path('asked')) || undefined)
  return { ...server, path, configure, goOn: () => writeFileSync(path('go'), '') }
}

const says = (event: string) => (line: string) => parseEntry(line)?.event === event

test('SIGHUP while bearerd starts has everything read again when it has started', async t => {
  const { configure, goOn, signal, line, path } = await beginStart(t)
  configure('listen.policy = { protocol = "postfix-policy", path = "policy" }\n')
  signal('SIGHUP')
  goOn()
  await line('ready', says('ready'))
  await line('reloaded', says('reloaded'))
  assert.ok(existsSync(path('policy')))
})
