/**
 * The command line as data, for man pages and shell completion: what `--help` shows, hidden commands and options left out.
 * Read from the program itself, so that nothing has to be said twice.
 */
import type { Argument, Command, Option } from 'commander'
import { createProgram } from '../src/cli/cli.ts'

export type CommandEntry = {
  /** Without the program's own name. */
  readonly path: readonly string[]
  readonly description: string
  readonly arguments: readonly ArgumentEntry[]
  readonly options: readonly OptionEntry[]
  readonly example: readonly string[]
  readonly commands: readonly CommandEntry[]
}

/** What is asked for in the place of a word. */
export type Placeholder = {
  readonly name: string
  readonly isNeeded: boolean
  readonly isVariadic: boolean
  readonly choices: readonly string[]
}

export type ArgumentEntry = Placeholder & { readonly description: string; readonly default?: string }

export type OptionEntry = {
  /** `-c`, `--config`. */
  readonly flags: readonly string[]
  readonly description: string
  readonly isNeeded: boolean
  readonly isRepeatable: boolean
  /** Undefined: the option takes no value. */
  readonly value?: Placeholder
  readonly default?: string
  readonly env?: string
}

export function readProgram(): CommandEntry {
  return readCommand(
    createProgram(() => {}),
    [],
  )
}

export function allCommands(entry: CommandEntry): CommandEntry[] {
  return [entry, ...entry.commands.flatMap(allCommands)]
}

/** Those that run, and don't only have others under them. */
export function leafCommands(entry: CommandEntry): CommandEntry[] {
  return allCommands(entry).filter(({ commands }) => commands.length === 0)
}

/** Options that most commands have, in the same words. */
export function sharedOptions(program: CommandEntry): OptionEntry[] {
  const leaves = leafCommands(program)
  const known = new Map(leaves.flatMap(({ options }) => options).map(option => [identify(option), option]))
  const isShared = (option: OptionEntry): boolean =>
    leaves.filter(({ options }) => options.some(other => identify(other) === identify(option))).length >
    leaves.length * 0.6
  return [...known.values()].filter(isShared)
}

/** Whether a file's name is asked for. */
export function isFile({ name }: Placeholder): boolean {
  return name === 'file' || name === 'path'
}

export function isSame(one: OptionEntry, other: OptionEntry): boolean {
  return identify(one) === identify(other)
}

function identify({ flags, description }: OptionEntry): string {
  return [...flags, description].join('\n')
}

/** Everything that --help prints, with what is added after the options. */
export function helpOf(command: Command): string {
  let text = ''
  const before = command.configureOutput()
  const writeOut = (part: string): void => {
    text += part
  }
  command.configureOutput({ writeOut })
  command.outputHelp()
  command.configureOutput(before)
  return text
}

function readCommand(command: Command, path: readonly string[]): CommandEntry {
  const help = command.createHelp()
  const [, example = ''] = /\nExamples?:\n([\s\S]*)$/.exec(helpOf(command)) ?? []
  return {
    path,
    description: command.description(),
    arguments: command.registeredArguments.map(readArgument),
    options: help.visibleOptions(command).filter(isOurs).map(readOption),
    example: example
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== ''),
    commands: help
      .visibleCommands(command)
      .filter(child => child.name() !== 'help')
      .map(child => readCommand(child, [...path, child.name()])),
  }
}

/** Every command has --help. */
function isOurs({ long }: Option): boolean {
  return long !== '--help'
}

function readArgument(argument: Argument): ArgumentEntry {
  const { description, required, variadic, argChoices = [], defaultValue } = argument
  return {
    name: argument.name(),
    description,
    isNeeded: required,
    isVariadic: variadic,
    choices: argChoices,
    ...readDefault(defaultValue),
  }
}

function readOption(option: Option): OptionEntry {
  const { short, long, flags, description, mandatory, required, optional, variadic, argChoices = [], envVar } = option
  const [, name] = /[<[]([^.>\]]+)/.exec(flags) ?? []
  return {
    flags: [short, long].filter(flag => flag !== undefined),
    description,
    isNeeded: mandatory,
    isRepeatable: option.parseArg !== undefined,
    ...(name !== undefined && (required || optional)
      ? { value: { name, isNeeded: required, isVariadic: variadic, choices: argChoices } }
      : {}),
    ...readDefault(option.defaultValue),
    ...(envVar === undefined ? {} : { env: envVar }),
  }
}

/** That a flag isn't set unless it is given needs no words. */
function readDefault(value: unknown): { default?: string } {
  return typeof value === 'string' || typeof value === 'number' ? { default: String(value) } : {}
}
