/** Report: what the log says of a load of the account files. */
import type { Problem } from '../config/problem.ts'
import type { Log } from '../log.ts'

export type LoadOutcome = {
  readonly cause: 'load' | 'change' | 'retry'
  readonly failed: boolean
  /** In force now. */
  readonly accounts: number | undefined
  readonly ms: number
}

const maxLines = 20

/** A retry that finds what was found before is not worth a word. */
export function createReport(log: Log): (problems: readonly Problem[], outcome: LoadOutcome) => void {
  let before = ''
  return (problems, outcome) => {
    const found = JSON.stringify(problems)
    const known = found === before
    before = found
    if (known && outcome.cause === 'retry') return
    const errors = problems.filter(({ severity }) => severity === 'error')
    const warnings = problems.filter(({ severity }) => severity === 'warning')
    for (const { severity, file, line, path, message } of [...errors, ...warnings].slice(0, maxLines))
      log[severity === 'error' ? 'error' : 'warn']({ event: 'accounts_problem', file, line, path }, message)
    const more = problems.length - maxLines
    if (more > 0) log.warn({ event: 'accounts_problem', more }, `and ${more} more, which "bearerd check" prints`)
    conclude(log, outcome)
  }
}

function conclude(log: Log, { failed, ...fields }: LoadOutcome): void {
  if (!failed) log.info({ event: 'accounts_loaded', ...fields }, 'accounts loaded')
  else if (fields.accounts !== undefined)
    log.error({ event: 'accounts_kept', ...fields }, 'the account files have errors; the accounts loaded before stay')
  else
    log.error(
      { event: 'accounts_missing', ...fields },
      'the account files have errors; until they are mended every login and lookup fails temporarily',
    )
}
