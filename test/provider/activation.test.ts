/**
 * Socket activation and readiness, as under systemd: the daemon is started with listening sockets at descriptors 3 and
 * up, named in LISTEN_FDNAMES, and tells through systemd-notify when it is ready (sd_listen_fds(3), sd_notify(3)).
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { type TestContext } from 'node:test'
import { askSocketmap } from '../support/lookups.ts'
import { eventually } from '../support/process.ts'

const config = `
state-dir = "."
[accounts]
files = ["accounts.toml"]
[listen.imap]
protocol = "dovecot-auth"
path = "nowhere/imap"
[listen.maps]
protocol = "postfix-socketmap"
path = "nowhere/maps"
[directory.main]
endpoint.url = "http://127.0.0.1:9/userinfo"
`

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-activation-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'bearerd.toml'), config)
  writeFileSync(join(folder, 'accounts.toml'), '[[account]]\naddress = "alice@example.org"\n')
  // Stands for systemd-notify: what it was told, a line each.
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin', 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${folder}/notified\n`, { mode: 0o755 })
  return folder
}

type Socket = { readonly fd: number; release(): void }

/** A listening socket, as a socket unit makes it. It has been renamed, since Node removes the path that it bound. */
async function makeSocket(path: string): Promise<Socket> {
  const server = createServer()
  server.listen(`${path}.new`)
  await once(server, 'listening')
  renameSync(`${path}.new`, path)
  // Node has no public way to the descriptor of a server.
  const { _handle } = server as unknown as { readonly _handle: { readonly fd: number } }
  return { fd: _handle.fd, release: () => server.close() }
}

/** Starts the daemon the way systemd does: the pid in LISTEN_PID is the daemon's own. */
function activate(t: TestContext, folder: string, sockets: readonly Socket[], names: string): ChildProcess {
  const launcher = 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"'
  const daemon = [process.execPath, 'dist/main.js', 'serve', '--config', join(folder, 'bearerd.toml')]
  const child = spawn('/bin/sh', ['-c', launcher, 'launcher', ...daemon], {
    stdio: ['ignore', 'pipe', 'inherit', ...sockets.map(({ fd }) => fd)],
    env: {
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      LISTEN_FDS: String(sockets.length),
      LISTEN_FDNAMES: names,
      NOTIFY_SOCKET: '/run/systemd/notify',
    },
  })
  // From here on the daemon alone accepts connections.
  for (const socket of sockets) socket.release()
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  return child
}

async function logged(child: ChildProcess, event: string): Promise<Record<string, unknown>> {
  assert.ok(child.stdout)
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line) as Record<string, unknown>
    if (entry.event === event) return entry
  }
  throw new Error(`the daemon ended without "${event}"`)
}

test('the daemon serves the sockets that it was started with, and says that it is ready', async t => {
  const folder = makeFolder(t)
  const [maps, imap] = [join(folder, 'maps'), join(folder, 'imap')]
  const child = activate(t, folder, [await makeSocket(maps), await makeSocket(imap)], 'maps:imap')
  await logged(child, 'ready')

  assert.equal(await askSocketmap(maps, 'mailbox', 'alice@example.org'), 'OK alice@example.org')
  const [greeting] = await once(connect(imap).setEncoding('utf8'), 'data')
  assert.match(greeting, /^VERSION\t1\t\d+\n(MECH\t.*\n)+SPID\t\d+\n/)

  const notified = () => (existsSync(join(folder, 'notified')) ? readFileSync(join(folder, 'notified'), 'utf8') : '')
  assert.equal(
    await eventually('systemd-notify', () => notified() || undefined),
    'READY=1 STATUS=1 account, 2 listeners\n',
  )
})

test('connections that came before the daemon are served when it is there', async t => {
  const folder = makeFolder(t)
  const maps = join(folder, 'maps')
  const sockets = [await makeSocket(maps), await makeSocket(join(folder, 'imap'))]
  const child = activate(t, folder, sockets, 'maps:imap')
  assert.equal(await askSocketmap(maps, 'mailbox', 'stranger@example.org'), 'NOTFOUND ')
  await logged(child, 'ready')
})

test('what is warned of, such as a directory that cannot tell whom a token is for, is logged at the start', async t => {
  const folder = makeFolder(t)
  const child = activate(t, folder, [await makeSocket(join(folder, 'maps'))], 'maps')
  const { level, path, msg } = await logged(child, 'config')
  assert.deepEqual([level, path], ['warn', 'directory.main.require'])
  assert.match(String(msg), /any application .* can read her mail/)
})

test('a socket that is no listener stops the start, and the log says how its name is to be mended', async t => {
  const folder = makeFolder(t)
  const child = activate(t, folder, [await makeSocket(join(folder, 'maps'))], 'mapz')
  const exit = once(child, 'exit')
  const { msg } = await logged(child, 'start')
  assert.match(String(msg), /sockets named mapz.*the listeners are imap, maps.*FileDescriptorName=/s)
  assert.deepEqual(await exit, [78, null])
  assert.ok(!existsSync(join(folder, 'notified')), 'not announced as ready')
})
