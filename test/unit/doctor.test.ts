/** `bearerd doctor`: what it says of sockets and of the mail servers' settings, and how it ends. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runDoctor } from '../../src/cli/doctor.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import type { Config, ListenerConfig, Protocol } from '../../src/config/config.ts'
import { examineDovecot } from '../../src/doctor/dovecot.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { examinePostfix } from '../../src/doctor/postfix.ts'
import { readAssignments, readBlocks, readServices } from '../../src/doctor/settings.ts'
import { examineSocket } from '../../src/doctor/sockets.ts'
import { obstacleOn } from '../../src/doctor/system-user.ts'
import { askTool } from '../../src/doctor/tool.ts'
import { loadText, minimal } from '../support/config.ts'
import { challenge, startFaultProvider } from '../support/fault-provider.ts'

const queue = '/var/spool/postfix'
const listener = (protocol: Protocol, path: string): ListenerConfig => ({
  name: protocol.replace(/^.*-/, ''),
  protocol,
  path,
  mode: 0o660,
  group: undefined,
  xoauth2Challenge: 'auto',
})

/** Check → outcome. */
const outcomes = (findings: readonly Finding[]): Record<string, string> =>
  Object.fromEntries(findings.map(({ check, outcome }) => [check, outcome]))
const cures = (findings: readonly Finding[]): string => findings.map(({ cure }) => cure).join('\n')

// Sockets

const root = process.getuid?.() === 0
const skip = !root && 'only root can act as others'
const nobody = { name: 'nobody', uid: 65_534, groups: [65_534] }

/** A folder that others may enter, and a server in it that greets. */
async function serve(t: TestContext, greeting = 'VERSION\t1\t2\n'): Promise<{ folder: string; path: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'))
  chmodSync(folder, 0o755)
  const path = join(folder, 'socket')
  const open = new Set<Socket>()
  const server = createServer(socket => {
    open.add(socket)
    socket.on('error', () => {})
    if (greeting !== '') socket.write(greeting)
  })
  await new Promise<void>(resolve => server.listen(path, () => resolve()))
  chmodSync(path, 0o666)
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
    rmSync(folder, { recursive: true })
  })
  return { folder, path }
}

const users = { postfix: nobody, dovecot: nobody }

test('a socket that is there, answered and within reach', { skip }, async t => {
  const { path } = await serve(t)
  assert.deepEqual(outcomes(await examineSocket(listener('dovecot-auth', path), users)), {
    socket: 'ok',
    answer: 'ok',
    'reach of nobody': 'ok',
  })
})

test('a socket whose mode keeps the mail server out, until it is of her group', { skip }, async t => {
  const { path } = await serve(t)
  chmodSync(path, 0o660)
  const findings = await examineSocket(listener('postfix-sasl', path), users)
  assert.equal(outcomes(findings)['reach of nobody'], 'failed')
  assert.match(cures(findings), /Set group = "nobody" and mode = "0660" in \[listen\.sasl\]/)
  chownSync(path, 0, 65_534)
  assert.equal(outcomes(await examineSocket(listener('postfix-sasl', path), users))['reach of nobody'], 'ok')
})

test('by permission bits alone, as whoever is not root sees it', { skip }, async t => {
  const { path } = await serve(t)
  chmodSync(path, 0o660)
  assert.equal(await obstacleOn(path, nobody), path)
  chownSync(path, 0, 65_534)
  assert.equal(await obstacleOn(path, nobody), undefined)
  // Her own bits count, though her group's would let her in.
  chownSync(path, 65_534, 65_534)
  chmodSync(path, 0o060)
  assert.equal(await obstacleOn(path, nobody), path)
})

test('the directory that stands in the way is named', { skip }, async t => {
  const { folder, path } = await serve(t)
  chmodSync(folder, 0o750)
  const found = (await examineSocket(listener('postfix-sasl', path), users)).find(({ outcome }) => outcome === 'failed')
  assert.match(found?.seen ?? '', new RegExp(`^${folder} stands in her way`))
  assert.match(found?.cure ?? '', /chmod o\+x/)
})

