/** A bearerd command in a process and a folder of its own. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Printed = { readonly status: number | null; readonly stdout: string; readonly stderr: string }

/** Runs `bearerd NAME --config bearerd.toml ARGS` with these files. What it says of the folder is left out. */
export function runCommand(
  name: string,
  files: Readonly<Record<string, string>>,
  args: readonly string[],
  mode = 0o644,
): Printed {
  const folder = mkdtempSync(join(tmpdir(), `bearerd-${name}-`))
  try {
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text, { mode })
    const command = ['--import', 'tsx', 'src/main.ts', name, '--config', join(folder, 'bearerd.toml'), ...args]
    const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' })
    const relative = (text: string): string => text.replaceAll(`${folder}/`, '')
    return { status, stdout: relative(stdout), stderr: relative(stderr) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
