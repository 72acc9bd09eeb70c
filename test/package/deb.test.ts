/**
 * The .deb itself, without installing it: the same bytes wherever it is built, what is in it, what its texts promise, and
 * that its Node and its modules need nothing else of the machine.
 *
 * Needs dpkg-deb, and npm's registry or cache. nspawn.test.ts installs it.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run as build } from '../../packaging/run.ts'
import { parseEntry } from '../support/daemon.ts'
import { must, run, startServer } from '../support/process.ts'
import { startProvider } from '../support/provider.ts'

const folder = mkdtempSync('/tmp/bearerd-') // Short: a socket's path has 107 bytes.
after(() => rmSync(folder, { recursive: true, force: true }))
const date = 1_700_000_000
const checkout = join(folder, 'a copy of the checkout')
const tree = join(folder, 'tree')
const lib = join(tree, 'usr/lib/bearerd')
const doc = join(tree, 'usr/share/doc/bearerd')
let deb = ''
let files: string[] = []

before(async () => {
  copyCheckout(checkout)
  deb = await buildIn(checkout, join(folder, 'here'))
  await must('dpkg-deb', '-x', deb, tree)
  files = readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(tree.length))
})

/** What is built from, as it is at this moment. */
function copyCheckout(to: string): void {
  mkdirSync(to)
  const folders = ['src', 'packaging', 'systemd', 'docs']
  for (const name of readdirSync('.'))
    if (folders.includes(name) || /^LICENSE$|^\.npmrc$|\.(?:json|md)$/.test(name))
      cpSync(name, join(to, name), { recursive: true })
  symlinkSync(join(process.cwd(), 'node_modules'), join(to, 'node_modules'))
}

async function buildIn(source: string, out: string, umask = '022', zone = 'UTC'): Promise<string> {
  const script = `umask ${umask}; exec ${process.execPath} --import tsx packaging/build.ts --arch amd64 --out '${out}'`
  const env = { SOURCE_DATE_EPOCH: String(date), TZ: zone }
  return (await build('sh', ['-c', script], { cwd: source, env })).trim()
}

test('the same bytes, built in another folder, with another umask and time zone', async () => {
  const copy = join(folder, 'another copy')
  cpSync(checkout, copy, { recursive: true, verbatimSymlinks: true })
  const other = await buildIn(copy, join(folder, 'there'), '077', 'Pacific/Auckland')
  for (const part of ['control', 'md5sums'])
    assert.equal(await must('dpkg-deb', '-I', other, part), await must('dpkg-deb', '-I', deb, part))
  assert.equal(await must('dpkg-deb', '-c', other), await must('dpkg-deb', '-c', deb))
  assert.equal(sha256(other), sha256(deb))
})

test('the control file', async () => {
  const field = (name: string) => must('dpkg-deb', '-f', deb, name).then(text => text.trim())
  assert.equal(await field('Architecture'), 'amd64')
  // The oldest that Debian 12, Debian 13, Ubuntu 22.04 and 24.04 have: 2.35, 12 and 12.
  assert.equal(
    await field('Depends'),
    'libc6 (>= 2.28), libgcc-s1 (>= 4.2), libstdc++6 (>= 5), systemd | systemd-standalone-sysusers | systemd-sysusers, systemd | systemd-standalone-tmpfiles | systemd-tmpfiles',
  )
  assert.equal((await must('dpkg-deb', '-I', deb, 'conffiles')).trim(), '/etc/bearerd/bearerd.toml')
  const sums = (await must('dpkg-deb', '-I', deb, 'md5sums')).trimEnd().split('\n')
  assert.equal(sums.length, files.length - 1)
})

test('every file belongs to root, and is of the date of the source', async () => {
  const lines = (await must('env', 'TZ=UTC', 'dpkg-deb', '-c', deb)).trimEnd().split('\n')
  assert.deepEqual(
    lines.filter(line => !/^(?:d|-)rw[x-]r-[x-]r-[x-] root\/root +\d+ 2023-11-14 22:13 /.test(line)),
    [],
  )
  assert.deepEqual(
    lines.filter(line => line.startsWith('-rwx')).map(line => line.split(' ').at(-1)),
    ['./usr/bin/bearerd', './usr/lib/bearerd/bin/node'],
  )
})

test('nothing of development, no compiled addon, and no path of who built it', () => {
  assert.deepEqual(
    files.filter(file => /\.(?:node|ts|mts|cts|map|so)$|\/(?:test|\.bin)\/|package-lock/.test(file)),
    [],
  )
  const texts = files.filter(file => !/\/bin\/node$|\.(?:gz|wasm)$/.test(file))
  const named = texts.filter(file => readFileSync(join(tree, file), 'utf8').includes(folder))
  assert.deepEqual(named, [])
})

test('the scripts know every unit, and are valid', async () => {
  const units = readdirSync(join(tree, 'usr/lib/systemd/system')).sort()
  assert.ok(units.includes('bearerd.service') && units.includes('bearerd.target'))
  for (const name of ['postinst', 'prerm', 'postrm']) {
    const script = await must('dpkg-deb', '-I', deb, name)
    const named = new Set(script.match(/\bbearerd[a-z-]*\.(?:service|socket|target)\b/g))
    assert.deepEqual([...named].sort(), units, name)
    const file = join(folder, name)
    writeFileSync(file, script)
    await must('sh', '-n', file)
  }
})

