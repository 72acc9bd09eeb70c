/**
 * The commands that ask the running daemon: what they are called and what they take. Each is loaded when it runs, since
 * start-up time counts for all of bearerd.
 */
import type { Command, Option } from 'commander'

const socket = ['--socket <path>', 'the control socket, where bearerd.toml does not tell'] as const

/** `version`: of this command. */
export function addDaemonCommands(
  program: Command,
  config: () => Option,
  done: (code: number) => void,
  version: string,
): void {
  program
    .command('status')
    .description('how the running daemon does: what is wrong and how to mend it, then everything else')
    .addOption(config())
    .option(...socket)
    .option('--json', 'one JSON object', false)
    .addHelpText('after', '\nExample:\n  bearerd status')
    .action(async options => done(await (await import('./status.ts')).runStatus(options, version)))

  program
    .command('reload')
    .description('has the running daemon read everything again, and tells what comes of it')
    .addOption(config())
    .option(...socket)
    .addHelpText('after', '\nExample:\n  bearerd check && bearerd reload')
    .action(async options => done(await (await import('./reload.ts')).runReload(options)))

  program
    .command('log-level')
    .description('what the running daemon logs; or has it log more or less, until the next reload or restart')
    .addArgument(
      program.createArgument('[level]', 'the least that is logged').choices(['debug', 'info', 'warn', 'error']),
    )
    .addOption(config())
    .option(...socket)
    .addHelpText('after', '\nExample:\n  bearerd log-level debug')
    .action(async (level, options) => done(await (await import('./log-level.ts')).runLogLevel(level, options)))
}