test('a socket that is not there, one that is left over, and a file in its place', async t => {
  const { folder, path } = await serve(t)
  const at = (name: string) => examineSocket(listener('dovecot-auth', join(folder, name)), users)
  assert.match(cures(await at('absent')), /systemctl enable --now bearerd-auth\.socket/)
  writeFileSync(join(folder, 'file'), '')
  assert.match((await at('file'))[0]?.seen ?? '', /is no socket$/)
  // Bound by a process that is gone.
  const { spawnSync } = await import('node:child_process')
  const left = join(folder, 'left')
  const script = `require('node:net').createServer().listen(${JSON.stringify(left)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['--eval', script])
  assert.equal(outcomes(await at('left')).answer, 'failed')
  assert.ok(path)
})

test('a socket on which nobody speaks', async t => {
  const { path } = await serve(t, '')
  const findings = await examineSocket(listener('dovecot-master', path), users, 1)
  assert.equal(outcomes(findings).answer, 'failed')
})

test('auth-master is for root, and not for everybody', async t => {
  const { path } = await serve(t)
  assert.equal(outcomes(await examineSocket(listener('dovecot-master', path), users)).permissions, 'warning')
  chmodSync(path, 0o600)
  assert.deepEqual(outcomes(await examineSocket(listener('dovecot-master', path), users)), {
    socket: 'ok',
    answer: 'ok',
  })
})

// Postfix

const main = `queue_directory = ${queue}
compatibility_level = 3.6
line_length_limit = 2048
smtpd_sasl_response_limit = 12288
smtpd_sasl_auth_enable = no
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
recipient_delimiter = +
virtual_mailbox_maps = socketmap:unix:bearerd/map:mailbox
virtual_alias_domains =
`
const submission = `submission/inet/smtpd_sasl_auth_enable = yes
submission/inet/smtpd_sasl_type = dovecot
submission/inet/smtpd_sasl_path = bearerd/sasl
submission/inet/line_length_limit = 32768
submission/inet/smtpd_sasl_response_limit = 65536
`
const masterCf = 'smtp inet n - y - - smtpd\nsubmission inet n - y - - smtpd -o a=b\ncleanup unix n - y - 0 cleanup\n'

const listeners = [
  listener('postfix-sasl', `${queue}/bearerd/sasl`),
  listener('postfix-socketmap', `${queue}/bearerd/map`),
]
const config = (given: readonly ListenerConfig[], uid = '5000') =>
  ({ listeners: given, accounts: { recipientDelimiter: '+', defaults: { uid } } }) as unknown as Config

type Changed = {
  readonly main?: string
  readonly overrides?: string
  readonly services?: string
  readonly token?: number
}

const postfix = (changed: Changed = {}, given = listeners): Finding[] =>
  examinePostfix(
    {
      main: readAssignments(main + (changed.main ?? '')),
      services: readServices(changed.services ?? masterCf),
      overrides: readAssignments(submission + (changed.overrides ?? '')),
    },
    config(given),
    changed.token,
  )

test('Postfix as docs/howto/postfix.md has it: nothing to mend', () => {
  assert.deepEqual(outcomes(postfix({ token: 6000 })), {
    'submission/inet: socket': 'ok',
    'submission/inet: token size': 'ok',
    virtual_mailbox_maps: 'ok',
    recipient_delimiter: 'ok',
  })
})

test('Postfix: tokens that do not fit', () => {
  const overrides = 'submission/inet/line_length_limit = 2048\n'
  const check = 'submission/inet: token size'
  assert.equal(outcomes(postfix({ overrides }))[check], 'warning')
  assert.equal(outcomes(postfix({ overrides, token: 1000 }))[check], 'warning')
  const findings = postfix({ overrides, token: 1800 })
  assert.equal(outcomes(findings)[check], 'failed')
  assert.match(findings.map(({ seen }) => seen).join('\n'), /up to 14\d\d bytes fit .*; the largest seen had 1800/)
  assert.match(cures(findings), /"-o line_length_limit=32768"/)
})

test('Postfix: an absolute path in a chroot, and without one', () => {
  const overrides = `submission/inet/smtpd_sasl_path = ${queue}/bearerd/sasl\n`
  const caged = postfix({ overrides })
  assert.equal(outcomes(caged)['submission/inet: smtpd_sasl_path'], 'failed')
  assert.match(cures(caged), /Set smtpd_sasl_path=bearerd\/sasl\./)
  const services = masterCf.replaceAll(' y ', ' n ')
  assert.equal(outcomes(postfix({ overrides, services }))['submission/inet: socket'], 'ok')
  // "-" is the default, which was yes before Postfix 3.0.
  const dashed = masterCf.replaceAll(' y ', ' - ')
  assert.equal(outcomes(postfix({ overrides, services: dashed }))['submission/inet: socket'], 'ok')
  const old = postfix({ overrides, services: dashed, main: 'compatibility_level = 0\n' })
  assert.equal(outcomes(old)['submission/inet: smtpd_sasl_path'], 'failed')
})

test('Postfix: the wrong smtpd_sasl_type, and nobody who asks', () => {
  const cyrus = postfix({ overrides: 'submission/inet/smtpd_sasl_type = cyrus\n' })
  assert.equal(outcomes(cyrus)['submission/inet: smtpd_sasl_type'], 'failed')
  const elsewhere = postfix({ overrides: 'submission/inet/smtpd_sasl_path = private/auth\n' })
  assert.equal(outcomes(elsewhere).smtpd_sasl_path, 'warning')
  const { seen = '' } = elsewhere.find(({ check }) => check === 'smtpd_sasl_path') ?? {}
  assert.match(seen, /asks listen\.sasl; submission\/inet asks "private\/auth"$/)
})

test('Postfix: tables that must be none, maps that do not exist, another delimiter', () => {
  const map = 'socketmap:unix:bearerd/map'
  const findings = postfix({
    main: `virtual_alias_domains = ${map}:alias\nvirtual_alias_maps = ${map}:aliases\nrecipient_delimiter = -\n`,
  })
  const { virtual_alias_domains, virtual_alias_maps, recipient_delimiter } = outcomes(findings)
  assert.deepEqual([virtual_alias_domains, virtual_alias_maps, recipient_delimiter], ['failed', 'failed', 'warning'])
  assert.match(cures(findings), /Set "virtual_alias_domains =", empty/)
  assert.equal(outcomes(postfix({ main: 'virtual_mailbox_maps =\n' }))['listen.socketmap'], 'warning')
  const absolute = postfix({ main: `virtual_mailbox_maps = socketmap:unix:${queue}/bearerd/map:mailbox\n` })
  assert.equal(outcomes(absolute).virtual_mailbox_maps, 'failed')
})

test('Postfix: a policy service is found in either form', () => {
  const given = [listener('postfix-policy', `${queue}/bearerd/policy`)]
  for (const asked of [
    'check_policy_service unix:bearerd/policy',
    'check_policy_service { unix:bearerd/policy, timeout=10s }',
  ])
    assert.deepEqual(outcomes(postfix({ main: `smtpd_recipient_restrictions = a, ${asked}\n` }, given)), {
      smtpd_recipient_restrictions: 'ok',
    })
  assert.deepEqual(outcomes(postfix({}, given)), { 'listen.policy': 'warning' })
})

// Dovecot

const dovecotConf = `auth_socket_path = /run/bearerd/auth-master
disable_plaintext_auth = yes
first_valid_uid = 500
protocols = " imap lmtp"
recipient_delimiter = +
service imap-login {
  chroot =
  executable = imap-login /run/bearerd/auth-client
  inet_listener imap {
    port = 143
  }
}
service imap {
  executable = imap -a /run/bearerd/auth-master
}
`
const dovecotListeners = [
  listener('dovecot-auth', '/run/bearerd/auth-client'),
  listener('dovecot-master', '/run/bearerd/auth-master'),
]

function dovecot(from = '', to = '', token?: number, more = {}): Finding[] {
  assert.ok(dovecotConf.includes(from))
  const settings = readBlocks(dovecotConf.replace(from, to))
  const lookup = settings.get('auth_socket_path') ?? ''
  const found = { version: '2.3.19.1 (9b53102964)', settings, login: '', master: '', lookup, ...more }
  return examineDovecot(found, config(dovecotListeners), token)
}

test('Dovecot as docs/howto/dovecot.md has it: nothing to mend', () => {
  assert.deepEqual([...new Set(Object.values(outcomes(dovecot('', '', 6000))))], ['ok'])
  assert.deepEqual(Object.keys(outcomes(dovecot())).slice(0, 2), ['imap-login', 'imap'])
})

test('Dovecot: what can be got wrong', () => {
  for (const [from, to, check, outcome, cure] of [
    ['chroot =', 'chroot = login', 'imap-login', 'failed', /Set "chroot =", empty, in service imap-login/],
    ['-login /run/bearerd/auth-client', '-login', 'imap-login', 'warning', /executable = imap-login \/run/],
    ['imap -a /run/bearerd/auth-master', 'imap', 'imap', 'failed', /executable = imap -a \/run/],
    [
      'auth_socket_path = /run/bearerd/auth-master',
      'auth_socket_path = auth-userdb',
      'auth_socket_path',
      'warning',
      /lmtp/,
    ],
    ['disable_plaintext_auth = yes', 'disable_plaintext_auth = no', 'TLS', 'warning', /= yes/],
    ['first_valid_uid = 500', 'first_valid_uid = 10000', 'first_valid_uid', 'failed', /first_valid_uid = 5000/],
    ['recipient_delimiter = +', 'recipient_delimiter = -', 'recipient_delimiter', 'warning', /the same/],
  ] as const) {
    const findings = dovecot(from, to)
    assert.equal(outcomes(findings)[check], outcome, check)
    assert.match(cures(findings), cure)
  }
  assert.equal(outcomes(dovecot('', '', 7000))['token size'], 'warning')
})

test('Dovecot: who is let in by us can be looked up with us only', () => {
  const settings = readBlocks(dovecotConf.replace('imap -a /run/bearerd/auth-master', 'imap'))
  const found = { version: '2.3.19.1', settings, login: '', master: '', lookup: '' }
  const findings = examineDovecot(found, config(dovecotListeners.slice(0, 1)), undefined)
  assert.equal(outcomes(findings).imap, 'failed')
  assert.match(cures(findings), /Add a \[listen\.NAME\] .* then set "executable = imap -a PATH" in service imap: else/)
})

test('Dovecot 2.4 names the sockets in settings of their own', () => {
  const plain = 'executable = imap-login /run/bearerd/auth-client'
  const sockets = { version: '2.4.5', login: '/run/bearerd/auth-client', master: '/run/bearerd/auth-master' }
  const found = outcomes(dovecot(plain, 'executable = imap-login', undefined, sockets))
  assert.deepEqual([found['imap-login'], found.imap], ['ok', 'ok'])
  const listed = outcomes(dovecot('protocols = " imap lmtp"', 'protocols {\n  imap = yes\n  pop3 = no\n}'))
  assert.equal(listed['imap-login'], 'ok')
})

test('a mail server that is not installed, and one whose configuration is broken, are told apart', async () => {
  assert.deepEqual(await askTool('no-such-mail-server', []), { kind: 'absent' })
  assert.deepEqual(await askTool('sh', ['-c', 'echo "fatal: line 7" >&2; exit 1']), {
    kind: 'failed',
    why: 'fatal: line 7',
  })
})

// The command

const toml = (provider: string, more = '') => `state-dir = "."
${minimal}[directory.main]
endpoint = { method = "userinfo", url = "${provider}/me" }
require.audience = "mail"
${more}`

async function run(t: TestContext, text: string, options: { json?: boolean; directory?: string } = {}) {
  const { folder } = await loadText(t, text)
  let said = ''
  let complained = ''
  const terminal = {
    output: { write: (words: string) => (said += words) },
    error: { write: (words: string) => (complained += words) },
  } as unknown as Terminal
  const code = await runDoctor({ config: join(folder, 'bearerd.toml'), json: false, ...options }, terminal)
  return { code, lines: said.trimEnd().split('\n'), complained }
}

async function refusing(t: TestContext) {
  const provider = await startFaultProvider()
  t.after(provider.stop)
  provider.answer(challenge(401, 'invalid_token'))
  return provider
}

test('doctor: one directory in health; warnings are of no consequence to the exit code', async t => {
  const { origin } = await refusing(t)
  const { code, lines } = await run(t, toml(origin), { directory: 'main' })
  assert.equal(code, 0)
  assert.equal(lines[0], 'directory main')
  assert.ok(
    lines.some(line => /^ {2}WARN {2}configuration: .*bearerd\.toml:\d+: directory\.main\.require: /.test(line)),
  )
  assert.ok(lines.some(line => /^ {2}ok {4}userinfo: .* refuses a made-up token/.test(line)))
  assert.equal(lines.at(-1), 'Nothing has failed; read the 1 warning.')
})

test('doctor: a provider that is not reached ends with 69, one that answers wrongly with 1', async t => {
  const provider = await refusing(t)
  provider.answer(challenge(404))
  const wrong = await run(t, toml(provider.origin), { directory: 'main' })
  assert.equal(wrong.code, 1)
  assert.match(wrong.lines.at(-1) ?? '', /^1 thing to mend: directory main, userinfo: Check /)
  const gone = await startFaultProvider()
  await gone.stop()
  const lost = await run(t, toml(gone.origin), { directory: 'main' })
  assert.equal(lost.code, 69)
  assert.match(lost.lines.at(-1) ?? '', /^1 thing to mend: directory main, connection to 127\.0\.0\.1:\d+: Check that/)
})

test('doctor: directories come in the order of the file, JSON is one object a check', async t => {
  const { origin } = await refusing(t)
  const gone = await startFaultProvider()
  await gone.stop()
  const other = `[directory.other]\nendpoint = { method = "userinfo", url = "${origin}/me" }\ndomains = "x.org"\n`
  const { code, lines } = await run(t, toml(gone.origin, other), { json: true })
  assert.equal(code, 1)
  const findings = lines.map(line => JSON.parse(line) as Finding)
  const subjects = [...new Set(findings.map(({ subject }) => subject))]
  assert.deepEqual(subjects, ['directory main', 'directory other', 'listen.master', 'Postfix', 'Dovecot'])
  assert.ok(findings.every(({ check, outcome, seen }) => [check, outcome, seen].every(text => text !== '')))
})

test('doctor: errors of the configuration come first, and alone', async t => {
  const { code, lines } = await run(t, toml('https://idp.example.org').replace('audience', 'audiense'))
  assert.equal(code, 78)
  assert.match(lines[0] ?? '', /bearerd\.toml:6: error: directory\.main\.require\.audiense: unknown key/)
  assert.match(lines.at(-1) ?? '', /^Mend the 1 error of .*; "bearerd check" tells when they are gone\.$/)
})

test('doctor: a directory that does not exist', async t => {
  const { code, complained } = await run(t, toml('https://idp.example.org'), { directory: 'mian' })
  assert.equal(code, 64)
  assert.match(complained, /known are: main/)
})
