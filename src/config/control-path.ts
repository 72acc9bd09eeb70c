/**
 * Control path: where the running daemon's control socket is, as far as bearerd.toml tells. For commands that must work
 * while the file is being mended: of one with errors what can be read counts, for the rest the defaults.
 */
import { dirname, resolve } from 'node:path'
import { parseToml } from '../toml.ts'
import { readText } from './files.ts'
import { readControl } from './http.ts'
import { fileProblem, type Problem } from './problem.ts'
import { createReport } from './report.ts'
import { decode } from './schema.ts'

export type ControlPath = {
  readonly path: string
  /** Why the file, or what stands behind an error of syntax, can't be read: it may say something else there. */
  readonly problem: Problem | undefined
}

export async function findControlPath(file: string): Promise<ControlPath> {
  const read = await readText(file)
  if (!read.ok) return { path: pathIn({}, file), problem: fileProblem(file, read.message) }
  const toml = parseToml(read.text)
  if (toml.ok) return { path: pathIn(toml.value, file), problem: undefined }
  const { line, column, message } = toml
  const before = parseToml(read.text.split('\n', line - 1).join('\n'))
  const problem = fileProblem(file, `TOML syntax, column ${column}: ${message}`)
  return { path: pathIn(before.ok ? before.value : {}, file), problem: { ...problem, line } }
}

function pathIn(value: unknown, file: string): string {
  const raw = decode(value, () => {})
  const folder = dirname(resolve(file))
  return readControl(raw.control, resolve(folder, raw['state-dir']), folder, createReport()).path
}
