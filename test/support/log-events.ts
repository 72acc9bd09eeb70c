/**
 * What src/ logs, read from its text: each call of a log, with its levels, its event and its fields. Written for the forms
 * that there are; whatever it doesn't understand is an error that names the place, so that nothing is passed over.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Event → what is logged by that name. */
export type LogEvents = ReadonlyMap<string, { readonly levels: Set<string>; readonly fields: Set<string> }>

/** `FILE` → the events that a function there is given. */
const givenEvents: Readonly<Record<string, readonly string[]>> = {
  // Errors; at the start they are not in the log.
  'src/state.ts': ['config_refused'],
}
/** `FILE` → what the variable in computed keys and events may be there. */
const variables: Readonly<Record<string, readonly string[]>> = {
  'src/accounts/report.ts': ['accounts', 'passwords', 'bindings'],
}

type Place = {
  readonly path: string
  readonly text: string
  readonly at: number
  /** In this reading of the file. */
  readonly variable: string | undefined
}
type Logged = { readonly events: readonly string[]; readonly fields: readonly string[] }

export function readLogEvents(): LogEvents {
  const events = new Map<string, { levels: Set<string>; fields: Set<string> }>()
  for (const name of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name === 'log.ts') continue
    const path = join('src', name)
    const text = withoutComments(readFileSync(path, 'utf8'))
    const calls = (variables[path] ?? [undefined]).flatMap(variable => callsIn(path, text, variable))
    for (const { levels, logged } of calls)
      for (const event of logged.events) {
        const known = events.get(event) ?? { levels: new Set(), fields: new Set() }
        events.set(event, known)
        for (const level of levels) known.levels.add(level)
        for (const field of logged.fields) known.fields.add(field)
      }
  }
  return events
}

/** By a log that is made of another one: what it is given is read where that is given. */
const handedOn = 'log[level](fields, message)'

/** Of one file. Exported for its own test. */
export function callsIn(
  path: string,
  text: string,
  variable?: string,
): { levels: readonly string[]; logged: Logged }[] {
  const known = /\blog(?:\.(debug|info|warn|error)|\[([^\]\n]+)\])\(/g
  const calls = [...text.replaceAll(handedOn, blank).matchAll(known)].map(match => {
    const levels =
      match[1] === undefined ? [...(match[2] ?? '').matchAll(/'(\w+)'/g)].map(([, word]) => word ?? '') : [match[1]]
    const place = { path, text, at: match.index, variable }
    const [first = ''] = split(place, inside(place, match.index + match[0].length - 1), ',')
    const logged = readFields(place, first)
    if (logged.events.length === 0) fail(place, `no event in ${first}`)
    return { levels, logged }
  })
  // A log's function that goes elsewhere would be called by another name.
  for (const match of text.matchAll(/\blog\.(?:debug|info|warn|error)\b(?!\()|\}\s*=\s*log\b|\blog\[[^\]\n]+\](?!\()/g))
    fail({ path, text, at: match.index, variable }, `"${match[0]}" is no call`)
  return calls
}

