/** A small file system of its own, in memory, for a test. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { must } from './process.ts'

export type Mounted = {
  readonly folder: string
  /** Other options, such as `ro` or another size. */
  remount(options: string): Promise<void>
}

/** Root in a container often may not. */
export const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0

export async function mountSmall(t: TestContext, options: string): Promise<Mounted> {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-mount-'))
  await must('mount', '-t', 'tmpfs', '-o', options, 'bearerd-test', folder)
  t.after(async () => {
    await must('umount', folder)
    rmdirSync(folder)
  })
  return {
    folder,
    remount: async given => {
      await must('mount', '-o', `remount,${given}`, folder)
    },
  }
}
