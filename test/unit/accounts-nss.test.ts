/** Users and groups by name, as the system knows them: asked of the real getent, and of impostors. */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { createNssResolver } from '../../src/accounts/nss.ts'

const nss = createNssResolver()

test('numbers need no lookup', async () => {
  const fields = { uid: '5000', gid: '5001', home: '/x' }
  assert.equal(nss.needed(fields), false)
  assert.equal(nss.needed({ home: 'vmail' }), false)
  assert.deepEqual(await nss.resolve(fields), { ok: true, fields })
})

test('names become the numbers that the system has for them', async () => {
  const fields = { uid: 'nobody', gid: 'daemon', home: '/x' }
  assert.equal(nss.needed(fields), true)
  assert.deepEqual(await nss.resolve(fields), { ok: true, fields: { uid: '65534', gid: '1', home: '/x' } })
})

test('root is nobody’s mailbox user, by name or number', async () => {
  const message = 'this is root, whom Dovecot never serves'
  assert.deepEqual(await nss.resolve({ uid: 'root' }), { ok: false, key: 'uid', message })
  assert.deepEqual(await nss.resolve({ uid: '0' }), { ok: false, key: 'uid', message })
})

test('a name that the system doesn’t know', async () => {
  assert.deepEqual(await nss.resolve({ uid: '1000', gid: 'no-such-group' }), {
    ok: false,
    key: 'gid',
    message: 'no group "no-such-group" on this machine; create it, or give a number',
  })
})

test('what is no name is not asked about', async () => {
  for (const uid of ['', '-s', '--help', 'a b', 'a:b', 'a/b', 'a\nb', '+', '4294967295x', 'x'.repeat(300)])
    assert.deepEqual(await nss.resolve({ uid }), {
      ok: false,
      key: 'uid',
      message: 'expected a number or a name as in passwd(5)',
    })
})

test('without getent, the problem says so', async () => {
  const resolved = await createNssResolver({ command: '/nonexistent/getent' }).resolve({ uid: 'vmail' })
  assert.deepEqual(resolved, {
    ok: false,
    key: 'uid',
    message: '"getent passwd vmail" failed (ENOENT); a number needs no lookup',
  })
})

/** A getent of our own making: a shell script. */
async function impostor(t: TestContext, script: string): Promise<{ command: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'bearerd-getent-'))
  t.after(() => rm(folder, { recursive: true }))
  const command = join(folder, 'getent')
  await writeFile(command, `#!/bin/sh\ncd "${folder}"\n${script}\n`)
  await chmod(command, 0o755)
  return { command, folder }
}

test('an answer that is no entry is no answer', async t => {
  for (const line of ['', 'vmail', 'vmail:x:', 'vmail:x:5000x:8', 'vmail:x:-5:8']) {
    const { command } = await impostor(t, `echo '${line}'`)
    const resolved = await createNssResolver({ command }).resolve({ uid: 'vmail' })
    const message = '"getent passwd vmail" failed (its answer is not an entry); a number needs no lookup'
    assert.deepEqual(resolved, { ok: false, key: 'uid', message }, line)
  }
})

test('a failing getent is not an unknown name', async t => {
  const { command } = await impostor(t, 'exit 3')
  const resolved = await createNssResolver({ command }).resolve({ gid: 'vmail' })
  const message = '"getent group vmail" failed (3); a number needs no lookup'
  assert.deepEqual(resolved, { ok: false, key: 'gid', message })
})

test('a name is asked about once, however many accounts have it', async t => {
  const { command, folder } = await impostor(t, 'echo "$@" >> asked; echo "$2:x:5000:"')
  const resolver = createNssResolver({ command })
  const fields = { uid: 'vmail', gid: 'vmail' }
  const resolved = await Promise.all([fields, fields, fields].map(one => resolver.resolve(one)))
  assert.deepEqual(resolved[2], { ok: true, fields: { uid: '5000', gid: '5000' } })
  assert.deepEqual((await readFile(join(folder, 'asked'), 'utf8')).split('\n').sort(), [
    '',
    'group vmail',
    'passwd vmail',
  ])
})
