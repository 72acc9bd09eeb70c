/**
 * The package on a Debian 12 and a Debian 13 that boot in containers, with their own Dovecot and Postfix, configured by
 * docs/howto: installed by apt without a network, logged in to with a real provider's tokens, rebooted, reloaded,
 * restarted, upgraded and killed under two hundred logins a second, stopped, removed and purged.
 *
 * Needs root, a network for debootstrap, and what `test/run.ts` looks for. Each step goes on where the last one ended.
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it, type TestContext } from 'node:test'
import type { Status } from '../../src/status.ts'
import type { Result } from '../support/process.ts'
import { outcome } from '../support/process.ts'
import { introspectors } from '../support/provider.ts'
import { type Container, createContainer, type Release } from './nspawn-container.ts'
import type { LoadOrder, LoadResult } from './nspawn-load.ts'
import {
  bearerdToml,
  certificate,
  configureDovecot,
  configurePostfix,
  loadPort,
  prepareMailHost,
  providedFile,
} from './nspawn-mail-host.ts'
import { within } from './nspawn-process.ts'
import type { Provided } from './nspawn-provider.ts'

const patienceMs = 60_000
const sockets = ['imap', 'dovecot', 'sasl', 'maps'].map(name => `bearerd-${name}.socket`)
const units = ['bearerd.target', 'bearerd.service', ...sockets]
const nothingRuns = `test -z "$(systemctl list-units --all --no-legend --state=active,activating,failed 'bearerd*')"`
const lookup = 'postmap -q alice@example.org socketmap:unix:/var/spool/postfix/bearerd/map:mailbox'
const page = readFileSync('docs/howto/systemd.md', 'utf8')

const folder = mkdtempSync(join(tmpdir(), 'bearerd-packages-'))
after(() => rmSync(folder, { recursive: true }))
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
const upgrade = `${version.replace('-', '~')}+upgrade`
const built = build().then(async first => ({ first, second: await build('--version', upgrade) }))
built.catch(() => {}) // Told by who waits for it.

describe('bearerd_*.deb', { concurrency: true }, () => {
  describePackage('bookworm', 'Debian 12')
  describePackage('trixie', 'Debian 13')

  it('has nothing that lintian finds an error', async () => {
    const { first } = await built
    const { code, stdout, stderr } = await inTurn(() => outcome(spawn('lintian', ['--allow-root', first]), ''))
    assert.equal(code, 0, stdout + stderr)
  })
})

/** The path of a .deb. */
async function build(...options: string[]): Promise<string> {
  const args = ['run', '--silent', 'package', '--', '--out', folder, ...options]
  const { code, stdout, stderr } = await outcome(spawn('npm', args), '')
  if (code !== 0) throw new Error(`npm run package: exit status ${code}\n${stdout}${stderr}`)
  return stdout.trim().split('\n').at(-1) ?? ''
}

/** What takes all that the machine has: two loads at once would be another load. */
let lastLoad: Promise<unknown> = Promise.resolve()
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = lastLoad.then(work)
  lastLoad = result.catch(() => {})
  return result
}

function describePackage(release: Release, title: string): void {
  describe(title, { concurrency: 1 }, () => {
    let host: Host
    let stepBegan = 0
    let former: Set<string>

    before(async () => {
      host = openHost(await createContainer(release))
      prepareMailHost(host)
      const { first, second } = await built
      copyFileSync(first, join(host.tree, 'srv/first.deb'))
      copyFileSync(second, join(host.tree, 'srv/second.deb'))
      // The page's commands are typed by people, who are asked.
      host.write('/etc/apt/apt.conf.d/90yes', 'APT::Get::Assume-Yes "true";\n')
      await host.boot()
      former = paths(host)
    })
    after(() => host?.remove())
    beforeEach(() => {
      stepBegan = Date.now()
    })
    afterEach(async context => {
      if ('passed' in context && context.passed === false && host !== undefined)
        console.error(`--- journal of ${title}:\n${(await host.journal(stepBegan)).split('\n').slice(-80).join('\n')}`)
    })

    it('is installed by apt, and starts and enables nothing', () => install(host))
    it('has units that systemd finds nothing wrong with', () => lookAtUnits(host))
    it('tries again now and then, and holds up nobody, when nothing is configured', () => unconfigured(host))
    it('hands out sockets, and logs in with a token over IMAP and SMTP', () => configure(host))
    it('delivers mail to accounts and refuses strangers', () => deliver(host))
    it('lets logins wait that come before it is ready, after a boot', () => bootOrder(host))
    it('reloads, and refuses a bad configuration', () => reload(host))
    it('runs without a listener that is taken out', () => dropListener(host))
    it("logs by journald's priorities", () => priorities(host))
    it('is started anew by the watchdog when it hangs', () => watchdog(host))
    it('loses no login when it is restarted and upgraded', t => inTurn(() => restartAndUpgrade(host, t)))
    it('loses no login but those in flight when it is killed', t => inTurn(() => killed(host, t)))
    it('is stopped by its target', () => stop(host))
    it('is removed and purged, and can be installed again', () => purge(host, former))
  })
}

