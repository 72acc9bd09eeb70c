/**
 * Report: what the log and `bearerd status` say of the loads of the account files, of the password file, or of that of
 * bindings.
 */
import { isError, type Problem } from '../config/problem.ts'
import type { Log } from '../log.ts'
import type { StoreStatus } from '../status.ts'

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

export type Report = {
  /** A load has ended. */
  tell(problems: readonly Problem[], outcome: LoadOutcome): void
  /** `count`: what is in force now. */
  status(files: readonly string[], count: number | undefined): StoreStatus
}

/** What is said of one load. */
type Findings = Pick<StoreStatus, 'problems' | 'moreProblems'>

const maxProblems = 20

export function createReport(log: Log, loading: Loading): Report {
  let before = ''
  let findings: Findings = { problems: [], moreProblems: 0 }
  let loaded: Pick<StoreStatus, 'loaded' | 'loadMs'> = { loaded: undefined, loadMs: undefined }
  let failures = 0

  return {
    tell(problems, outcome) {
      const found = JSON.stringify(problems)
      const known = found === before && outcome.cause === loading.quiet
      before = found
      findings = shorten(problems)
      if (outcome.failed) failures++
      else loaded = { loaded: new Date().toISOString(), loadMs: outcome.ms }
      if (!known) logProblems(log, loading, findings)
      if (!known || !outcome.failed) conclude(log, loading, outcome)
    },
    status: (files, count) => ({ files, count, ...loaded, failures, ...findings }),
  }
}

/** Errors before warnings. */
function shorten(problems: readonly Problem[]): Findings {
  const ordered = [...problems.filter(isError), ...problems.filter(problem => !isError(problem))]
  return { problems: ordered.slice(0, maxProblems), moreProblems: Math.max(0, problems.length - maxProblems) }
}

function logProblems(log: Log, { what }: Loading, { problems, moreProblems: more }: Findings): void {
  const event = `${what}_problem`
  for (const problem of problems) {
    const { file, line, path, message } = problem
    log[isError(problem) ? 'error' : 'warn']({ event, file, line, path }, message)
  }
  if (more > 0) log.warn({ event, more }, `and ${more} more, which "bearerd check" prints`)
}

function conclude(log: Log, { what, loaded, kept, missing }: Loading, { cause, failed, held, ms }: LoadOutcome): void {
  const fields = { cause, [what]: held, ms }
  if (!failed) log.info({ event: `${what}_loaded`, ...fields }, loaded)
  else if (held !== undefined) log.error({ event: `${what}_kept`, ...fields }, kept)
  else log.error({ event: `${what}_missing`, ...fields }, missing)
}
