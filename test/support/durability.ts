/** What a writer may leave behind, and what not. */
import assert from 'node:assert/strict'
import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { withLock } from '../../src/accounts/lock.ts'

/** The next writer of each file finds its way, and clears away what a killed one has left. */
export async function assertClean(folder: string, files: readonly string[]): Promise<void> {
  for (const file of files) {
    await age(join(folder, `${file}.lock`))
    await withLock(join(folder, file), async () => {})
  }
  assert.deepEqual(
    (await readdir(folder)).filter(name => /\.(?:lock|new)/.test(name)),
    [],
  )
}

/** As if the lock's holder had been killed, or asleep, for a minute. */
export async function age(lock: string): Promise<void> {
  const longAgo = new Date(Date.now() - 60_000)
  await utimes(lock, longAgo, longAgo).catch(() => {})
}
