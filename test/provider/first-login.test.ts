/** The daemon binds accounts at first logins, and minds what commands change of that while it runs. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { appendBindings, bindingFile } from '../../src/accounts/binding-file.ts'
import { withLock } from '../../src/accounts/lock.ts'
import { startDaemon } from '../../src/daemon.ts'
import { bound, unbound } from '../support/bindings.ts'
import { loadText } from '../support/config.ts'
import { json, startFaultProvider } from '../support/fault-provider.ts'
import { connectClient } from '../support/sockets.ts'
import { createListener } from '../support/store.ts'

const accounts = ['alice', 'bob'].map(name => `{"address":"${name}@example.org"}\n`).join('')

/** A provider whose tokens are `SUB/NAME`, and a daemon that asks it. */
async function open(t: TestContext) {
  const provider = await startFaultProvider()
  t.after(provider.stop)
  provider.answer(response => {
    const [sub, name] = (response.req.headers.authorization ?? '').replace('Bearer ', '').split('/')
    json({ sub, email: `${name}@example.org` })(response)
  })
  const { config, folder } = await loadText(
    t,
    `state-dir = "."
    accounts.files = "accounts.jsonl"
    listen.imap = { protocol = "dovecot-auth", path = "auth" }
    directory.main = { endpoint.url = "${provider.origin}/userinfo", bind = "first-login" }`,
    { files: { 'accounts.jsonl': accounts } },
  )
  assert.ok(config)
  const { log, logged } = createListener()
  const daemon = await startDaemon(config, log)
  t.after(() => daemon.stop())
  const client = await connectClient(t, join(folder, 'auth'))
  client.socket.write('VERSION\t1\t2\nCPID\t987\n')
  await client.receive('DONE\n')
  let id = 0
  const file = bindingFile(config.stateDir)
  return {
    logged,
    bindings: () => readFileSync(file, 'utf8').split('\n').slice(0, -1),
    append: (...lines: Parameters<typeof appendBindings>[1]) =>
      withLock(file, lock => appendBindings(file, lines, lock)),
    async login(token: string): Promise<string> {
      const message = Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`).toString('base64')
      client.socket.write(`AUTH\t${++id}\tOAUTHBEARER\tservice=imap\tresp=${message}\n`)
      const { account, reason } = await logged('login')
      return `${account} ${reason}`
    },
  }
}

test('an account is its first user’s, until somebody rebinds it', async t => {
  const { login, bindings, append, logged } = await open(t)
  await logged('bindings_loaded')
  assert.equal(await login('s1/alice'), 'alice@example.org ok')
  assert.match(bindings().join(), /^\{"account":"alice@example\.org","directory":"main","subject":"s1",/)
  assert.equal(await login('s1/alice.smith'), 'alice@example.org ok', 'renamed at the provider')
  assert.match(await login('s2/alice'), /subject_mismatch$/)
  assert.equal(await login('s2/bob'), 'bob@example.org ok')
  await append(unbound('alice'), bound('bob', 's3'))
  await logged('bindings_loaded')
  assert.equal(await login('s2/alice'), 'alice@example.org ok')
  assert.match(await login('s1/alice'), /subject_mismatch$/)
  assert.equal(await login('s3/nobody'), 'bob@example.org ok')
  assert.equal(bindings().length, 5)
})
