/**
 * The command line: which commands there are and what they take. The only importer of commander.
 */
import { readFileSync } from 'node:fs'
import { Command, CommanderError, Help, Option } from 'commander'
import { defaultConfigFile } from '../config/load.ts'
import { addAccountCommands } from './account-commands.ts'
import { addAppPasswordCommands } from './app-password-commands.ts'
import { runAuthTest } from './auth-test.ts'
import { runCheck } from './check.ts'
import { exit } from './exit.ts'
import { runLookup } from './lookup.ts'
import { watchOutput } from './output.ts'
import { runServe } from './serve.ts'

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

function createProgram(done: (code: number) => void): Command {
  const program = new Command('bearerd')
    .description('OpenID Connect logins and recipient lookups for Dovecot and Postfix')
    .version(version(), '--version')
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
    .action(async ({ config }: { config: string }) => done(await runServe(config)))

  program
    .command('check')
    .description('reads configuration and accounts as serve would, and prints every problem')
    .addOption(config())
    .option('--json', 'one JSON object a problem', false)
    .addHelpText('after', '\nExample:\n  bearerd check && systemctl restart bearerd')
    .action(async ({ config, json }: { config: string; json: boolean }) => done(await runCheck(config, json)))

  program
    .command('lookup <address>')
    .description('what Postfix and Dovecot are told about an address')
    .addOption(config())
    .option('--json', 'one JSON object', false)
    .addHelpText('after', '\nExample:\n  bearerd lookup alice+news@example.org')
    .action(async (address: string, { config, json }: { config: string; json: boolean }) =>
      done(await runLookup(config, address, json)),
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
    .action(async options => done(await runAuthTest(options)))

  addAccountCommands(program, config, done)
  addAppPasswordCommands(program, config, done)

  return program
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}
