/** What a writer may leave behind, and what not. */
import assert from 'node:assert/strict'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withLock } from '../../src/accounts/lock.ts'
import type { Program } from './faulty.ts'

/** A command on files of its own, and one directory. `files`: name → content, in the state directory. */
export async function prepareCommand(
  folder: string,
  args: readonly string[],
  { files, directory }: { readonly files: Readonly<Record<string, string>>; readonly directory: string },
): Promise<Program> {
  const state = join(folder, 'state')
  await mkdir(state)
  for (const [name, content] of Object.entries(files)) await writeFile(join(state, name), content, { mode: 0o600 })
  const config = join(folder, 'bearerd.toml')
  await writeFile(
    config,
    `state-dir = "${state}"
[accounts]
files = ["${state}/accounts.jsonl"]
[listen.imap]
protocol = "dovecot-auth"
path = "${folder}/auth"
[directory.main]
require.audience = "mail"
${directory}
`,
    { mode: 0o600 },
  )
  return { script: '../../src/main.ts', args: [...args, '--config', config] }
}

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
