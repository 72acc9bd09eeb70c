/**
 * Container: a Debian of its own, booted by systemd-nspawn(1) from a tree that debootstrap(8) has made, with a network of
 * its own (loopback only) and the repository read-only at /repository. What runs inside is started by nsenter(1), for
 * there may be no systemd here that knows of containers. The tree is on a disk: dpkg and journald want one.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { outcome, type Result } from '../support/process.ts'
import { createControlGroup } from './nspawn-cgroup.ts'
import { within } from './nspawn-process.ts'

export type Release = 'bookworm' | 'trixie'

/** A mail host's, and what the tests need; dbus is how systemctl waits. */
const packages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'ca-certificates', 'curl'],
  ...['postfix', 'dovecot-imapd', 'dovecot-pop3d', 'dovecot-lmtpd'],
]

const repository = resolve(import.meta.dirname, '../..')
const bootMs = 120_000

// The test runner ends a file that takes too long by SIGTERM: "exit" cleans up then too.
process.once('SIGTERM', () => process.exit(143))

export type Container = {
  readonly release: Release
  /** Where its files are, booted or not. */
  readonly tree: string
  /** Until a command inside succeeds; by default, until everything that starts at the boot has started. */
  boot(ready?: string): Promise<void>
  /** Shuts it down in an orderly way. */
  powerOff(): Promise<void>
  /** A shell command inside. Whatever its exit status, the result is returned. */
  run(command: string): Promise<Result>
  /** The output of one that must succeed. */
  must(command: string): Promise<string>
  /** Starts one that goes on until its input ends; `end` ends that, and waits for its output. */
  start(command: string): { readonly end: () => Promise<string> }
  write(path: string, text: string, mode?: number): void
  read(path: string): string
  /** What its journal has since then, by Date.now(). Also of one that doesn't run any more. */
  journal(since: number): Promise<string>
  /** Kills what runs, and removes everything. */
  remove(): Promise<void>
}

/** Makes the tree. Nothing runs yet. */
export async function createContainer(release: Release): Promise<Container> {
  const folder = mkdtempSync('/var/tmp/bearerd-nspawn-')
  const tree = join(folder, release)
  const machine = createMachine(release, tree)
  const files = createFiles(tree)
  const removeNow = (): void => {
    machine.removeNow()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  process.on('exit', removeNow)
  const remove = async (): Promise<void> => {
    await machine.kill()
    removeNow()
    process.off('exit', removeNow)
  }
  try {
    await debootstrap(release, tree)
  } catch (error) {
    await remove()
    throw error
  }
  // journald keeps its journal on the disk where this folder is.
  mkdirSync(join(tree, 'var/log/journal'), { recursive: true })
  // Nothing but the test may happen.
  for (const name of ['apt-daily', 'apt-daily-upgrade', 'dpkg-db-backup', 'e2scrub_all', 'fstrim'])
    files.write(`/etc/systemd/system/${name}.timer.d/never.conf`, '[Unit]\nConditionPathExists=/nonexistent\n')

  const { boot, powerOff, enter } = machine
  const run = (command: string): Promise<Result> => outcome(enter(command), '')
  return {
    ...{ release, tree, boot, powerOff, run, remove, ...files },
    must: async command => succeeded(release, command, await run(command)),
    start(command) {
      const child = enter(command)
      const ended = outcome(child)
      ended.catch(() => {}) // `end` tells.
      return {
        async end() {
          child.stdin?.end()
          return succeeded(release, command, await ended)
        },
      }
    },
    async journal(since) {
      const from = `--since=@${Math.floor(since / 1000)}`
      const args = ['-D', join(tree, 'var/log/journal'), from, '--no-pager', '-o', 'short-precise']
      return (await outcome(spawn('journalctl', args), '')).stdout
    },
  }
}

/** unsafe-io: no fsync for every file of a tree that is thrown away. */
async function debootstrap(release: Release, tree: string): Promise<void> {
  const args = ['--variant=minbase', `--include=${packages.join(',')}`, release, tree]
  const env = { ...process.env, DPKG_FORCE: 'unsafe-io', LC_ALL: 'C.UTF-8' }
  const { code, stdout } = await outcome(spawn('debootstrap', args, { env }), '')
  if (code === 0) return
  const log = join(tree, 'debootstrap/debootstrap.log')
  const more = existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(-30).join('\n') : ''
  throw new Error(`debootstrap ${release}: exit status ${code}\n${stdout.slice(-2000)}${more}`)
}

function createMachine(release: Release, tree: string) {
  const name = `bearerd-nspawn-${process.pid}-${release}`
  const group = createControlGroup(name)
  let nspawn: ChildProcess | undefined
  let leader: number | undefined
  const ended = (): boolean => nspawn === undefined || nspawn.exitCode !== null || nspawn.signalCode !== null

  function enter(command: string): ChildProcess {
    const variables = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8', 'SYSTEMD_COLORS=0']
    return spawn('nsenter', ['-t', String(leader), '-a', 'env', '-i', ...variables, 'sh', '-c', command])
  }

  /** With its first process everything in the container ends, but not with nspawn. */
  function killNow(): void {
    if (leader !== undefined && !ended()) process.kill(leader, 'SIGKILL')
    nspawn?.kill('SIGKILL')
  }
  return {
    async boot(ready = 'systemctl is-system-running --wait | grep -qE "running|degraded"'): Promise<void> {
      const host = ['--private-network', '--register=no', '--keep-unit', `--bind-ro=${repository}:/repository`]
      const args = ['--boot', ...host, '-D', tree, '-M', name, '--console=pipe']
      nspawn = group.spawn('systemd-nspawn', args, { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' })
      const output = outcome(nspawn)
      await within(bootMs, `${release} boots`, async () => {
        if (ended()) throw new Error(`systemd-nspawn: ${JSON.stringify(await output)}`)
        leader ??= firstProcess(nspawn?.pid)
        return leader !== undefined && (await outcome(enter(ready), '')).code === 0
      })
    },

    async powerOff(): Promise<void> {
      await outcome(enter('systemctl poweroff'), '')
      await within(bootMs, `${release} shuts down`, ended)
      leader = undefined
    },

    enter,
    removeNow(): void {
      killNow()
      group.removeNow()
    },

    async kill(): Promise<void> {
      killNow()
      await within(bootMs, `${release} is killed`, ended)
      await group.remove()
    },
  }
}

function createFiles(tree: string) {
  return {
    write(path: string, text: string, mode = 0o644): void {
      const file = join(tree, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text, { mode })
    },
    read: (path: string): string => readFileSync(join(tree, path), 'utf8'),
  }
}

function succeeded(release: Release, command: string, { code, stdout, stderr }: Result): string {
  if (code !== 0) throw new Error(`${release}: ${command}: exit status ${code}\n${stdout}${stderr}`)
  return stdout
}

/** The child of nspawn that is the first process of a namespace: before it there is another for an instant. */
function firstProcess(nspawn: number | undefined): number | undefined {
  const children = readFileSync(`/proc/${nspawn}/task/${nspawn}/children`, 'utf8').trim().split(' ')
  const isFirst = (pid: string) => pid !== '' && /^NSpid:\t\d+\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  const found = children.find(isFirst)
  return found === undefined ? undefined : Number(found)
}