type Host = Container & {
  /** As `must`, for a command that docs/howto/systemd.md shows. */
  shown(command: string): Promise<string>
  /** Tokens of the provider, which starts anew with the container. */
  provided(): Provided
  property(unit: string, name: string): Promise<string>
}

function openHost(container: Container): Host {
  return {
    ...container,
    shown(command) {
      const found = page.split('\n').some(line => line === `# ${command}`)
      assert.ok(found, `docs/howto/systemd.md does not show "${command}"`)
      return container.must(command)
    },
    provided: () => JSON.parse(container.read(providedFile)) as Provided,
    property: async (unit, name) => (await container.must(`systemctl show --property=${name} --value ${unit}`)).trim(),
  }
}

async function waitFor(host: Host, what: string, command: string): Promise<void> {
  await within(patienceMs, what, async () => (await host.run(command)).code === 0)
}

/** SELECT and NOOP over IMAPS. */
function imapLogin(host: Host, user: string): Promise<string> {
  const token = host.provided().tokens[user]
  return host.must(
    `curl -sv --max-time 60 --cacert ${certificate} --user ${user}: --oauth2-bearer ${token} --request NOOP imaps://mail.example.org/INBOX 2>&1`,
  )
}

function mail(host: Host, from: string, to: string, port = 587): Promise<Result> {
  const login = `--ssl-reqd --cacert ${certificate} --user ${from}: --oauth2-bearer ${host.provided().tokens[from]}`
  const text = `printf 'From: ${from}\\nTo: ${to}\\nSubject: test\\n\\nhello\\n'`
  return host.run(
    `${text} | curl -sv --max-time 60 ${port === 25 ? '' : login} --mail-from ${from} --mail-rcpt ${to} --upload-file - smtp://mail.example.org:${port} 2>&1`,
  )
}

/** Every path in the tree; /run and /tmp are of the booted system only. */
function paths(host: Host): Set<string> {
  const { stdout } = spawnSync('find', [host.tree, '-printf', '/%P\n'], { encoding: 'utf8', maxBuffer: 1e9 })
  return new Set(stdout.trim().split('\n'))
}

/** No repository can be reached from inside: there is no network. */
async function install(host: Host): Promise<void> {
  await host.must('apt-get install -y /srv/first.deb')
  assert.equal(await host.must('bearerd --version'), `${version.replace('-', '~')}\n`)
  await host.must(nothingRuns)
  for (const unit of units) assert.equal((await host.run(`systemctl is-enabled ${unit}`)).stdout, 'disabled\n')
  const owners = 'stat --format="%A %U %G" /etc/bearerd /var/lib/bearerd /run/bearerd'
  assert.equal(await host.must(owners), 'drwxr-x--- root bearerd\ndrwx------ bearerd bearerd\ndrwxr-xr-x root root\n')
}

async function lookAtUnits(host: Host): Promise<void> {
  const { stdout, stderr } = await host.run(`systemd-analyze verify --man=no ${units.join(' ')}`)
  assert.equal(stdout + stderr, '')
  const security = await host.must('systemd-analyze security --no-pager bearerd.service')
  const [, exposure] = /Overall exposure level for bearerd.service: ([\d.]+)/.exec(security) ?? []
  assert.ok(Number(exposure) <= 1.5, `exposure ${exposure}\n${security}`)
}

