/**
 * Report: collects what is wrong with a configuration file, and says it in the order of the file's lines.
 *
 * One problem a key: what is said about a key that has an error already, above or beneath it, would mostly be a
 * consequence of that error, and is left out.
 */
import type { KeyPath, TomlLocator } from '../toml.ts'
import type { Problem } from './problem.ts'
import { formatPath } from './values.ts'

export type Report = {
  error(path: KeyPath, message: string): void
  warn(path: KeyPath, message: string): void
  /** Whether there is an error at this key, above or beneath it. */
  broken(path: KeyPath): boolean
  /** The same report, seen from a table: its paths begin there. */
  within(...base: KeyPath): Report
}

type Entry = { readonly severity: Problem['severity']; readonly path: KeyPath; readonly message: string }

export type Collector = Report & {
  hasErrors(): boolean
  /** `locate` is asked for only if there is something to locate. */
  problems(file: string, locate: () => Promise<TomlLocator>): Promise<Problem[]>
}

export function createReport(): Collector {
  const entries: Entry[] = []
  const broken = (path: KeyPath): boolean =>
    entries.some(entry => entry.severity === 'error' && related(entry.path, path))
  const add = (entry: Entry): void => {
    if (!broken(entry.path)) entries.push(entry)
  }
  const within = (base: KeyPath): Report => ({
    error: (path, message) => add({ severity: 'error', path: [...base, ...path], message }),
    warn: (path, message) => add({ severity: 'warning', path: [...base, ...path], message }),
    broken: path => broken([...base, ...path]),
    within: (...more) => within([...base, ...more]),
  })
  return {
    ...within([]),
    hasErrors: () => entries.some(({ severity }) => severity === 'error'),
    async problems(file, locate) {
      if (entries.length === 0) return []
      const lineOf = await locate()
      return entries
        .map(({ severity, path, message }) => ({
          severity,
          file,
          line: lineOf(path),
          path: path.length === 0 ? undefined : formatPath(path),
          message,
        }))
        .sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
    },
  }
}

function related(a: KeyPath, b: KeyPath): boolean {
  const length = Math.min(a.length, b.length)
  return a.slice(0, length).every((key, index) => key === b[index])
}
