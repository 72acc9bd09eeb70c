/**
 * `bearerd account …`: which commands there are and what they take. Each is loaded when it runs, since start-up time counts
 * for all of bearerd.
 */
import type { Command, Option } from 'commander'
import { formats } from './account-format.ts'
import { ourTerminal, type Terminal } from './terminal.ts'

type Registration = {
  readonly group: Command
  readonly config: () => Option
  readonly io: Terminal
  /** Takes the exit code of a command. */
  readonly done: (code: number) => void
}

export function addAccountCommands(
  program: Command,
  config: () => Option,
  done: (code: number) => void,
  io: Terminal = ourTerminal,
): void {
  const group = program
    .command('account')
    .description('the accounts: one by one, or thousands at once')
    .addHelpText(
      'after',
      '\nExample:\n  bearerd account add alice@example.org --full-name "Alice Jones" --alias a.jones@example.org',
    )
  const registration = { group, config, io, done }
  addReading(registration)
  addExport(registration)
  addAdd(registration)
  addSet(registration)
  addEnableDisable(registration)
  addRename(registration)
  addRebind(registration)
  addRemove(registration)
  addImport(registration)
}

function addReading({ group, config, io, done }: Registration): void {
  group
    .command('list')
    .description('all accounts: address, state, aliases, place')
    .addOption(config())
    .option('--domain <domain>', 'those of this domain')
    .option('--disabled', 'those that are disabled', false)
    .option('--json', 'one JSON object an account, as the account file spells it', false)
    .addHelpText('after', '\nExample:\n  bearerd account list --domain example.org --disabled')
    .action(async options => done(await (await import('./account-list.ts')).runList(options, io)))
  group
    .command('show <address>')
    .description('everything about an account, and where it stands')
    .addOption(config())
    .option('--json', 'one JSON object', false)
    .addHelpText('after', '\nExample:\n  bearerd account show alice@example.org')
    .action(async (address, options) => done(await (await import('./account-list.ts')).runShow(address, options, io)))
}

function addExport({ group, config, io, done }: Registration): void {
  group
    .command('export')
    .argument('[file]', 'where to write; - is standard output', '-')
    .description('all accounts, as import reads them')
    .addOption(config())
    .option('--domain <domain>', 'those of this domain')
    .addOption(
      group
        .createOption('--format <name>', 'what to write; without it, by the ending of the file')
        .choices(['jsonl', 'csv']),
    )
    .option('--force', 'replace the file if it exists', false)
    .addHelpText('after', '\nExample:\n  bearerd account export accounts.csv')
    .action(async (file, options) => done(await (await import('./account-list.ts')).runExport(file, options, io)))
}

function addAdd({ group, config, io, done }: Registration): void {
  withFields(group.command('add <address>').description('adds an account to the managed file').addOption(config()))
    .option('--dry-run', 'show what would change, and write nothing', false)
    .addHelpText(
      'after',
      '\nExample:\n  bearerd account add alice@example.org --full-name "Alice Jones" --alias a.jones@example.org --quota 5GiB',
    )
    .action(async (address, options) => done(await (await import('./account-edit.ts')).runAdd(address, options, io)))
}

function addSet({ group, config, io, done }: Registration): void {
  withFields(group.command('set <address>').description('changes what an account has').addOption(config()))
    .option('--add-alias <address>', 'one alias more', collect)
    .option('--remove-alias <address>', 'one alias less', collect)
    .option('--unset <key>', 'removes a key such as quota or userdb.home', collect)
    .option('--kick', 'with --disabled: end her sessions too, by doveadm kick', false)
    .option('--dry-run', 'show what would change, and write nothing', false)
    .addHelpText(
      'after',
      '\nExample:\n  bearerd account set alice@example.org --add-alias alice.jones@example.org --unset quota',
    )
    .action(async (address, options) => done(await (await import('./account-edit.ts')).runSet(address, options, io)))
}

