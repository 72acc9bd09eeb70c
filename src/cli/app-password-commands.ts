/**
 * `bearerd app-password …`: which commands there are and what they take. Each is loaded when it runs, since start-up time
 * counts for all of bearerd.
 */
import type { Command, Option } from 'commander'
import type { CreateOptions } from './app-password-create.ts'
import type { ImportOptions } from './app-password-import.ts'
import type { ListOptions } from './app-password-list.ts'
import type { RevokeOptions } from './app-password-revoke.ts'
import { ourTerminal, settle, type Terminal } from './terminal.ts'

type Registration = {
  readonly group: Command
  readonly config: () => Option
  readonly terminal: Terminal
  /** Runs a command and notes its exit code. */
  readonly run: (work: () => Promise<number>) => Promise<void>
}

export function addAppPasswordCommands(
  program: Command,
  config: () => Option,
  done: (code: number) => void,
  terminal: Terminal = ourTerminal,
): void {
  const group = program
    .command('app-password')
    .description("passwords for mail clients that can't sign in at the provider: create, list, revoke, import")
    .addHelpText('after', '\nExample:\n  bearerd app-password create alice@example.org --label "Outlook, office"')
  const run = async (work: () => Promise<number>): Promise<void> => done(await settle(terminal, work))
  const registration = { group, config, terminal, run }
  addCreate(registration)
  addList(registration)
  addRevoke(registration)
  addImport(registration)
}

function addCreate({ group, config, terminal, run }: Registration): void {
  group
    .command('create <address>')
    .description('makes a password and prints it, this once')
    .addOption(config())
    .requiredOption('--label <text>', 'what it is for, so that somebody knows what to revoke')
    .option('--expires <when>', 'how long it works ("180d") or until which day, not included ("2027-01-31", UTC)')
    .option('--services <names>', 'works for these only: imap, pop3, smtp, sieve')
    .option('--networks <list>', 'works from these only: 192.0.2.0/24,2001:db8::/32')
    .option('--json', 'one JSON object with all there is to know', false)
    .addHelpText(
      'after',
      '\nExample:\n  bearerd app-password create alice@example.org --label "Outlook, office" --expires 180d --services imap,smtp',
    )
    .action((address: string, options: CreateOptions) =>
      run(async () => (await import('./app-password-create.ts')).runCreate(address, options, terminal)),
    )
}

function addList({ group, config, terminal, run }: Registration): void {
  group
    .command('list [address]')
    .description('whose passwords there are, what for, and when they were used')
    .addOption(config())
    .option('--json', 'one JSON object a password', false)
    .addHelpText('after', '\nExample:\n  bearerd app-password list alice@example.org')
    .action((address: string | undefined, options: ListOptions) =>
      run(async () => (await import('./app-password-list.ts')).runList(address, options, terminal)),
    )
}

function addRevoke({ group, config, terminal, run }: Registration): void {
  group
    .command('revoke [address] [ids...]')
    .description('ends passwords, for good')
    .addOption(config())
    .option('--all', 'all passwords of the address', false)
    .option('--orphaned', 'all passwords that belong to no account', false)
    .option('--kick', 'also ends the sessions that the account has open (doveadm kick)', false)
    .addHelpText('after', '\nExample:\n  bearerd app-password revoke alice@example.org kfm --kick')
    .action((address: string | undefined, ids: readonly string[], options: RevokeOptions) =>
      run(async () => (await import('./app-password-revoke.ts')).runRevoke(address, ids, options, terminal)),
    )
}

function addImport({ group, config, terminal, run }: Registration): void {
  group
    .command('import [file]')
    .description('takes over the hashes of a Dovecot passwd-file ("-": standard input), all or none')
    .addOption(config())
    .option('--domain <name>', 'the domain of users that are written without one')
    .option('--label <text>', 'what is said of them in lists', 'imported')
    .option('--replace', 'in place of the imported passwords that accounts have already', false)
    .option('--dry-run', 'says what would be done, and does nothing', false)
    .addHelpText('after', '\nExample:\n  bearerd app-password import /etc/dovecot/users --domain example.org --dry-run')
    .action((file: string | undefined, options: ImportOptions) =>
      run(async () => (await import('./app-password-import.ts')).runImport(file, options, terminal)),
    )
}
