/** bearerd as it is delivered, with sockets from systemd: what it makes of them, and what it does on SIGHUP and SIGTERM. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { connectAuth } from '../../src/cli/auth-client.ts'
import { startActivated } from '../support/activated.ts'
import { main } from '../support/daemon.ts'
import { eventually, run } from '../support/process.ts'
import { startProvider } from '../support/provider.ts'

const folder = mkdtempSync('/tmp/bearerd-')
chmodSync(folder, 0o755)
after(() => rmSync(folder, { recursive: true, force: true }))
const provider = await startProvider()
after(() => provider.stop())

const imap = '[listen.imap]\nprotocol = "dovecot-auth"\npath = "auth-client"\n'
const maps = '[listen.maps]\nprotocol = "postfix-socketmap"\npath = "elsewhere"\n'
const policy = '[listen.policy]\nprotocol = "postfix-policy"\npath = "policy"\n'
const directory = `[directory.main]\nissuer = "${provider.issuer}"\nendpoint.method = "userinfo"\n`
const file = join(folder, 'bearerd.toml')
const configure = (...sections: string[]) =>
  writeFileSync(
    file,
    ['state-dir = "."\naccounts.files = ["accounts.toml"]', ...sections, '[log]\nformat = "json"\n'].join('\n'),
  )
writeFileSync(join(folder, 'accounts.toml'), '[[account]]\naddress = "alice@example.org"\n')

configure(imap, maps, policy, directory)
const daemon = await startActivated(file, [
  { name: 'imap', path: join(folder, 'auth-client'), mode: 0o660, owner: 'root:root' },
  { name: 'maps', path: join(folder, 'map'), mode: 0o640, owner: 'root:root' },
])
after(() => daemon.stop())

const bearerd = (...args: string[]) => run(process.execPath, [main, ...args, '--config', file])
const status = async () => JSON.parse((await bearerd('status', '--json')).stdout)
const login = async () => {
  const client = await connectAuth(join(folder, 'auth-client'))
  const token = await provider.token('alice@example.org')
  const outcome = await client.login({ mechanism: 'XOAUTH2', user: 'alice@example.org', token, service: 'imap' })
  client.close()
  return outcome.kind
}

test('a socket from systemd wins over the path, and the log names both', async () => {
  const line = await daemon.logged({ event: 'start', listener: 'maps' })
  assert.deepEqual([line.level, line.path, line.socket], ['error', join(folder, 'elsewhere'), join(folder, 'map')])
  assert.equal(existsSync(join(folder, 'elsewhere')), false)
  assert.equal(statSync(join(folder, 'map')).mode & 0o777, 0o640)
  const { listeners } = await status()
  assert.deepEqual(
    listeners.map(({ name, path, inherited }: Record<string, unknown>) => [name, path, inherited]),
    [
      ['imap', join(folder, 'auth-client'), true],
      ['maps', join(folder, 'map'), true],
      ['policy', join(folder, 'policy'), false],
    ],
  )
})

test('a listener without one makes its own, and is warned of', async () => {
  const line = await daemon.logged({ event: 'start', listener: 'policy' })
  assert.match(String(line.cure), /FileDescriptorName=policy/)
  assert.ok(existsSync(join(folder, 'policy')))
})

test('a reload that leaves out the section of such a socket is refused, and says how it is done', async () => {
  configure(imap, policy, directory)
  const { code, stderr } = await bearerd('reload')
  assert.equal(code, 78)
  assert.match(
    stderr,
    /listen\.maps: can't be removed while bearerd runs.*systemctl disable --now bearerd-maps\.socket/,
  )
  assert.equal((await status()).listeners.length, 3)
  assert.equal(await login(), 'accepted')
})

test('a signal does the same as the command', async () => {
  configure(imap, maps, directory, '[limits]\nrequests = 7\n')
  const reloaded = daemon.next('reloaded', 'config_refused')
  daemon.reload()
  assert.equal((await reloaded).event, 'reloaded')
  assert.equal(existsSync(join(folder, 'policy')), false)
  assert.equal(await login(), 'accepted')
})

test('a second signal ends a stop that takes too long', async () => {
  // Nobody answers the challenge: that is waited for.
  const socket = connect(join(folder, 'auth-client'))
  socket.on('error', () => {})
  socket.write('VERSION\t1\t2\nCPID\t77\nAUTH\t1\tXOAUTH2\tservice=imap\n')
  await eventually('a challenge', () => socket.read()?.includes('CONT\t1\t') || undefined)
  const stopped = daemon.end('SIGTERM')
  await eventually('the drain', async () => (await status()).state === 'stopping' || undefined)
  daemon.signal('SIGTERM')
  await stopped
  assert.notEqual(daemon.entries().at(-1)?.event, 'stopped')
  socket.destroy()
  await daemon.start()
})

test('who connects while there is no daemon waits for the next one', async () => {
  await daemon.end('SIGTERM')
  assert.equal(daemon.entries().at(-1)?.event, 'stopped')
  assert.ok(existsSync(join(folder, 'auth-client')))
  const waiting = login()
  await daemon.start()
  assert.equal(await waiting, 'accepted')
})
