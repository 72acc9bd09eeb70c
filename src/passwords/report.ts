/** Report: what the log says of a load of the password file. */
import type { Problem } from '../config/problem.ts'
import type { Log } from '../log.ts'

export type LoadOutcome = {
  readonly cause: 'load' | 'change'
  readonly failed: boolean
  /** In force now. */
  readonly passwords: number | undefined
  readonly ms: number
}

const maxLines = 20

/** Whoever asks for a load is told everything; otherwise what has just been said is not said again. */
export function createReport(log: Log): (problems: readonly Problem[], outcome: LoadOutcome) => void {
  let before = ''
  return (problems, outcome) => {
    const found = JSON.stringify(problems)
    const known = found === before && outcome.cause === 'change'
    before = found
    if (!known) logProblems(log, problems)
    // A file that can't be read is tried again four times a second.
    if (!known || !outcome.failed) conclude(log, outcome)
  }
}

function logProblems(log: Log, problems: readonly Problem[]): void {
  for (const { severity, file, line, path, message } of problems.slice(0, maxLines))
    log[severity === 'error' ? 'error' : 'warn']({ event: 'passwords_problem', file, line, path }, message)
  const more = problems.length - maxLines
  if (more > 0) log.warn({ event: 'passwords_problem', more }, `and ${more} more`)
}

function conclude(log: Log, { failed, ...fields }: LoadOutcome): void {
  if (!failed) log.info({ event: 'passwords_loaded', ...fields }, 'app passwords loaded')
  else if (fields.passwords !== undefined)
    log.error({ event: 'passwords_kept', ...fields }, 'the password file has errors; the passwords loaded before stay')
  else
    log.error(
      { event: 'passwords_missing', ...fields },
      'the password file has errors; until they are mended every login with a password fails temporarily',
    )
}