test('every npm package has a licence, in the copyright file too', () => {
  const copyright = readFileSync(join(doc, 'copyright'), 'utf8')
  assert.match(copyright, /^Format: https:\/\/www\.debian\.org\/doc\/packaging-manuals\/copyright-format\/1\.0\/$/m)
  assert.match(copyright, /^Files: usr\/lib\/bearerd\/bin\/node$/m)
  const packages = files.flatMap(
    file => /(\/usr\/lib\/bearerd\/node_modules\/(?:.*\/)?)package\.json$/.exec(file)?.[1] ?? [],
  )
  const real = packages.filter(path => /\/node_modules\/(?:@[^/]+\/)?[^/]+\/$/.test(path))
  assert.ok(real.length > 50)
  for (const path of real) {
    assert.ok(copyright.includes(`Files: ${path.slice(1)}*\n`), path)
    assert.ok(
      readdirSync(join(tree, path)).some(name => /^licen[cs]e/i.test(name)),
      path,
    )
  }
})

test('man pages, completion, the example and the documents that they name', () => {
  const wanted = [
    'man/man8/bearerd.8.gz',
    'man/man8/bearerd-app-password.8.gz',
    'man/man5/bearerd.toml.5.gz',
    'man/man5/bearerd-accounts.5.gz',
    'bash-completion/completions/bearerd',
    'zsh/vendor-completions/_bearerd',
    'doc/bearerd/changelog.gz',
    'doc/bearerd/examples/bearerd.toml',
  ]
  for (const name of wanted) assert.ok(existsSync(join(tree, 'usr/share', name)), name)
  const template = readFileSync(join(tree, 'etc/bearerd/bearerd.toml'), 'utf8')
  const documents = template.match(/\/usr\/share\/doc\/\S+/g) ?? []
  assert.equal(documents.length, 2)
  for (const path of documents) assert.ok(existsSync(join(tree, path)), path)
})

test('Node as the package has it, with nothing else in the path', async () => {
  const bearerd = (...args: string[]) =>
    run(join(lib, 'bin/node'), [join(lib, 'dist/main.js'), ...args], '', { PATH: '/nonexistent' })
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  assert.equal((await bearerd('--version')).stdout.trim(), version)
  const { code, stdout } = await bearerd('check', '--config', join(tree, 'etc/bearerd/bearerd.toml'))
  assert.match(stdout, /error: nothing is configured yet/)
  assert.equal(code, 78)
})

/**
 * What an upgrade does between the new files and the restart, and more: not one file is left. Only a thread that checks
 * an imported hash needs files then, and who waits for it is told to come back.
 */
test('a daemon whose files are gone goes on', async t => {
  const provider = await startProvider()
  t.after(provider.stop)
  const running = join(folder, 'running')
  await must('cp', '-al', lib, running)
  const config = join(folder, 'bearerd.toml')
  const good = [
    'state-dir = "state"',
    'accounts.files = ["accounts.jsonl"]',
    'accounts.unknown = "create"',
    'accounts.create.domains = ["example.org"]',
    'accounts.defaults = { uid = "5000", gid = "5000", home = "/var/vmail/{domain}/{local}" }',
    'app-passwords = { enabled = true, failure-delay = "20ms" }',
    'listen.imap = { protocol = "dovecot-auth", path = "auth" }',
    `directory.main = { issuer = "${provider.issuer}", endpoint.method = "jwt", require.audience = "mail" }`,
    'log = { format = "json", level = "debug" }',
  ].join('\n')
  writeFileSync(config, good)
  writeFileSync(join(folder, 'accounts.jsonl'), '')
  mkdirSync(join(folder, 'state'), { mode: 0o700 })
  chmodSync(folder, 0o755)
  const daemon = startServer(join(running, 'bin/node'), [join(running, 'dist/main.js'), 'serve', '--config', config])
  t.after(() => daemon.stop())
  const event = (name: string) => (line: string) => parseEntry(line)?.event === name
  await daemon.line('preloaded', event('preloaded'))
  const command = (args: string[], input = '') =>
    run(join(lib, 'bin/node'), [join(lib, 'dist/main.js'), ...args], input)
  const login = async (mech: string, secret: string) => {
    const socket = ['--socket', join(folder, 'auth')]
    const { code } = await command(['auth-test', ...socket, '--mech', mech, '--user', 'alice@example.org'], secret)
    return code
  }
  renameSync(running, `${running}.gone`)

  assert.equal(await login('OAUTHBEARER', await provider.accessJwt('alice@example.org')), 0, daemon.output())
  const made = daemon.nextLine('passwords_loaded', event('passwords_loaded'))
  const created = await command(['app-password', 'create', 'alice@example.org', '--label', 'phone', '--config', config])
  assert.equal(created.code, 0, created.stderr)
  await made
  assert.equal(await login('PLAIN', created.stdout.trim()), 0, daemon.output())
  const refused = daemon.nextLine('config_refused', event('config_refused'))
  writeFileSync(config, good.replace('"dovecot-auth"', '"dovecot"'))
  daemon.signal('SIGHUP')
  assert.equal(parseEntry(await refused)?.line, 7)
  await daemon.stop()
  assert.doesNotMatch(daemon.output(), /ERR_MODULE_NOT_FOUND|"event":"fault"/)
})

function sha256(file: string): string {
  assert.ok(statSync(file).size > 10_000_000)
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