async function unconfigured(host: Host): Promise<void> {
  await host.must('timeout 30 systemctl enable --now bearerd.target')
  const restarts = async () => Number(await host.property('bearerd.service', 'NRestarts'))
  await waitFor(host, 'what is wrong is said', 'journalctl -u bearerd -o cat | grep -q "nothing is configured yet"')
  const [began, before] = [Date.now(), await restarts()]
  await within(patienceMs, 'three more restarts', async () => (await restarts()) >= before + 3)
  assert.ok(Date.now() - began >= 4000, 'RestartSec=2s is kept to')
  await host.must('systemctl disable --now bearerd.target')
  await host.must('systemctl stop bearerd.service bearerd-*.socket; systemctl reset-failed bearerd.service || true')
  await host.must(nothingRuns)
}

/** The commands of docs/howto/systemd.md, from the installed package to the first login. */
async function configure(host: Host): Promise<void> {
  await host.shown('groupadd --gid 5000 vmail')
  await host.shown(
    'useradd --uid 5000 --gid vmail --no-create-home --home-dir /var/vmail --shell /usr/sbin/nologin vmail',
  )
  await host.shown('install -d -o vmail -g vmail -m 0700 /var/vmail')
  await host.must('systemctl daemon-reload && systemctl enable --now provider')
  await waitFor(host, 'the provider has tokens', `test -e ${providedFile}`)

  host.write('/etc/bearerd/bearerd.toml', bearerdToml())
  host.write('/etc/bearerd/client-secret', introspectors.basic.secret, 0o600)
  const dropIn = '[Service]\nLoadCredential=client-secret:/etc/bearerd/client-secret\n'
  assert.ok(page.includes(dropIn), 'docs/howto/systemd.md shows the credential')
  host.write('/etc/systemd/system/bearerd.service.d/override.conf', dropIn)
  await host.must('systemctl daemon-reload')

  for (const user of ['alice', 'bob', 'carol', 'dora']) await host.must(`bearerd account add ${user}@example.org`)
  await host.shown('bearerd check')
  await host.shown('systemctl enable --now bearerd.target')
  await waitFor(host, 'the daemon is ready', 'systemctl is-active bearerd.service')

  configureDovecot(host)
  configurePostfix(host)
  await host.shown('systemctl restart dovecot postfix')
  assert.match(await imapLogin(host, 'alice@example.org'), /A\d+ OK Logged in/)
}

async function deliver(host: Host): Promise<void> {
  const sent = await mail(host, 'alice@example.org', 'bob@example.org')
  assert.match(sent.stdout, /< 235 2\.7\.0 /)
  assert.equal(sent.code, 0, sent.stdout)
  await waitFor(host, 'the mail is in the mailbox', 'grep -rq "^Subject: test" /var/vmail/example.org/bob/Maildir/new')

  const stranger = await mail(host, 'someone@example.com', 'nobody@example.org', 25)
  assert.match(stranger.stdout, /< 550 5\.1\.1 <nobody@example\.org>/)
  const { code, stdout } = await mail(host, 'someone@example.com', 'bob@example.org', 25)
  assert.equal(code, 0, stdout)
}

/** The daemon is held back until both mail servers run and a login of each is waiting. */
async function bootOrder(host: Host): Promise<void> {
  const hold = '/etc/systemd/system/bearerd.service.d/hold.conf'
  host.write(hold, `[Service]\nExecStartPre=/bin/sh -c 'until test -e /run/go; do sleep 0.1; done'\n`)
  await host.powerOff()
  const postfix = 'systemctl is-active postfix.service && test -S /var/spool/postfix/public/pickup'
  await host.boot(`systemctl is-active dovecot.service && ${postfix} && test -e ${providedFile}`)
  assert.equal(await host.property('bearerd.service', 'ActiveState'), 'activating')

  const ended: string[] = []
  const logins = [imapLogin(host, 'alice@example.org'), mail(host, 'bob@example.org', 'alice@example.org')]
  for (const login of logins) void login.then(() => ended.push('login')).catch(error => ended.push(String(error)))
  for (const path of ['/run/bearerd/auth-client', '/var/spool/postfix/bearerd/sasl'])
    await waitFor(host, `somebody waits at ${path}`, `grep -Eq ' 02 +[0-9]+ ${path}$' /proc/net/unix`)
  assert.deepEqual(ended, [])
  await host.must('touch /run/go')

  const [imap, smtp] = (await Promise.all(logins)) as [string, Result]
  assert.match(imap, /A\d+ OK Logged in/)
  assert.match(smtp.stdout, /< 235 2\.7\.0 /)
  await host.must(`rm ${hold} && systemctl daemon-reload`)
  assert.equal((await host.must('systemctl is-system-running --wait')).trim(), 'running')
}

