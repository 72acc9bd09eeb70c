/**
 * The test command. `npm test`: everything fast (unit, property, dialogs). `npm run test:all`: also what happens when
 * writers are killed and disks are full, the tests against a real provider, and real Dovecot, Postfix and clients, and the
 * package on a Debian 12 and 13 in containers; `-- --install` lets it install the Debian packages they need.
 *
 * What can't be run is left out by name, and the last lines say so.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hierarchies } from './package/nspawn-cgroup.ts'
import { mayMount } from './support/mount.ts'

const all = process.argv.includes('--all')
const install = process.argv.includes('--install')

const fast = ['unit', 'property', 'dialogs']
const slow = ['durability', 'provider', 'interop', 'package']

/** Debian package → a file by which its presence is known. */
type Packages = Readonly<Record<string, string>>

const mailPackages: Packages = {
  'dovecot-imapd': '/usr/lib/dovecot/imap',
  'dovecot-pop3d': '/usr/lib/dovecot/pop3',
  'dovecot-lmtpd': '/usr/lib/dovecot/lmtp',
  'dovecot-submissiond': '/usr/lib/dovecot/submission',
  postfix: '/usr/sbin/postfix',
  curl: '/usr/bin/curl',
  msmtp: '/usr/bin/msmtp',
  swaks: '/usr/bin/swaks',
  // For the TLS of swaks.
  'libnet-ssleay-perl': '/usr/share/doc/libnet-ssleay-perl',
}

const containerPackages: Packages = {
  debootstrap: '/usr/sbin/debootstrap',
  'systemd-container': '/usr/bin/systemd-nspawn',
  lintian: '/usr/bin/lintian',
}

/** What man pages and completion are looked at with; without it, these tests skip what they can't do. */
const pagePackages: Packages = { mandoc: '/usr/bin/mandoc', 'man-db': '/usr/bin/lexgrog', zsh: '/usr/bin/zsh' }

/** Folders whose tests share a few processes, by way of these files. */
const together: Record<string, readonly string[]> = {
  unit: ['test/unit-1.ts', 'test/unit-2.ts', 'test/unit-3.ts'],
  property: ['test/property.ts'],
  dialogs: ['test/dialogs.ts'],
}

function filesIn(folder: string): string[] {
  const all = together[folder]
  if (all !== undefined) return [...all]
  const root = join('test', folder)
  if (!existsSync(root)) return []
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts'))
    .map(name => join(root, name))
    .sort()
}

/** What the tests of a file are called, as they stand in its text. */
function titlesIn(file: string): string[] {
  const calls = readFileSync(file, 'utf8').matchAll(/\b(?:it|test)\(\s*(['"`])(.+?)\1,/g)
  return [...calls].map(([, , title]) => title ?? '')
}

function missing(packages: Packages): string[] {
  return Object.entries(packages)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name)
}

/** Why these can't be had, if they can't. */
function reasonOf(packages: Packages): string | false {
  const names = missing(packages)
  return (
    names.length > 0 && `missing Debian packages: ${names.join(' ')}${install ? '' : '; "-- --install" installs them'}`
  )
}

function installPackages(names: string[]): void {
  console.log(`Installing Debian packages: ${names.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...names],
  ]) {
    const { error, status } = spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env })
    if (error !== undefined || status !== 0) {
      console.log(`apt-get ${args[0]} failed (${error?.message ?? `exit ${status}`})`)
      return
    }
  }
}

function noContainers(): string | false {
  const namespaces = ['--mount', '--pid', '--net', '--ipc', '--uts', '--fork', 'true']
  if (spawnSync('unshare', namespaces).status !== 0) return 'namespaces are not permitted'
  if (hierarchies().length === 0) return 'there are no control groups'
  return hierarchies().every(isWritable) ? false : 'control groups are read-only'
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

type LeftOut = { readonly why: string; readonly files: readonly string[] }

/** What of these files this machine can't run. */
function findImpossible(files: readonly string[]): LeftOut[] {
  const isRoot = process.getuid?.() === 0
  const wanted = missing({ ...mailPackages, ...containerPackages, ...pagePackages })
  if (wanted.length > 0 && install) installPackages(wanted)
  const reasons: [prefix: string, why: string | false][] = [
    ['test/interop/', reasonOf(mailPackages) || (!isRoot && 'Postfix and Dovecot start as root only')],
    [
      'test/package/nspawn',
      reasonOf(containerPackages) || (!isRoot && 'only root starts containers') || noContainers(),
    ],
    ['test/durability/users', !isRoot && 'only root can play two users'],
    ['test/durability/file-system', !mayMount && 'mounting a small file system is not permitted'],
  ]
  return reasons.flatMap(([prefix, why]) =>
    why === false ? [] : [{ why, files: files.filter(file => file.startsWith(prefix)) }],
  )
}

const wanted = (all ? [...fast, ...slow] : fast).flatMap(filesIn)
const leftOut = all ? findImpossible(wanted) : []
const files = wanted.filter(file => !leftOut.some(group => group.files.includes(file)))

if (all) {
  const build = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' })
  if (build.status !== 0) process.exit(1)
}

// The fast ones wait for much, and need two processors only now and then.
const concurrency = all ? 2 : 4

const result = spawnSync(
  process.execPath,
  [
    '--import',
    'tsx',
    '--test',
    '--test-reporter=spec',
    '--test-timeout=900000',
    `--test-concurrency=${concurrency}`,
    ...files,
  ],
  { stdio: 'inherit' },
)

for (const { why, files } of leftOut) {
  console.log(`\nLeft out (${why}):`)
  for (const file of files) console.log([file, ...titlesIn(file)].join('\n    '))
}
// In CI nothing may be left out unnoticed.
process.exit(leftOut.length > 0 && process.env.CI !== undefined ? 1 : (result.status ?? 1))
