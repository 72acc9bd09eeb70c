/**
 * The command line → man(7): a subsection for each command, with its options and its example.
 */
import {
  type ArgumentEntry,
  type CommandEntry,
  isSame,
  leafCommands,
  type OptionEntry,
  type Placeholder,
} from '../commands.ts'
import * as roff from './roff.ts'

const program = 'bearerd'

/** A command and those under it. `shared` are options that are told of elsewhere. */
export function describeCommand(entry: CommandEntry, shared: readonly OptionEntry[]): string[] {
  const options = entry.options.filter(option => !shared.some(other => isSame(option, other)))
  const isLeaf = entry.commands.length === 0
  return [
    ...roff.subsection(entry.path.join(' ')),
    ...(isLeaf ? roff.paragraph(synopsis(entry)) : []),
    ...roff.paragraph(sentence(entry.description)),
    ...entry.arguments.filter(({ description }) => description !== '').flatMap(describeArgument),
    ...options.flatMap(describeOption),
    ...(isLeaf ? [...roff.paragraph('Example:'), ...roff.code(entry.example.join('\n'), '')] : []),
    ...entry.commands.flatMap(child => describeCommand(child, shared)),
  ]
}

/** A command that has a page of its own. */
export function referTo(page: roff.Roff, entry: CommandEntry): string[] {
  return [...roff.subsection(entry.path.join(' ')), ...roff.paragraph(`${sentence(entry.description)} See ${page}.`)]
}

/** Options that most commands have, and which ones of `group` have not. */
export function describeShared(group: CommandEntry, shared: readonly OptionEntry[]): string[] {
  return shared.flatMap(option => {
    const without = leafCommands(group)
      .filter(({ options }) => !options.some(other => isSame(option, other)))
      .map(({ path }) => roff.bold(roff.escapeText(path.join(' '))))
    const text =
      without.length === 0 ? '' : `Of all commands but ${without.join(', ').replace(/, ([^,]*)$/, ' and $1')}.`
    return roff.definition(optionTerm(option), [`${optionText(option)} ${text}`.trim()])
  })
}

export function describeOption(option: OptionEntry): string[] {
  return roff.definition(optionTerm(option), [optionText(option)])
}

function describeArgument(argument: ArgumentEntry): string[] {
  const { name, description, choices } = argument
  const text = [sentence(description), oneOf(choices), defaultText(argument.default)]
  return roff.definition(roff.italic(roff.escapeText(name)), [text.filter(part => part !== '').join(' ')])
}

function synopsis({ path, options, arguments: args }: CommandEntry): roff.Roff {
  const needed = options.filter(({ isNeeded }) => isNeeded)
  const words = [
    roff.bold(roff.escapeText([program, ...path].join(' '))),
    ...needed.map(optionTerm),
    ...(options.length > needed.length ? [`[${roff.italic('options')}]`] : []),
    ...args.map(placeholder),
  ]
  return words.join(' ')
}

function optionTerm({ flags, value }: OptionEntry): roff.Roff {
  const names = flags.map(flag => roff.bold(roff.escapeText(flag))).join(', ')
  return value === undefined ? names : `${names} ${placeholder(value)}`
}

function placeholder({ name, isNeeded, isVariadic }: Placeholder): roff.Roff {
  const text = roff.italic(roff.escapeText(name)) + (isVariadic ? ' ...' : '')
  return isNeeded ? text : `[${text}]`
}

function optionText({ description, isNeeded, value, default: preset, env }: OptionEntry): roff.Roff {
  const texts = [
    sentence(description),
    oneOf(value?.choices ?? []),
    isNeeded ? 'Needed.' : '',
    defaultText(preset),
    env === undefined ? '' : `Without the option, the environment variable ${roff.bold(roff.escapeText(env))} counts.`,
  ]
  return texts.filter(text => text !== '').join(' ')
}

function oneOf(choices: readonly string[]): roff.Roff {
  if (choices.length === 0) return ''
  return `One of ${choices.map(choice => roff.bold(roff.escapeText(choice))).join(', ')}.`
}

function defaultText(value: string | undefined): roff.Roff {
  return value === undefined ? '' : `Default: ${roff.bold(roff.escapeText(value))}.`
}

/** As --help has it, without a capital and a full stop; what is typed as it stands becomes bold. */
function sentence(text: string): roff.Roff {
  const whole = text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.')
  return roff
    .escapeText(whole)
    .replaceAll('\\(aq', "'")
    .replace(/\\-\\-[a-z]+(?:\\-[a-z]+)*/g, roff.bold)
}
