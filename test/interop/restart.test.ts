/**
 * bearerd is reloaded, restarted and killed while mail clients log in all the time, with sockets that outlive it, at a real
 * Dovecot and a real Postfix, configured as docs/howto says.
 *
 * Nobody is told that her password or token is wrong. A reload costs nobody anything; a restart may be answered with
 * "later" (how often is printed); a kill fails what was under way at that moment.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startActivated } from '../support/activated.ts'
import { settings } from '../support/howto.ts'
import { startLoad, type Tally } from '../support/load.ts'
import { startSite } from '../support/site.ts'

const clientsEach = 8
const users = Array.from({ length: 3 * clientsEach }, (_, index) => `user${index}@example.org`)

/** As the submission service of the page, without TLS: that is not what is tested here. */
const submission = settings('postfix', '# /etc/postfix/master.cf')
  .split(/^submissions? inet .*\n/m)[1]
  ?.trimEnd()
  .replace('smtpd_tls_security_level=encrypt', 'smtpd_tls_security_level=none')
  .replace('smtpd_tls_auth_only=yes', 'smtpd_tls_auth_only=no')

let activated: Awaited<ReturnType<typeof startActivated>> | undefined
const site = await startSite({
  accounts: users.map(address => `[[account]]\naddress = "${address}"\n`).join(''),
  postfix: { extra: [submission ?? ''] },
  // Login processes of IMAP serve one client each, as by default; one of POP3 serves many, over one connection.
  dovecot: 'service pop3-login {\n  service_count = 0\n  process_limit = 1\n}\n',
  start: async (config, { run, queue }) => {
    const socket = (name: string, path: string, mode: number, owner: string) => ({ name, path, mode, owner })
    activated = await startActivated(config, [
      socket('imap', join(run, 'auth-client'), 0o660, 'root:dovenull'),
      socket('dovecot', join(run, 'auth-master'), 0o600, 'root:root'),
      socket('sasl', join(queue, 'bearerd/sasl'), 0o660, 'root:postfix'),
      socket('maps', join(queue, 'bearerd/map'), 0o660, 'root:postfix'),
      socket('policy', join(queue, 'bearerd/policy'), 0o660, 'root:postfix'),
    ])
    return activated
  },
})
assert.ok(activated)
const daemon = activated
const { provider, dovecot, postfix, folder, write } = site

const ports = [
  ['imap', dovecot.ports.imap],
  ['pop3', dovecot.ports.pop3],
  ['smtp', postfix.extra[0] ?? 0],
] as const
const load = startLoad(
  await Promise.all(
    users.map(async (user, index) => {
      const [protocol, port] = ports[index % 3] ?? ports[0]
      return { protocol, port, login: { user, token: await provider.token(user) } }
    }),
  ),
)
after(() => load.stop())

/** What was heard until each client has logged in once more; printed for whoever wants to know how many. */
async function heard(t: TestContext): Promise<Tally[]> {
  await load.everyOne()
  return Object.entries(load.take()).map(([protocol, tally]) => {
    const { good, temporary, permanent, odd } = tally
    const counts = `${good} good, ${temporary.length} told "later", ${permanent.length} refused, ${odd.length} odd`
    t.diagnostic(`${protocol}: ${counts} ${JSON.stringify([...permanent, ...odd])}`)
    return tally
  })
}

function allGood({ good, temporary, permanent, odd }: Tally): void {
  assert.deepEqual([temporary, permanent, odd], [[], [], []])
  assert.ok(good >= clientsEach)
}

test('without any of it, everybody logs in', async t => {
  ;(await heard(t)).forEach(allGood)
})

test('a reload with another configuration costs nobody anything', async t => {
  const text = readFileSync(join(folder, 'bearerd.toml'), 'utf8')
  for (let number = 0; number < 10; number++) {
    // The directory is opened anew; every other time, passwords are not offered any more.
    const next = text.replace('[directory.main]\n', `[directory.main]\ntimeout = "${4000 + number}ms"\n`)
    write(
      'bearerd.toml',
      number % 2 === 0 ? next : next.replace('[app-passwords]\n', '[app-passwords]\nenabled = false\n'),
    )
    const reloaded = daemon.next('reloaded', 'config_refused')
    daemon.reload()
    assert.equal((await reloaded).event, 'reloaded')
    await pause(150)
  }
  write('bearerd.toml', text)
  ;(await heard(t)).forEach(allGood)
})

test('a restart lets nobody be refused', async t => {
  for (let number = 0; number < 4; number++) {
    await daemon.restart()
    await load.everyOne()
  }
  for (const { good, permanent, odd } of await heard(t)) {
    assert.deepEqual([permanent, odd], [[], []])
    assert.ok(good >= 4 * clientsEach)
  }
})

test('a kill fails what was under way, and nothing else', async t => {
  for (let number = 0; number < 2; number++) {
    await daemon.end('SIGKILL')
    await daemon.start()
    await load.everyOne()
  }
  const tallies = await heard(t)
  // Dovecot 2.3 makes [AUTHENTICATIONFAILED] of a connection that is lost; nothing is permanent to Postfix.
  assert.deepEqual(tallies.at(-1)?.permanent, [])
  for (const { temporary, permanent, odd } of tallies)
    assert.ok(temporary.length + permanent.length + odd.length <= 2 * clientsEach)
  ;(await heard(t)).forEach(allGood)
})
