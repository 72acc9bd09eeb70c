/**
 * man(7): text and macros of man pages, as groff and mandoc both take them. Functions return lines of roff; what they are
 * given as `Roff` is such text already, everything else is escaped.
 *
 * ASCII only, so that a page reads the same in every locale; and lines of at most 79 columns, a new one after each
 * sentence, since roff sets the space between sentences itself.
 */

/** Text with its special characters escaped, and its fonts set. */
export type Roff = string

const columns = 79

/** What roff would take for its own, and what terminals would show as something that can't be typed. */
const escapes: Record<string, string> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '…': '...',
  '–': '\\(en',
  '→': '\\(->',
  '×': '\\(mu',
}

export function escapeText(text: string): Roff {
  return text.replace(/[\\'`^~-]|[^\x20-\x7e\n]/g, character => {
    const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
    return escapes[character] ?? `\\[u${code}]`
  })
}

export function bold(text: Roff): Roff {
  return `\\fB${text}\\fR`
}

export function italic(text: Roff): Roff {
  return `\\fI${text}\\fR`
}

/** Words to be typed as they are are bold, what stands for something else is italic: `[directory.NAME]`. */
const placeholders = /\b(?:NAME|ADDRESS|FILE|COMMAND|LEVEL|SCHEME|SALT|ROUNDS|HEX|KEY|STATE)\b/

export function literal(text: string): Roff {
  return text
    .split(new RegExp(`(${placeholders.source})`))
    .filter(part => part !== '')
    .map(part => (placeholders.test(part) ? italic : bold)(escapeText(part)))
    .join('')
}

export type Header = {
  readonly name: string
  readonly section: 5 | 8
  /** As it stands after the name in the index of pages. */
  readonly summary: string
  readonly date: string
  readonly version: string
}

const manuals = { 5: 'File Formats Manual', 8: "System Manager's Manual" } as const

export function header({ name, section, summary, date, version }: Header): string[] {
  const title = escapeText(name.toUpperCase())
  return [
    `.TH ${title} ${section} "${date}" "bearerd ${escapeText(version)}" "${manuals[section]}"`,
    // Words as they are typed, and no holes between them. (.EX would end .nh in groff.)
    '.nh',
    '.ad l',
    '.SH NAME',
    `${escapeText(name)} \\- ${escapeText(summary)}`,
  ]
}

/** Names of tables, as `[log]`, keep their case. */
export function headingText(text: string): string {
  return text.startsWith('[') ? text : text.toUpperCase()
}

export function section(text: string): string[] {
  return [`.SH ${escapeText(headingText(text))}`]
}

export function subsection(text: string): string[] {
  return [`.SS ${escapeText(text)}`]
}

export function paragraph(text: Roff): string[] {
  return ['.PP', ...fill(text)]
}

/** A term, and beneath it lines that each begin anew. */
export function definition(term: Roff, lines: readonly Roff[]): string[] {
  return ['.TP', guard(term), ...fill(lines.filter(line => line !== '').join(lineBreak))]
}

export function item(mark: string, text: Roff): string[] {
  return [`.IP ${mark} 4`, ...fill(text)]
}

export function indented(lines: readonly string[]): string[] {
  return ['.RS 4', ...lines, '.RE']
}

/** Lines as they are, in so far as they fit into a terminal of 80 columns. */
export function code(text: string, language: string): string[] {
  const lines = text.split('\n')
  const shown = lines.flatMap(line => fold(line, language, /^(?:[$#] )?bearerd /.test(line)))
  const isFolded = language === 'jsonl' && shown.length > lines.length
  const note = isFolded ? paragraph('(A line that is too long for this page goes on in the next one, further in.)') : []
  return ['.PP', '.RS 4', '.nf', ...shown.map(line => guard(escapeText(line))), '.fi', '.RE', ...note]
}

const codeColumns = 66

/** Continued further in; a command with a backslash, as a shell would take it. */
function fold(line: string, language: string, isCommand: boolean): string[] {
  if (line.length <= codeColumns) return [line]
  const places = findBreaks(line, language)
  const fitting = places.filter(at => at < codeColumns - 1)
  // An option or a key stays with its value where it can.
  const best = fitting.findLast(at => /^\s*(?:--|"[^"]*":)/.test(line.slice(at)))
  const at = best ?? fitting.at(-1) ?? places[0]
  if (at === undefined) return [line]
  const rest = `    ${line.slice(at).trimStart()}`
  return [line.slice(0, at).trimEnd() + (isCommand ? ' \\' : ''), ...fold(rest, language, isCommand)]
}

/** Where a line may go on in the next one: outside of quotes after a comma; and after a blank, but in TOML. */
function findBreaks(line: string, language: string): number[] {
  const places: number[] = []
  const indent = line.length - line.trimStart().length
  let isQuoted = false
  for (let at = indent; at < line.length; at++) {
    const isPlace = line[at - 1] === ',' || (line[at - 1] === ' ' && language !== 'toml')
    if (isPlace && !isQuoted && at > indent) places.push(at)
    if (line[at] === '"') isQuoted = !isQuoted
  }
  return places
}

/** A line that begins with a dot or a quote would be a request. */
function guard(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line
}

/** Whole pages: a paragraph needs no request where a heading has begun one. */
export function page(lines: readonly string[]): string {
  const isHeading = (line = ''): boolean => /^\.S[HS] /.test(line)
  return `${lines.filter((line, index) => line !== '.PP' || !isHeading(lines[index - 1])).join('\n')}\n`
}

/** In a text: what follows begins a line of its own. */
export const lineBreak = '\v'

function fill(text: Roff): string[] {
  return text.split(lineBreak).flatMap((part, index) => [...(index > 0 ? ['.br'] : []), ...fillLines(part)])
}

/** Not dots that leave something out, or stand for themselves. */
const sentenceEnd = /[\w"')\]}>](?<!\\f[BI])[.!?](?:\\f.|["')\]])*$/
/** What roff takes for one. */
const lookedLikeEnd = /[.!?](?:\\f.|["')\]])*$/

function fillLines(text: Roff): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text
    .split(/[ \n]+/)
    .filter(part => part !== '')
    .map(keepWhole)) {
    if (line !== '' && (sentenceEnd.test(line) || line.length + 1 + word.length > columns)) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map(whole =>
    guard(lookedLikeEnd.test(whole) && !sentenceEnd.test(whole) ? `${whole}\\&` : whole),
  )
}

/** What is no plain word isn't broken, at its dashes either. */
function keepWhole(word: Roff): Roff {
  return /\\f[BI]|[a-z\d][./@_=]\w|\\-/.test(word) ? `\\%${word}` : word
}
