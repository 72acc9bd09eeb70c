/**
 * The command line: which commands there are and what they take. The only importer of commander. What a command needs is
 * loaded when it runs.
 */
import { readFileSync } from 'node:fs'
import { Command, CommanderError, Help, Option } from 'commander'
import { defaultConfigFile } from '../config/load.ts'
import { addAccountCommands } from './account-commands.ts'
import { addAppPasswordCommands } from './app-password-commands.ts'
import { addDaemonCommands } from './daemon-commands.ts'
import type { DoctorOptions } from './doctor.ts'
import { exit } from './exit.ts'
import type { ExplainOptions } from './explain-token.ts'
import { watchOutput } from './output.ts'

/** Runs the command named by the arguments. Resolves with the exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  let code: number = exit.done
  const program = createProgram(result => {
    code = result
  })
  const output = watchOutput()
  program.hook('postAction', async (_, command) => {
    // The daemon's log doesn't wait for whoever reads it.
    const lost = command.name() === 'serve' ? undefined : await output.end()
    if (lost === undefined) return
    process.stderr.write(`bearerd: not everything could be said (${lost}); what was done stays done\n`)
    if (code === exit.done) code = exit.no
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage
    throw error
  }
}

/** All commands. Also what man pages and completion are made from. */
export function createProgram(done: (code: number) => void): Command {
  const current = version()
  const program = new Command('bearerd')
    .description('OpenID Connect logins and recipient lookups for Dovecot and Postfix')
    .version(current, '--version')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for the options)')
    // That a flag isn't set unless it is given needs no words.
    .configureHelp({
      optionDescription: option => new Help().optionDescription(option).replace(/ \(default: false\)$/, ''),
    })
    .addHelpText('after', '\nExample:\n  bearerd check && bearerd lookup alice@example.org')
  const config = (): Option =>
    new Option('-c, --config <file>', 'configuration').env('BEARERD_CONFIG').default(defaultConfigFile)

  program
    .command('serve')
    .description('the daemon, in the foreground')
    .addOption(config())
    .addHelpText('after', '\nExample:\n  bearerd serve --config /etc/bearerd/bearerd.toml')
    .action(async ({ config }: { config: string }) =>
      done(await (await import('./serve.ts')).runServe(config, current)),
    )

  program
    .command('check')
    .description('reads configuration and accounts as serve would, and prints every problem')
    .addOption(config())
    .option('--json', 'one JSON object a problem', false)
    .addHelpText('after', '\nExample:\n  bearerd check && systemctl reload bearerd')
    .action(async ({ config, json }: { config: string; json: boolean }) =>
      done(await (await import('./check.ts')).runCheck(config, json)),
    )

  program
    .command('doctor')
    .description('asks the providers, looks at sockets, Postfix and Dovecot, and says how to mend what is wrong')
    .addOption(config())
    .option('--json', 'one JSON object a check', false)
    .option('--directory <name>', 'only this directory, and no mail servers')
    .addHelpText('after', '\nExample:\n  bearerd doctor --directory main')
    .action(async (options: DoctorOptions) => done(await (await import('./doctor.ts')).runDoctor(options)))

  program
    .command('explain-token')
    .description('every check that is made of a token from standard input, the verdict, and what to do')
    .addOption(config())
    .option('--user <name>', 'the name that the mail client asks for')
    .option('--json', 'one JSON object', false)
    .addHelpText('after', '\nExample:\n  bearerd explain-token --user alice@example.org < token')
    .action(async (options: ExplainOptions) =>
      done(await (await import('./explain-token.ts')).runExplainToken(options)),
    )

  program
    .command('lookup <address>')
    .description('what Postfix and Dovecot are told about an address')
    .addOption(config())
    .option('--json', 'one JSON object', false)
    .addHelpText('after', '\nExample:\n  bearerd lookup alice+news@example.org')
    .action(async (address: string, { config, json }: { config: string; json: boolean }) =>
      done(await (await import('./lookup.ts')).runLookup(config, address, json)),
    )

  program
    .command('auth-test')
    .description('logs in at an auth socket with a token or password from standard input, and shows the exchange')
    .requiredOption('--socket <path>', 'a dovecot-auth or postfix-sasl socket')
    .addOption(
      new Option('--mech <name>', 'mechanism')
        .choices(['OAUTHBEARER', 'XOAUTH2', 'PLAIN', 'LOGIN'])
        .default('OAUTHBEARER'),
    )
    .option('--user <name>', 'the name to ask for')
    .option('--service <name>', 'the service to log in to', 'imap')
    .option('--remote <address>', 'the address that the mail client would come from')
    .addHelpText(
      'after',
      '\nExample:\n  bearerd auth-test --socket /run/bearerd/auth-client --user alice@example.org < token',
    )
    .action(async options => done(await (await import('./auth-test.ts')).runAuthTest(options)))

  addDaemonCommands(program, config, done, current)
  addAccountCommands(program, config, done)
  addAppPasswordCommands(program, config, done)

  return program
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}
