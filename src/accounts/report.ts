/** Report: what the log says of a load of the account files, of the password file, or of that of bindings. */
import { isError, type Problem } from '../config/problem.ts'
import type { Log } from '../log.ts'

export type Loading = {
  /** What is loaded: begins the names of the events. */
  readonly what: 'accounts' | 'passwords' | 'bindings'
  /** What is said of one that succeeded, that left the former ones in force, or that left none. */
  readonly loaded: string
  readonly kept: string
  readonly missing: string
  /** A load for this cause that finds what was found before is not worth a word. */
  readonly quiet: LoadOutcome['cause']
}

export type LoadOutcome = {
  readonly cause: 'load' | 'change' | 'retry'
  readonly failed: boolean
  /** In force now. */
  readonly held: number | undefined
  readonly ms: number
}

const maxLines = 20

export function createReport(log: Log, loading: Loading): (problems: readonly Problem[], outcome: LoadOutcome) => void {
  let before = ''
  return (problems, outcome) => {
    const found = JSON.stringify(problems)
    const known = found === before && outcome.cause === loading.quiet
    before = found
    if (!known) logProblems(log, loading, problems)
    if (!known || !outcome.failed) conclude(log, loading, outcome)
  }
}

/** Errors before warnings. */
function logProblems(log: Log, { what }: Loading, problems: readonly Problem[]): void {
  const event = `${what}_problem`
  const warnings = problems.filter(problem => !isError(problem))
  for (const problem of [...problems.filter(isError), ...warnings].slice(0, maxLines)) {
    const { file, line, path, message } = problem
    log[isError(problem) ? 'error' : 'warn']({ event, file, line, path }, message)
  }
  const more = problems.length - maxLines
  if (more > 0) log.warn({ event, more }, `and ${more} more, which "bearerd check" prints`)
}

function conclude(log: Log, { what, loaded, kept, missing }: Loading, { cause, failed, held, ms }: LoadOutcome): void {
  const fields = { cause, [what]: held, ms }
  if (!failed) log.info({ event: `${what}_loaded`, ...fields }, loaded)
  else if (held !== undefined) log.error({ event: `${what}_kept`, ...fields }, kept)
  else log.error({ event: `${what}_missing`, ...fields }, missing)
}