async function reload(host: Host): Promise<void> {
  const config = bearerdToml()
  const pid = await host.property('bearerd.service', 'MainPID')
  host.write('/etc/bearerd/bearerd.toml', `${config}[log]\nlevel = "debug"\n`)
  await host.shown('systemctl reload bearerd')
  assert.match(await host.must('bearerd log-level'), /^debug$/m)

  host.write('/etc/bearerd/bearerd.toml', `${config}[log]\nlevel = "loud"\n`)
  assert.notEqual((await host.run('systemctl reload bearerd')).code, 0)
  assert.match(await host.must('journalctl -b -u bearerd -p err'), /loud/)
  assert.match(await imapLogin(host, 'bob@example.org'), /A\d+ OK Logged in/)
  const status = JSON.parse((await host.run('bearerd status --json')).stdout) as Status
  assert.notEqual(status.config.refused, undefined)
  assert.equal(status.logLevel, 'debug')

  host.write('/etc/bearerd/bearerd.toml', config)
  await host.must('systemctl kill --kill-whom=main --signal=HUP bearerd.service')
  await waitFor(host, 'SIGHUP reads the configuration', 'bearerd log-level | grep -qx info')
  assert.equal(await host.property('bearerd.service', 'MainPID'), pid)

  await host.must('bearerd account add erin@example.org --alias e@example.org')
  await waitFor(
    host,
    'the account is known',
    'postmap -q e@example.org socketmap:unix:/var/spool/postfix/bearerd/map:alias',
  )
}

/** As docs/howto/systemd.md says of sites without one of the mail servers. */
async function dropListener(host: Host): Promise<void> {
  const config = bearerdToml()
  host.write('/etc/bearerd/bearerd.toml', config.replace(/\[listen\.maps\]\n(.+\n)+/, ''))
  await host.shown('systemctl disable --now bearerd-maps.socket')
  await host.shown('systemctl restart bearerd')
  await waitFor(host, 'the daemon is ready', 'systemctl is-active bearerd.service')
  host.write('/etc/bearerd/bearerd.toml', config)
  await host.shown('systemctl enable bearerd-maps.socket')
  await host.shown('systemctl restart bearerd.service bearerd-maps.socket')
  await waitFor(host, 'maps are answered', lookup)
}

