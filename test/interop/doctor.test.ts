/**
 * `bearerd doctor` beside a real Postfix and Dovecot: set up as docs/howto says there is nothing to mend; then things
 * go wrong.
 */
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Finding } from '../../src/doctor/finding.ts'
import { main } from '../support/daemon.ts'
import { run } from '../support/process.ts'
import { startSite } from '../support/site.ts'

const site = await startSite({ accounts: '[[account]]\naddress = "alice@example.org"\n' })
const masterCf = join(site.folder, 'postfix/etc/master.cf')
const dovecotConf = site.dovecot.config

/** postconf and doveconf are told of the site's own files. */
async function doctor() {
  const args = [main, 'doctor', '--json', '--config', join(site.folder, 'bearerd.toml')]
  const variables = { MAIL_CONFIG: join(site.folder, 'postfix/etc'), CONFIG_FILE: dovecotConf }
  const { code, stdout, stderr } = await run(process.execPath, args, '', variables)
  const findings = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Finding)
  const failed = findings
    .filter(({ outcome }) => outcome === 'failed')
    .map(({ subject, check }) => `${subject}, ${check}`)
  return { code, findings, failed, stderr }
}

/** Changes a file for as long as the work takes. */
async function whileChanged(file: string, from: string, to: string, work: () => Promise<void>): Promise<void> {
  const before = readFileSync(file, 'utf8')
  assert.ok(before.includes(from), `${file} has no ${from}`)
  writeFileSync(file, before.replaceAll(from, to))
  try {
    await work()
  } finally {
    writeFileSync(file, before)
  }
}

test('as docs/howto says: nothing has failed', async () => {
  const { code, findings, failed, stderr } = await doctor()
  assert.deepEqual(failed, [], stderr)
  assert.equal(code, 0)
  const oks = findings.filter(({ outcome }) => outcome === 'ok').map(({ subject, check }) => `${subject}, ${check}`)
  for (const expected of [
    'directory main, userinfo',
    'listen.imap, reach of dovenull',
    'listen.sasl, reach of postfix',
    'Postfix, virtual_mailbox_maps',
    'Dovecot, imap-login',
    'Dovecot, submission',
    'Dovecot, auth_socket_path',
  ])
    assert.ok(oks.includes(expected), expected)
  assert.ok(oks.some(text => /^Postfix, 127\.0\.0\.1:\d+\/inet: socket$/.test(text)))
})

test('a directory that Postfix may not enter is named', async () => {
  const folder = join(site.queue, 'bearerd')
  chmodSync(folder, 0o700)
  try {
    const { code, findings, failed } = await doctor()
    assert.equal(code, 1)
    assert.deepEqual(failed, [
      'listen.sasl, reach of postfix',
      'listen.maps, reach of postfix',
      'listen.policy, reach of postfix',
    ])
    const { seen = '' } = findings.find(({ check }) => check === 'reach of postfix') ?? {}
    assert.ok(seen.startsWith(`${folder} stands in her way`), seen)
  } finally {
    chmodSync(folder, 0o2750)
  }
})

test('an absolute smtpd_sasl_path in the chroot, and the limits of Postfix itself', async () => {
  const absolute = `smtpd_sasl_path=${site.queue}/bearerd/sasl`
  await whileChanged(masterCf, 'smtpd_sasl_path=bearerd/sasl', absolute, async () => {
    const { failed } = await doctor()
    assert.equal(failed.filter(text => text.endsWith('inet: smtpd_sasl_path')).length, 2)
  })
  await whileChanged(masterCf, '-o line_length_limit=32768', '-o line_length_limit=2048', async () => {
    const { findings } = await doctor()
    const sizes = findings.filter(({ subject, check }) => subject === 'Postfix' && check.endsWith('token size'))
    assert.deepEqual([...new Set(sizes.map(({ outcome }) => outcome))], ['warning'])
  })
})

test('a login process in its chroot, and an imap that asks elsewhere', async () => {
  await whileChanged(dovecotConf, '\n  chroot =\n', '\n', async () => {
    const { failed } = await doctor()
    assert.deepEqual(failed, ['Dovecot, imap-login', 'Dovecot, pop3-login', 'Dovecot, submission-login'])
  })
  const asks = `executable = imap -a ${site.folder}/run/auth-master`
  await whileChanged(dovecotConf, asks, 'executable = imap', async () => {
    const { failed } = await doctor()
    assert.deepEqual(failed, ['Dovecot, imap'])
  })
})

test('bearerd is not running', async () => {
  await site.daemon.stop()
  try {
    const { code, failed } = await doctor()
    assert.equal(code, 1)
    assert.equal(failed.filter(text => /^listen\.\w+, (socket|answer)$/.test(text)).length, 5)
  } finally {
    await site.daemon.start()
  }
})

test('the provider is down', async () => {
  await site.provider.down()
  try {
    const { code, failed } = await doctor()
    assert.equal(code, 69)
    assert.equal(failed.length, 1)
  } finally {
    await site.provider.up()
  }
})
