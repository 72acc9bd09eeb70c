/**
 * Control groups: one of a container's own, in each hierarchy that systemd uses (the unified one, alone or beside its old
 * one). systemd-nspawn is told to keep to the group that it is started in.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { within } from './nspawn-process.ts'

const root = '/sys/fs/cgroup'

/** Where groups can be made; none where this process may not. */
export function hierarchies(): string[] {
  const roots = existsSync(join(root, 'cgroup.procs')) ? [root] : [join(root, 'unified'), join(root, 'systemd')]
  return roots.filter(folder => existsSync(join(folder, 'cgroup.procs')))
}

export type ControlGroup = {
  /** The process enters the group before it becomes the command, so that nothing is left outside. */
  spawn(command: string, args: readonly string[], variables: NodeJS.ProcessEnv): ChildProcess
  /** Waits until the last process has left. */
  remove(): Promise<void>
  /** The same, for the end of this process. */
  removeNow(): void
}

export function createControlGroup(name: string): ControlGroup {
  const folders = hierarchies().map(folder => join(folder, name))
  for (const folder of folders) mkdirSync(folder, { recursive: true })
  return {
    spawn(command, args, variables) {
      const enter = folders.map(folder => `echo $$ > ${folder}/cgroup.procs`).join(' && ')
      const script = `${enter} && exec "$@"`
      const env = { ...process.env, ...variables }
      return spawn('sh', ['-c', script, 'sh', command, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    },
    async remove() {
      for (const folder of folders) await within(20_000, `${folder} is empty`, () => removeFolder(folder))
    },
    removeNow() {
      const still = new Int32Array(new SharedArrayBuffer(4))
      for (let tries = 20; tries > 0 && !folders.every(removeFolder); tries--) Atomics.wait(still, 0, 0, 100)
    },
  }
}

/** Depth first. False while a process in it has still to end. */
function removeFolder(folder: string): boolean {
  try {
    if (!existsSync(folder)) return true
    const below = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory())
    if (!below.every(({ name }) => removeFolder(join(folder, name)))) return false
    rmdirSync(folder)
    return true
  } catch {
    return false
  }
}
