/**
 * State: what the daemon as a whole is at, and how that is told: as a Status, in a line of the log, to systemd.
 */
import { isError, type Problem } from './config/problem.ts'
import type { Generation } from './generation.ts'
import type { Listeners } from './listeners.ts'
import { describeError, type Log, type LogLevel } from './log.ts'
import type { ReloadOutcome, Status } from './status.ts'

export type StateOptions = {
  readonly version?: string
  readonly level: () => LogLevel
  /** Of the last hour. */
  readonly logins: () => Status['logins']
}

export type State = {
  readonly is: () => Status['state']
  change(to: Exclude<Status['state'], 'starting'>): void
  status(inForce: Generation, listeners: Listeners): Status
  /** Another configuration is in force. */
  accept(): void
  /** One isn't, because of these problems, and the former one stays. Says so in the log. */
  refuse(problems: readonly Problem[]): ReloadOutcome
}

export function createState(log: Log, { version = '', level, logins }: StateOptions): State {
  const startedMs = Date.now()
  const now = () => new Date().toISOString()
  let current: Status['state'] = 'starting'
  let loaded = now()
  let refused: Status['config']['refused']
  return {
    is: () => current,
    change: to => {
      current = to
    },
    status: ({ config, accounts, passwords, bindings, directories }, listeners) => ({
      version,
      node: process.version,
      pid: process.pid,
      state: current,
      started: new Date(startedMs).toISOString(),
      uptimeSeconds: Math.floor(process.uptime()),
      config: { file: config.file, loaded, refused },
      logLevel: level(),
      listeners: listeners.status(),
      directories: directories.map(directory => directory.status()),
      accounts: accounts.status(),
      passwords: passwords?.status(),
      bindings: bindings?.status(),
      logins: logins(),
    }),
    accept: () => {
      loaded = now()
      refused = undefined
    },
    refuse: problems => {
      // There is nothing to mend.
      if (current === 'stopping') return { ok: false, problems }
      refused = { time: now(), problems }
      logProblems(problems, 'config_refused', log)
      const fields = { event: 'config_refused', problems: problems.filter(isError).length }
      log.error(fields, 'the new configuration is refused; all that was in force stays so')
      return { ok: false, problems }
    },
  }
}

/** Warnings are as they are at the start; errors have an event of their own. */
export function logProblems(problems: readonly Problem[], event: string, log: Log): void {
  for (const problem of problems) {
    const { file, line, path, message } = problem
    if (isError(problem)) log.error({ event, file, line, path }, message)
    else log.warn({ event: 'config', file, line, path }, message)
  }
}

/** What an administrator can mend says so in its message; a stack would only hide it. */
export function isExpected(error: unknown): error is Error {
  return error instanceof Error && ['Error', 'ListenError'].includes(error.name)
}

/** In words; of what nobody expected the log has the stack. */
export function whyNot(error: unknown, log: Log): string {
  if (isExpected(error)) return error.message
  log.error({ event: 'fault', ...describeError(error) }, 'a fault in bearerd; please report the stack')
  return 'a fault in bearerd; see the log'
}

/** For the log, when all is open. */
export function summary({ accounts, passwords }: Generation, listeners: Listeners) {
  return {
    accounts: accounts.current()?.size,
    passwords: passwords?.current()?.size,
    listeners: listeners.status().map(({ name }) => name),
  }
}

/** For `systemctl status`. */
export function statusLine({ accounts }: Generation, listeners: Listeners): string {
  const held = accounts.current()?.size
  const open = listeners.status().length
  return `${held === undefined ? 'no accounts loaded' : count(held, 'account')}, ${count(open, 'listener')}`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
