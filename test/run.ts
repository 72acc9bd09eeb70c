/**
 * The test command. `npm test`: everything fast (unit, property, dialogs). `npm run test:all`: also what happens when
 * writers are killed and disks are full, and the tests against a real provider, and real Dovecot, Postfix and clients;
 * `-- --install` lets it install the Debian packages they need.
 *
 * What can't be run is left out by name, and the last lines say so.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mayMount } from './support/mount.ts'

const all = process.argv.includes('--all')
const install = process.argv.includes('--install')

const fast = ['unit', 'property', 'dialogs']
const slow = ['durability', 'provider', 'interop']

/** Debian package → a file by which its presence is known. */
const packages: Record<string, string> = {
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

/** Folders whose tests share a process or two, by way of these files. */
const together: Record<string, readonly string[]> = {
  unit: ['test/unit-1.ts', 'test/unit-2.ts'],
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

function missingPackages(): string[] {
  return Object.entries(packages)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name)
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

type LeftOut = { readonly why: string; readonly files: readonly string[] }

/** What of these files this machine can't run. */
function findImpossible(files: readonly string[]): LeftOut[] {
  const isRoot = process.getuid?.() === 0
  const missing = missingPackages()
  if (missing.length > 0 && install) installPackages(missing)
  const still = missingPackages()
  const packagesMissing = `missing Debian packages: ${still.join(' ')}${install ? '' : '; "-- --install" installs them'}`
  const reasons: [prefix: string, why: string | false][] = [
    ['test/interop/', (still.length > 0 && packagesMissing) || (!isRoot && 'Postfix and Dovecot start as root only')],
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

const result = spawnSync(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-reporter=spec', '--test-timeout=600000', '--test-concurrency=2', ...files],
  { stdio: 'inherit' },
)

for (const { why, files } of leftOut) {
  console.log(`\nLeft out (${why}):`)
  for (const file of files) console.log([file, ...titlesIn(file)].join('\n    '))
}
// In CI nothing may be left out unnoticed.
process.exit(leftOut.length > 0 && process.env.CI !== undefined ? 1 : (result.status ?? 1))
