/**
 * `bearerd log-level [LEVEL]`: says what the running daemon logs, or has it log more or less from now on: until the
 * configuration is read again, or bearerd restarts; `log.level` is for longer.
 *
 * Exit code 0, or 69: no daemon answers.
 */
import { escaped } from '../escape.ts'
import type { LogLevel } from '../log.ts'
import { type ControlOptions, withDaemon } from './control-client.ts'
import { exit } from './exit.ts'
import { ourTerminal, type Terminal } from './terminal.ts'

type Answer = { readonly level: LogLevel }

export function runLogLevel(
  level: LogLevel | undefined,
  options: ControlOptions,
  terminal: Terminal = ourTerminal,
): Promise<number> {
  return withDaemon(options, terminal, async ask => {
    const answer = (await ask({ method: 'GET', resource: '/log-level' })) as Answer
    // The terminal would obey what is no level.
    const before = escaped(String(answer.level))
    if (level === undefined) {
      terminal.output.write(`${before}\n`)
      return exit.done
    }
    await ask({ method: 'PUT', resource: '/log-level', body: { level } })
    const note = 'until the next reload or restart; log.level in bearerd.toml is for longer'
    terminal.output.write(`${level} (was ${before}), ${note}\n`)
    return exit.done
  })
}
