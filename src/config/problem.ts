/** Problem: one thing wrong in a file that an administrator wrote, and where. PURE. */
export type Problem = {
  readonly severity: 'error' | 'warning'
  readonly file: string
  /** Counted from 1. */
  readonly line: number | undefined
  /** Key path as it stands in TOML: `directory.main.timeout`. */
  readonly path: string | undefined
  /** What is wrong, what was expected, and the nearest known key where there is one. Never a secret's value. */
  readonly message: string
}

export type Place = Pick<Problem, 'file' | 'line'>

/** Of the file as a whole. */
export function fileProblem(file: string, message: string, severity: Problem['severity'] = 'error'): Problem {
  return { severity, file, line: undefined, path: undefined, message }
}

export function isError({ severity }: Problem): boolean {
  return severity === 'error'
}

export function formatPlace({ file, line }: Place): string {
  return line === undefined ? file : `${file}:${line}`
}

/** `FILE:LINE: error: PATH: MESSAGE`, the form that editors and `grep` users know from compilers. */
export function formatProblem({ file, line, severity, path, message }: Problem): string {
  return `${formatPlace({ file, line })}: ${severity}: ${path === undefined ? '' : `${path}: `}${message}`
}