async function priorities(host: Host): Promise<void> {
  const lines = (await host.must('journalctl -b -u bearerd -o json _COMM=MainThread + _COMM=node + _COMM=bearerd'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { MESSAGE: string; PRIORITY: string })
  const wanted: Record<string, string> = { debug: '7', info: '6', warn: '4', error: '3' }
  const levels = new Set<string>()
  for (const { MESSAGE, PRIORITY } of lines) {
    if (!MESSAGE.startsWith('{')) continue
    const { level } = JSON.parse(MESSAGE) as { level: string }
    levels.add(level)
    assert.equal(PRIORITY, wanted[level], MESSAGE)
  }
  assert.ok(levels.has('info') && levels.has('error'), [...levels].join(' '))
}

async function watchdog(host: Host): Promise<void> {
  host.write('/etc/systemd/system/bearerd.service.d/watchdog.conf', '[Service]\nWatchdogSec=3s\n')
  await host.must('systemctl daemon-reload && systemctl restart bearerd')
  const pid = await host.property('bearerd.service', 'MainPID')
  await host.must(`kill -STOP ${pid}`)
  await waitFor(
    host,
    'another daemon runs',
    `systemctl show -p MainPID -p ActiveState bearerd | grep -v '=${pid}$' | grep -c . | grep -qx 2 && systemctl is-active bearerd`,
  )
  assert.match(await host.must('journalctl -b -u bearerd'), /Watchdog timeout/)
  assert.match(await imapLogin(host, 'bob@example.org'), /A\d+ OK Logged in/)
  await host.must(
    'rm /etc/systemd/system/bearerd.service.d/watchdog.conf && systemctl daemon-reload && systemctl restart bearerd',
  )
}

/** Two hundred logins a second while something is done. */
async function underLoad(host: Host, work: () => Promise<void>): Promise<LoadResult> {
  const { 'stranger@example.org': _, ...tokens } = host.provided().tokens
  const order: LoadOrder = { rate: 200, tokens, ports: { imap: 143, smtp: loadPort } }
  host.write('/srv/load.json', JSON.stringify(order))
  const load = host.start('/usr/lib/bearerd/bin/node /repository/test/package/nspawn-load.ts /srv/load.json')
  await seconds(2)
  await work()
  await seconds(2)
  return JSON.parse(await load.end()) as LoadResult
}

const seconds = (count: number) => new Promise(resolve => setTimeout(resolve, count * 1000))

function count(result: LoadResult, answer: 'ok' | 'later' | 'no' | 'silent'): number {
  return result.imap[answer] + result.smtp[answer]
}

async function restartAndUpgrade(host: Host, t: TestContext): Promise<void> {
  const opened = await host.must(`systemctl show --property=ActiveEnterTimestampMonotonic ${sockets.join(' ')}`)
  const result = await underLoad(host, async () => {
    await host.must('systemctl restart bearerd')
    await seconds(3)
    await host.must('apt-get install -y /srv/second.deb')
  })
  t.diagnostic(JSON.stringify(result))
  assert.equal(await host.must('bearerd --version'), `${upgrade}\n`, 'the new version is installed')
  const status = JSON.parse(await host.must('bearerd status --json')) as Status
  assert.equal(status.version, upgrade, 'and runs')
  assert.equal(await host.must(`systemctl show --property=ActiveEnterTimestampMonotonic ${sockets.join(' ')}`), opened)
  assert.deepEqual([count(result, 'no'), count(result, 'silent')], [0, 0], JSON.stringify(result.lines))
  assert.ok(count(result, 'later') < count(result, 'ok') / 20, JSON.stringify(result.lines))
}

async function killed(host: Host, t: TestContext): Promise<void> {
  let began = 0
  let ended = 0
  const result = await underLoad(host, async () => {
    const pid = await host.property('bearerd.service', 'MainPID')
    began = Date.now()
    await host.must(`kill -KILL ${pid} && while kill -0 ${pid} 2> /dev/null; do sleep 0.01; done`)
    ended = Date.now()
    await waitFor(host, 'another daemon runs', 'systemctl is-active bearerd')
  })
  t.diagnostic(JSON.stringify(result))
  const others = result.refused.filter(login => login.began > ended || login.ended < began)
  assert.deepEqual(others, [], 'only logins in flight at that instant fail')
  assert.equal(count(result, 'silent'), 0)
}

/** systemctl doesn't wait for what belongs to the target. */
async function stop(host: Host): Promise<void> {
  await host.shown('systemctl stop bearerd.target')
  await waitFor(host, 'all is stopped', `${nothingRuns} && sleep 2 && ${nothingRuns}`)
  const { stdout } = await host.run(lookup)
  assert.equal(stdout, '', 'and nobody started it again')
  await host.shown('systemctl start bearerd')
  assert.match(await imapLogin(host, 'carol@example.org'), /A\d+ OK Logged in/)
}

async function purge(host: Host, former: ReadonlySet<string>): Promise<void> {
  await host.shown('apt remove bearerd')
  await host.must(nothingRuns)
  await host.must('test -s /etc/bearerd/bearerd.toml && test -s /var/lib/bearerd/accounts.jsonl')
  assert.deepEqual(
    leftOf(host, former).filter(path => path.startsWith('/usr')),
    [],
  )

  await host.shown('apt purge bearerd')
  assert.deepEqual(leftOf(host, former), [
    '/etc/systemd/system/bearerd.service.d',
    '/etc/systemd/system/bearerd.service.d/override.conf',
  ])
  await host.must('apt-get install -y /srv/second.deb && bearerd --version && test -e /etc/bearerd/bearerd.toml')
  assert.equal((await host.run('systemctl is-enabled bearerd.target')).stdout, 'disabled\n')
}

/** What is there of bearerd that wasn't; of the rest, what is in folders that only packages and administrators write to. */
function leftOf(host: Host, former: ReadonlySet<string>): string[] {
  const ours =
    /^\/etc\/(dovecot|postfix|systemd\/system\/(provider|multi-user\.target\.wants\/provider)|passwd-|group-|shadow-|gshadow-|subuid-|subgid-)/
  return [...paths(host)]
    .filter(path => !former.has(path) && !ours.test(path))
    .filter(path => path.includes('bearerd') || /^\/(usr|etc|opt)\//.test(path))
    .sort()
}