function addEnableDisable({ group, config, io, done }: Registration): void {
  group
    .command('enable <address>')
    .description('lets her log in and receive mail again')
    .addOption(config())
    .option('--dry-run', 'show what would change, and write nothing', false)
    .addHelpText('after', '\nExample:\n  bearerd account enable alice@example.org')
    .action(async (address, options) => done(await (await import('./account-edit.ts')).runEnable(address, options, io)))
  group
    .command('disable <address>')
    .description('no login any more, and mail to her is refused')
    .addOption(config())
    .option('--receive', 'mail to her is accepted all the same', false)
    .option('--kick', 'end her sessions too, by doveadm kick', false)
    .option('--dry-run', 'show what would change, and write nothing', false)
    .addHelpText('after', '\nExample:\n  bearerd account disable alice@example.org --kick')
    .action(async (address, options) =>
      done(await (await import('./account-edit.ts')).runDisable(address, options, io)),
    )
}

function addRename({ group, config, io, done }: Registration): void {
  group
    .command('rename <old> <new>')
    .description('another address for an account; the old one becomes an alias, and mail and app passwords stay')
    .addOption(config())
    .option('--no-alias', "the old address is nobody's then")
    .option('--kick', 'end the sessions under the old name, by doveadm kick', false)
    .option('--dry-run', 'show what would change, and write nothing', false)
    .addHelpText('after', '\nExample:\n  bearerd account rename alice@example.org alice.smith@example.org --kick')
    .action(async (old, next, options) =>
      done(await (await import('./account-rename.ts')).runRename(old, next, options, io)),
    )
}

function addRebind({ group, config, io, done }: Registration): void {
  group
    .command('rebind <address>')
    .description(
      'forgets which user at the provider an account was bound to at the first login; the next one binds it anew',
    )
    .addOption(config())
    .option('--subject <id>', 'bind it to this user at once')
    .option('--kick', 'end its sessions too, by doveadm kick', false)
    .option('--yes', "don't ask", false)
    .option('--dry-run', 'show what would change, and write nothing', false)
    .addHelpText('after', '\nExample:\n  bearerd account rebind alice@example.org')
    .action(async (address, options) =>
      done(await (await import('./account-rebind.ts')).runRebind(address, options, io)),
    )
}

function addRemove({ group, config, io, done }: Registration): void {
  group
    .command('remove <address>')
    .description('removes an account and its app passwords; her mail stays on disk')
    .addOption(config())
    .option('--kick', 'end her sessions too, by doveadm kick', false)
    .option('--yes', "don't ask", false)
    .option('--dry-run', 'show what would change, and write nothing', false)
    .addHelpText('after', '\nExample:\n  bearerd account remove alice@example.org --yes --kick')
    .action(async (address, options) => done(await (await import('./account-edit.ts')).runRemove(address, options, io)))
}

function addImport({ group, config, io, done }: Registration): void {
  group
    .command('import')
    .argument('[file]', 'what to read; - is standard input', '-')
    .description('adds many accounts, or none if there is a problem with any')
    .addOption(config())
    .addOption(
      group
        .createOption('--format <name>', 'what to read; without it, by the ending or the look of the file')
        .choices(formats),
    )
    .option('--domain <domain>', 'added to names that have none, in files of Dovecot and Postfix')
    .option('--update', 'change accounts that exist, in the keys that are given', false)
    .option('--disable-missing', 'disable accounts of the managed file that are not in the import', false)
    .option('--kick', 'end the sessions of those who are disabled, by doveadm kick', false)
    .option('--yes', "don't ask, whatever is disabled", false)
    .option('--dry-run', 'show what would change, and write nothing', false)
    .addHelpText('after', '\nExample:\n  bearerd account import people.csv --update --dry-run')
    .action(async (file, options) => done(await (await import('./account-import.ts')).runImport(file, options, io)))
}

/** The keys of the account file, as options. */
function withFields(command: Command): Command {
  return command
    .option(
      '--alias <address>',
      'a further address, or @domain for a catch-all (repeatable; in place of those that she has)',
      collect,
    )
    .option('--full-name <text>', 'her name, for people to read')
    .option('--username <name>', 'her name at the provider')
    .option('--subject <id>', 'her immutable id at the provider')
    .option('--directory <name>', 'the provider that vouches for her')
    .option('--quota <size>', 'how much mail she may have, such as 5GiB')
    .option(
      '--send-as <address>',
      'an address that she may send from (repeatable; in place of those that she has)',
      collect,
    )
    .option('--userdb <name=value>', "a userdb field of Dovecot's (repeatable)", collect)
    .option('--disabled', 'no login, and mail to her is refused')
    .option('--receive', 'with --disabled: mail to her is accepted all the same')
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
