/** Writes a configuration, and the files it names, to a folder of its own and loads it. Problems come as `check` prints them. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'

type Options = {
  /** Name → content, or content and mode; 0600 otherwise. */
  readonly files?: Readonly<Record<string, string | readonly [content: string, mode: number]>>
  readonly mode?: number
  readonly env?: NodeJS.ProcessEnv
}

type Result = {
  readonly config: Config | undefined
  /** With FOLDER for the folder's name. */
  readonly problems: readonly string[]
  readonly folder: string
}

export async function loadText(t: TestContext, toml: string, options: Options = {}): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-config-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const write = (name: string, content: string, mode: number): string => {
    const file = join(folder, name)
    writeFileSync(file, content)
    chmodSync(file, mode)
    return file
  }
  for (const [name, file] of Object.entries(options.files ?? {}))
    write(name, ...(typeof file === 'string' ? ([file, 0o600] as const) : file))
  const file = write('bearerd.toml', toml, options.mode ?? 0o600)
  const { config, problems } = await loadConfig(file, options.env ?? {})
  return { config, folder, problems: problems.map(problem => formatProblem(problem).replaceAll(folder, 'FOLDER')) }
}

/** Accounts and a listener without logins: what a configuration needs beside what a test is about. */
export const minimal = `accounts.files = ["accounts.toml"]
listen.master = { protocol = "dovecot-master", path = "auth-master" }
`
