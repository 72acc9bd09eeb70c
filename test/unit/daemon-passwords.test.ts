/** The daemon and its passwords: which mechanisms it offers, that it reads them again, that it remembers their last use. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startDaemon } from '../../src/daemon.ts'
import { formatPasswordLine } from '../../src/passwords/record.ts'
import { loadText } from '../support/config.ts'
import { createRecorder } from '../support/log.ts'
import { appPassword, typedPassword } from '../support/password-login.ts'
import { connectClient } from '../support/sockets.ts'

const oneAccount = '{"address":"alice@example.org"}\n'
const onePassword = `${formatPasswordLine(typedPassword())}\n`

async function open(t: TestContext, toml: string, files: Record<string, string> = {}) {
  const { config, folder } = await loadText(
    t,
    `state-dir = "."
    accounts.files = "accounts.jsonl"
    listen.imap = { protocol = "dovecot-auth", path = "auth" }
    ${toml}`,
    { files: { 'accounts.jsonl': oneAccount, ...files } },
  )
  assert.ok(config)
  const log = createRecorder()
  const daemon = await startDaemon(config, log)
  const client = await connectClient(t, join(folder, 'auth'))
  // The client first: the daemon would wait until somebody redeems the logins that it has granted her.
  const stop = () => {
    client.socket.destroy()
    return daemon.stop()
  }
  t.after(stop)
  client.socket.write('VERSION\t1\t2\nCPID\t987\n')
  const greeting = await client.receive('DONE\n')
  let id = 0
  return {
    folder,
    log,
    daemon,
    stop,
    mechanisms: [...greeting.matchAll(/^MECH\t(\S+)/gm)].map(([, name]) => name),
    async login(password = appPassword): Promise<string> {
      const message = Buffer.from(`\0alice@example.org\0${password}`).toString('base64')
      client.socket.write(`AUTH\t${++id}\tPLAIN\tservice=imap\trip=192.0.2.1\tresp=${message}\n`)
      const received = await client.receive(`\t${id}\tuser=alice@example.org\n`)
      return received.trimEnd().split('\n').at(-1) ?? ''
    },
  }
}

const directory = 'directory.main.issuer = "https://accounts.example.org"\n'
const atOnce = 'app-passwords.failure-delay = "0s"\n'

test('mechanisms are offered that there is something to log in with for', async t => {
  assert.deepEqual((await open(t, directory)).mechanisms, ['OAUTHBEARER', 'XOAUTH2', 'PLAIN', 'LOGIN'])
  assert.deepEqual((await open(t, '')).mechanisms, ['PLAIN', 'LOGIN'])
  const off = await open(t, `${directory}app-passwords.enabled = false`)
  assert.deepEqual(off.mechanisms, ['OAUTHBEARER', 'XOAUTH2'])
})

test('an app password lets its owner in, and its last use is written when the daemon stops', async t => {
  const { folder, stop, login } = await open(t, atOnce, { 'app-passwords.jsonl': onePassword })
  assert.equal(await login(), 'OK\t1\tuser=alice@example.org')
  assert.equal(await login(appPassword.replace('z', 'y')), 'FAIL\t2\tuser=alice@example.org')
  await stop()
  const { account, id, from } = JSON.parse(readFileSync(join(folder, 'app-passwords.last-used.jsonl'), 'utf8'))
  assert.deepEqual([account, id, from], ['alice@example.org', 'kfm', '192.0.2.1'])
})

test('a reload reads the passwords again', async t => {
  const { folder, daemon, login, log } = await open(t, atOnce, { 'app-passwords.jsonl': onePassword })
  assert.equal(await login(), 'OK\t1\tuser=alice@example.org')
  writeFileSync(join(folder, 'aside'), '')
  renameSync(join(folder, 'aside'), join(folder, 'app-passwords.jsonl'))
  await daemon.reload()
  assert.equal(await login(), 'FAIL\t2\tuser=alice@example.org')
  assert.equal(log.lines.findLast(({ event }) => event === 'login')?.reason, 'unknown_password')
})

test('a state directory that is not there is warned of: nobody has an app password then', async t => {
  const { folder, log, login } = await open(t, atOnce)
  assert.ok(!existsSync(join(folder, 'app-passwords.jsonl')))
  assert.equal(await login(), 'FAIL\t1\tuser=alice@example.org')
  assert.ok(!log.lines.some(({ event }) => event === 'start'), 'here, it is there')

  const { config } = await loadText(
    t,
    `state-dir = "absent"
    accounts.files = "accounts.jsonl"
    listen.imap = { protocol = "dovecot-auth", path = "auth" }`,
    { files: { 'accounts.jsonl': oneAccount } },
  )
  assert.ok(config)
  const recorder = createRecorder()
  const daemon = await startDaemon(config, recorder)
  t.after(() => daemon.stop())
  const [line] = recorder.lines.filter(({ event }) => event === 'start')
  assert.equal(line?.level, 'warn')
  assert.equal(line.file, config.stateDir)
})