/** Of an expression that gives an object. */
function readFields(place: Place, expression: string): Logged {
  const text = expression.trim()
  if (text.startsWith('{')) return merge(split(place, inner(place, text), ',').map(part => readProperty(place, part)))
  if (text.startsWith('(')) return readFields(place, inner(place, text))
  const [condition, ...branches] = split(place, text, '?')
  if (branches.length > 0 && condition !== undefined)
    return merge(split(place, branches.join('?'), ':').map(branch => readFields(place, branch)))
  const [, ...then] = split(place, text, '&&')
  if (then.length > 0) return readFields(place, then.join('&&'))
  const call = /^(\w+)\(/.exec(text)?.[1]
  if (call !== undefined) return merge(returns(place, call).map(([where, value]) => readFields(where, value)))
  if (/^\w+$/.test(text)) return readFields(place, definition(place, text))
  return fail(place, `can't tell the fields of "${text}"`)
}

/** The nearest one above. */
function definition(place: Place, name: string): string {
  const found = [
    ...place.text.slice(0, place.at).matchAll(new RegExp(`\\bconst ${name}(?:: [\\w<>, ]+)? =\\s*`, 'g')),
  ].at(-1)
  if (found === undefined)
    return fail(place, `"${name}" is not defined above; teach test/support/log-events.ts what it holds`)
  const from = found.index + found[0].length
  return statement(place, from)
}

/** What a function returns, of this file or one that is imported here. */
function returns(place: Place, name: string): [Place, string][] {
  const begin = new RegExp(`\\bfunction ${name}\\(`).exec(place.text)
  if (begin === null) return returns(imported(place, name), name)
  const parameters = begin.index + begin[0].length - 1
  const body = place.text.indexOf('{\n', endOf(place, place.text, parameters))
  const end = endOf(place, place.text, body)
  const found = [...place.text.slice(body, end).matchAll(/\breturn\s+(?=\S)/g)]
  return found.map(({ index, 0: word }) => {
    const where = { ...place, at: body + index }
    return [where, statement(where, where.at + word.length)]
  })
}

function imported(place: Place, name: string): Place {
  const line = new RegExp(`^import \\{[^}]*\\b${name}\\b[^}]*\\} from '(\\.[^']+)'`, 'm').exec(place.text)
  if (line?.[1] === undefined) return fail(place, `"${name}" is no function here, and not imported`)
  const path = join(dirname(place.path), line[1])
  return { path, text: withoutComments(readFileSync(path, 'utf8')), at: 0, variable: place.variable }
}

function readProperty(place: Place, part: string): Logged {
  const text = part.trim()
  if (text === '') return merge([])
  if (text.startsWith('...')) return readFields(place, text.slice(3))
  const [, computed, name, value] = /^(?:\[(\w+)\]|(\w+))\s*(?::\s*([\s\S]*))?$/.exec(text) ?? []
  if (computed !== undefined) return { events: [], fields: [expand(place, `\${${computed}}`)] }
  if (name === undefined) return fail(place, `can't read the property "${text}"`)
  if (name !== 'event') return { events: [], fields: [name] }
  const events = value === undefined ? givenEvents[place.path] : undefined
  return { events: events ?? readEvent(place, value ?? definition(place, name)), fields: [] }
}

function readEvent(place: Place, value: string): string[] {
  const words = [...value.matchAll(/'(\w+)'|`([^`]*)`/g)].map(([, plain, made]) => plain ?? expand(place, made ?? ''))
  return words.length > 0 ? words : fail(place, `can't tell the event "${value}"`)
}

function expand({ variable, ...place }: Place, template: string): string {
  const name = template.replace(/\$\{\w+\}/, hole => variable ?? hole)
  return /^\w+$/.test(name) ? name : fail({ variable, ...place }, `can't tell the name "${template}"`)
}

function merge(parts: readonly Logged[]): Logged {
  return { events: parts.flatMap(({ events }) => events), fields: parts.flatMap(({ fields }) => fields) }
}

function fail({ path, text, at }: Place, message: string): never {
  throw new Error(`${path}:${text.slice(0, at).split('\n').length}: ${message}`)
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}

/** Lines stay where they are. */
function withoutComments(text: string): string {
  return text.replace(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, found =>
    found.startsWith('/') ? blank(found) : found,
  )
}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

/** Where the thing that begins here ends: a string, or what stands between brackets. */
function endOf(place: Place, text: string, from: number): number {
  const first = text[from] ?? ''
  if (first === "'" || first === '`' || first === '"') {
    for (let at = from + 1; at < text.length; at++)
      if (text[at] === '\\') at++
      else if (text[at] === first) return at
    return fail(place, 'a string without an end')
  }
  const end = closing[first]
  if (end === undefined) return from
  for (let at = from + 1; at < text.length; at = endOf(place, text, at) + 1) if (text[at] === end) return at
  return fail(place, `no ${end} to a ${first}`)
}

function inside(place: Place, from: number): string {
  return place.text.slice(from + 1, endOf(place, place.text, from))
}

function inner(place: Place, text: string): string {
  return text.slice(1, endOf(place, text, 0))
}

/** To the end of the line where no bracket is open. */
function statement(place: Place, from: number): string {
  let at = from
  while (
    at < place.text.length &&
    !(place.text[at] === '\n' && !/^\n\s*(?:[?:.]|&&)/.test(place.text.slice(at, at + 80)))
  )
    at = endOf(place, place.text, at) + 1
  return place.text.slice(from, at)
}

/** At the top level only. `?` is not `?.` or `??`. */
function split(place: Place, text: string, separator: ',' | '?' | ':' | '&&'): string[] {
  const parts: string[] = []
  let begin = 0
  for (let at = 0; at < text.length; at = endOf(place, text, at) + 1) {
    const isIt =
      separator === '?'
        ? /^\?(?![.?])/.test(text.slice(at, at + 2)) && text[at - 1] !== '?'
        : text.startsWith(separator, at)
    if (!isIt) continue
    parts.push(text.slice(begin, at))
    begin = at + separator.length
  }
  return [...parts, text.slice(begin)]
}
