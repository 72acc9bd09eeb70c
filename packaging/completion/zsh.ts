/**
 * Completion for zsh, as a function for /usr/share/zsh/vendor-completions: one function for each command, with _arguments.
 */
import { allCommands, type CommandEntry, isFile, type OptionEntry, type Placeholder } from '../commands.ts'

export function zshCompletion(program: CommandEntry): string {
  const functions = allCommands(program).map(entry =>
    entry.commands.length > 0 ? groupFunction(entry) : leafFunction(entry),
  )
  return `#compdef bearerd
# Completion of bearerd's commands and options for zsh. Generated; see packaging/completion.ts.

${functions.join('\n\n')}

_bearerd "$@"
`
}

function groupFunction(entry: CommandEntry): string {
  const options = entry.options.map(optionSpec)
  const described = entry.commands.map(child => quote(`${child.path.at(-1)}:${escapeColons(child.description)}`))
  const cases = entry.commands.map(child => `        ${child.path.at(-1)}) ${functionName(child)} ;;`)
  return `${functionName(entry)}() {
  local curcontext=$curcontext state line
  local -a commands
  commands=(
    ${described.join('\n    ')}
  )
  _arguments -C \\
    ${[...options, help, "'1: :->command'", "'*:: :->argument'"].join(' \\\n    ')}
  case $state in
    command) _describe -t commands command commands ;;
    argument)
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}`
}

function leafFunction(entry: CommandEntry): string {
  const positions = entry.arguments.map((argument, index) => {
    const place = argument.isVariadic ? '*' : String(index + 1)
    const colons = argument.isNeeded || argument.isVariadic ? ':' : '::'
    return quote(`${place}${colons}${argument.name}:${actionOf(argument)}`)
  })
  return `${functionName(entry)}() {
  _arguments -s \\
    ${[...entry.options.map(optionSpec), help, ...positions].join(' \\\n    ')}
}`
}

const help = "'(- *)--help[what it does, its options and an example]'"

function optionSpec({ flags, description, isRepeatable, value }: OptionEntry): string {
  const rest = `[${escapeColons(description).replace(/[[\]]/g, '\\$&')}]${value ? `:${value.name}:${actionOf(value)}` : ''}`
  const [first = '', second] = flags.map(flag =>
    value === undefined ? flag : flag + (flag.startsWith('--') ? '=' : '+'),
  )
  if (second !== undefined) return `'(${flags.join(' ')})'{${first},${second}}${quote(rest)}`
  return quote(`${isRepeatable ? '*' : ''}${first}${rest}`)
}

function actionOf(placeholder: Placeholder): string {
  if (placeholder.choices.length > 0) return `(${placeholder.choices.join(' ')})`
  return isFile(placeholder) ? '_files' : ' '
}

function functionName({ path }: CommandEntry): string {
  return ['_bearerd', ...path].join('_')
}

function escapeColons(text: string): string {
  return text.replace(/[\\:]/g, '\\$&')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
