/**
 * Completion for bash, as a script for /usr/share/bash-completion/completions. A table of all commands, and a function that
 * walks along the words that are there already.
 */
import { allCommands, type CommandEntry, isFile, type OptionEntry, type Placeholder } from '../commands.ts'

export function bashCompletion(program: CommandEntry): string {
  return `# Completion of bearerd's commands and options for bash. Generated; see packaging/completion.ts.

# What a command takes. An option of \`values\` has its kind after a colon, as each of \`arguments\`:
# "file", "any", or what there is to choose from.
_bearerd_command() {
    commands='' options='' values='' arguments=()
    case $1 in
${allCommands(program).map(describe).join('\n')}
        *) return 1 ;;
    esac
}

${walk}`
}

function describe({ path, commands, options, arguments: args }: CommandEntry): string {
  const flags = [...options.flatMap(option => option.flags), '--help']
  const fields = [
    ['commands', `'${commands.map(command => command.path.at(-1)).join(' ')}'`],
    ['options', `'${flags.filter(flag => flag.startsWith('--')).join(' ')}'`],
    ['values', `'${options.flatMap(valuesOf).join(' ')}'`],
    ['arguments', `(${args.map(kindOf).join(' ')})`],
  ]
  const set = fields.filter(([, value]) => value !== "''" && value !== '()').map(field => field.join('='))
  return `        '${path.join(' ')}') ${set.join(' ')} ;;`
}

function valuesOf({ flags, value }: OptionEntry): string[] {
  return value === undefined ? [] : flags.map(flag => `${flag}:${kindOf(value)}`)
}

function kindOf(placeholder: Placeholder): string {
  if (placeholder.choices.length > 0) return placeholder.choices.join(',')
  return isFile(placeholder) ? 'file' : 'any'
}

const walk = `# The kind of value that an option takes; empty if it takes none.
_bearerd_value() {
    local value
    kind=''
    for value in $values; do
        [[ \${value%%:*} == "$1" ]] && kind=\${value#*:}
    done
}

_bearerd() {
    local cur=\${COMP_WORDS[COMP_CWORD]} command='' kind='' commands options values arguments
    local index word words given=0
    COMPREPLY=()
    # Bash takes the "=" of --option=value for a word.
    [[ $cur == = ]] && cur=''
    _bearerd_command ''
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=\${COMP_WORDS[index]}
        _bearerd_value "$word"
        if [[ -n $kind ]]; then
            ((++index < COMP_CWORD)) && [[ \${COMP_WORDS[index]} == = ]] && ((++index))
            # Its value is what is being typed.
            ((index >= COMP_CWORD)) && break
            kind=''
        elif [[ $word != -* ]]; then
            if [[ " $commands " == *" $word "* ]]; then
                command="\${command:+$command }$word"
                _bearerd_command "$command"
            else
                ((++given))
            fi
        fi
    done

    if [[ -z $kind && $cur != -* ]] && ((\${#arguments[@]} > 0)); then
        kind=\${arguments[given]-any}
    fi
    case $kind in
        '') [[ -n $commands && $cur != -* ]] && words=$commands || words=$options ;;
        any) words='' ;;
        file) words='' && _bearerd_files && return ;;
        *) words=\${kind//,/ } ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

_bearerd_files() {
    if declare -F _filedir >/dev/null; then
        _filedir
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
    return 0
}

complete -F _bearerd bearerd
`
