/**
 * `bearerd reload`: has the running daemon read everything again, and waits for what comes of it.
 *
 * Exit code 0: all that is in the files is in force. 1: bearerd.toml is, but of the accounts, app passwords or bindings the
 * former ones, because of errors. 78: bearerd.toml is refused, and everything stays as it was. 69: no daemon answers.
 */
import type { Problem } from '../config/problem.ts'
import { escaped } from '../escape.ts'
import type { ReloadOutcome, Status } from '../status.ts'
import { type Ask, type ControlOptions, withDaemon } from './control-client.ts'
import { exit } from './exit.ts'
import { findStoreTroubles, isGrave } from './status-troubles.ts'
import { troubleInWords } from './status-words.ts'
import { complain, ourTerminal, reportProblems, type Terminal } from './terminal.ts'
import { plural } from './words.ts'

/** Millions of accounts take some seconds. */
const timeoutMs = 80_000

export function runReload(options: ControlOptions, terminal: Terminal = ourTerminal): Promise<number> {
  return withDaemon(options, terminal, async ask => {
    const outcome = (await ask({ method: 'POST', resource: '/reload', timeoutMs })) as ReloadOutcome
    return outcome.ok ? tellFiles(ask, terminal) : tellRefusal(outcome.problems, terminal)
  })
}

function tellRefusal(problems: readonly Problem[], terminal: Terminal): number {
  reportProblems(terminal, problems)
  return complain(terminal, exit.config, 'refused: all that was in force stays so until this is mended')
}

/** bearerd.toml is in force; whether the files that it names are is in the status. */
async function tellFiles(ask: Ask, { output, error, now }: Terminal): Promise<number> {
  const status = (await ask({ method: 'GET', resource: '/status' })) as Status
  const failed = findStoreTroubles(status, now()).filter(isGrave)
  for (const trouble of failed) for (const line of troubleInWords(trouble)) error.write(`${escaped(line)}\n`)
  const counts = failed.length === 0 ? `, with ${countsInWords(status)}` : ''
  output.write(`${escaped(`${status.config.file} is in force${counts}`)}\n`)
  return failed.length === 0 ? exit.done : exit.no
}

function countsInWords({ accounts, passwords }: Status): string {
  const counts = [plural(accounts.count ?? 0, 'account')]
  if (passwords?.count !== undefined) counts.push(plural(passwords.count, 'app password'))
  return counts.join(' and ')
}
