/**
 * The units of systemd/, held against the listeners of docs/howto: same names, paths, groups and modes; the target that
 * ties them together, the user and the folders they need. Where there is systemd, its own opinion of all that.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { parseToml } from '../../src/toml.ts'

type Unit = ReadonlyMap<string, string>
type Listener = { readonly protocol: string; readonly path: string; readonly group?: string; readonly mode?: string }

const unitNames = readdirSync('systemd')
  .filter(name => !name.endsWith('.conf'))
  .sort()
const units = new Map(unitNames.map(name => [name, readUnit(join('systemd', name))]))
const sockets = [...units].filter(([name]) => name.endsWith('.socket'))
const service = units.get('bearerd.service') ?? new Map()
const target = units.get('bearerd.target') ?? new Map()
const listeners = new Map(['dovecot', 'postfix'].flatMap(page => readListeners(`docs/howto/${page}.md`)))

/** Keys without their sections: no key of ours is in two of them. */
function readUnit(file: string): Unit {
  return new Map(
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(line => /^\w+=/.test(line))
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

/** Every [listen.NAME] in the TOML blocks of a page. */
function readListeners(page: string): [string, Listener][] {
  const blocks = [...readFileSync(page, 'utf8').matchAll(/^```toml\n(.*?)^```$/gms)].map(([, text = '']) => text)
  return blocks.flatMap(text => {
    const toml = parseToml(text)
    assert.ok(toml.ok, `${page} has a TOML block that can't be parsed`)
    return Object.entries((toml.value.listen ?? {}) as Record<string, Listener>)
  })
}

test('the complete example of docs/reference/configuration.md has the same sockets', () => {
  const example = new Map(readListeners('docs/reference/configuration.md'))
  const places = (all: ReadonlyMap<string, Listener>) =>
    [...all].map(([name, { protocol, path, group }]) => ({ name, protocol, path, group }))
  assert.deepEqual(places(example), places(listeners))
})

test('there is a socket unit for every listener that the documents show, under its name', () => {
  const names = sockets.map(([, unit]) => unit.get('FileDescriptorName') ?? '')
  assert.deepEqual(names.sort(), [...listeners.keys()].sort())
})

for (const [name, unit] of sockets)
  test(`${name} is the listener's socket, with its owner`, () => {
    const listener = listeners.get(unit.get('FileDescriptorName') ?? '')
    assert.equal(name, `bearerd-${unit.get('FileDescriptorName')}.socket`)
    assert.equal(unit.get('ListenStream'), listener?.path)
    assert.equal(unit.get('SocketUser'), 'root')
    assert.equal(unit.get('SocketGroup'), listener?.group ?? 'root')
    assert.equal(unit.get('SocketMode'), listener?.mode ?? (listener?.protocol === 'dovecot-master' ? '0600' : '0660'))
    assert.equal(unit.get('Service'), 'bearerd.service')
    assert.equal(unit.get('RemoveOnStop'), 'no')
    const server = listener?.protocol.startsWith('dovecot') ? 'dovecot' : 'postfix'
    assert.ok(unit.get('Before')?.split(' ').includes(`${server}.service`), `not before ${server}.service`)
    // Its group comes with the mail server: without one, the unit is skipped instead of failing.
    assert.equal(unit.get('ConditionPathExists'), `/usr/sbin/${server}`)
  })

test('the target is enabled, started and stopped with all but the policy socket, which few need', () => {
  const also = target.get('Also')?.split(' ') ?? []
  const wanted = unitNames.filter(name => !['bearerd.target', 'bearerd-policy.socket'].includes(name))
  assert.deepEqual([...also].sort(), wanted)
  assert.equal(target.get('WantedBy'), 'multi-user.target')
  for (const [name, unit] of units)
    if (name !== 'bearerd.target') {
      assert.equal(unit.get('WantedBy'), 'bearerd.target', name)
      // Of the service a socket must not be a part: a restart would close it.
      assert.equal(unit.get('PartOf'), 'bearerd.target', name)
    }
})

test('the service tells systemd of its readiness and its reload, and holds its peace about /run/bearerd', () => {
  assert.equal(service.get('Type'), 'notify')
  assert.equal(service.get('NotifyAccess'), 'all')
  // Unlike a signal it fails when the new configuration is refused.
  assert.equal(service.get('ExecReload'), service.get('ExecStart').replace(' serve ', ' reload '))
  // systemd would give the sockets of the socket units in there to the service's user, and remove them when it stops.
  assert.equal(service.get('RuntimeDirectory'), undefined)
  // V8 writes the code that it runs.
  assert.notEqual(service.get('MemoryDenyWriteExecute'), 'yes')
})

test('the service restarts for ever, since servers wait for the socket of a failed unit', () => {
  assert.equal(service.get('Restart'), 'always')
  assert.equal(service.get('StartLimitIntervalSec'), '0')
})

test('without an error number for refused system calls Node would be killed', () => {
  const text = readFileSync('systemd/bearerd.service', 'utf8')
  assert.match(text, /^SystemCallFilter=@system-service$/m)
  assert.equal(service.get('SystemCallErrorNumber'), 'EPERM')
})

test('docs/howto/systemd.md tells of every unit', () => {
  const page = readFileSync('docs/howto/systemd.md', 'utf8')
  for (const name of unitNames) assert.ok(page.includes(name), `${name} is missing`)
})

const systemd = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' })

const skip = systemd.status !== 0 && 'no systemd-analyze here'

test('systemd-analyze gives the service an exposure of 1.5 or less', { skip }, () => {
  const args = ['security', '--offline=true', '--no-pager', '--threshold=15', 'systemd/bearerd.service']
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
})

test('systemd makes user and folders, which only who needs them can enter', { skip }, t => {
  const root = mkdtempSync(join(tmpdir(), 'bearerd-root-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const folder of ['etc', 'var', 'run']) mkdirSync(join(root, folder))
  const run = (command: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(command, [`--root=${root}`, ...args], { encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
  }
  run('systemd-sysusers', join(process.cwd(), 'systemd/sysusers.conf'))
  const user = readFileSync(join(root, 'etc/passwd'), 'utf8').match(/^bearerd:x:(\d+):(\d+):.*:(.+):(.+)$/m)
  assert.deepEqual(user?.slice(3), ['/var/lib/bearerd', '/usr/sbin/nologin'])
  if (process.getuid?.() !== 0) return
  run('systemd-tmpfiles', '--create', join(process.cwd(), 'systemd/tmpfiles.conf'))
  const folders = ['var/lib/bearerd', 'etc/bearerd', 'run/bearerd'].map(folder => {
    const { mode, uid, gid } = statSync(join(root, folder))
    return `${(mode & 0o7777).toString(8)} ${uid} ${gid}`
  })
  const [uid, gid] = user?.slice(1) ?? []
  assert.deepEqual(folders, [`700 ${uid} ${gid}`, `750 0 ${gid}`, '755 0 0'])
})

test('systemd-analyze verify has nothing to say', { skip }, t => {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-units-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const name of unitNames) copyFileSync(join('systemd', name), join(folder, name))
  // bearerd is not installed here; a program that exists stands for it.
  const unit = readFileSync(join('systemd', 'bearerd.service'), 'utf8').replaceAll('/usr/bin/bearerd', '/bin/true')
  writeFileSync(join(folder, 'bearerd.service'), unit)

  const verify = () =>
    spawnSync('systemd-analyze', ['verify', '--man=no', ...unitNames.map(name => join(folder, name))], {
      encoding: 'utf8',
    })
  const { status, stderr } = verify()
  const complaints = stderr.split('\n').filter(line => line.includes('bearerd'))
  assert.deepEqual(complaints, [])
  assert.equal(status, 0, stderr)

  writeFileSync(join(folder, 'bearerd.service'), unit.replace('Restart=always', 'Restart=sometimes'))
  assert.match(verify().stderr, /bearerd\.service:\d+: .*sometimes/, 'a mistake would have been seen')
})
