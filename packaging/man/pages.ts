/**
 * The man pages: their texts in this folder, and what these take from the program and from docs/reference. In a text,
 * a line of its own stands for
 *
 *   {{commands}}                    all commands; those that have a page of their own by reference to it
 *   {{commands NAME}}               one command and those under it
 *   {{options}}, {{options NAME}}   the options of the program, and those that most of these commands have
 *   {{introduction FILE}}           of a document, what stands before its first section
 *   {{section FILE: HEADING}}       one section of it
 *   {{sections FILE except A, B}}   all others
 *
 * The same input gives the same bytes.
 */
import { posix } from 'node:path'
import type { Token } from 'marked'
import { type CommandEntry, readProgram, sharedOptions } from '../commands.ts'
import { readRoot } from '../source.ts'
import { describeCommand, describeOption, describeShared, referTo } from './commands.ts'
import { type FindTarget, plain, readMarkdown, toRoff } from './markdown.ts'
import * as roff from './roff.ts'

export type Edition = { readonly date: string; readonly version: string }

const pages = [
  { name: 'bearerd', section: 8, document: undefined },
  { name: 'bearerd.toml', section: 5, document: 'docs/reference/configuration.md' },
  { name: 'bearerd-accounts', section: 5, document: 'docs/reference/accounts.md' },
  { name: 'bearerd-app-password', section: 8, document: 'docs/reference/app-passwords.md' },
] as const

/** Where the package puts the documents that are no man pages. */
const installedDocs = '/usr/share/doc/bearerd/docs'

/** File name → content. */
export function makePages(edition: Edition): Map<string, string> {
  const program = readProgram()
  return new Map(pages.map(page => [`${page.name}.${page.section}`, makePage(page, program, edition)]))
}

function makePage({ name, section }: (typeof pages)[number], program: CommandEntry, edition: Edition): string {
  const source = `packaging/man/${name}.${section}.md`
  const [title, ...tokens] = readMarkdown(readRoot(source))
  const [, summary = ''] = / - (.*)$/.exec(plain(title === undefined ? [] : [title])) ?? []
  const body = tokens.flatMap(token => {
    const [, word, rest = ''] = /^\{\{(\w+)\s*(.*)\}\}\s*$/.exec(token.raw) ?? []
    return word === undefined ? toRoff([token], targetsOf(source)) : fillIn(word, rest, program)
  })
  return roff.page([...roff.header({ name, section, summary, ...edition }), ...body])
}

function fillIn(word: string, rest: string, program: CommandEntry): string[] {
  const [file = '', of] = rest.split(/\s*(?::| except )\s*/)
  const names = of?.split(/,\s*/) ?? []
  switch (word) {
    case 'commands':
      return commands(program, rest)
    case 'options':
      return [
        ...describeShared(groupOf(program, rest), sharedOptions(program)),
        ...groupOf(program, rest).options.flatMap(describeOption),
      ]
    case 'introduction':
      return toRoff(sectionsOf(file)[0]?.tokens.slice(1) ?? [], targetsOf(file))
    case 'section':
      return toRoff(
        found(
          sectionsOf(file).find(({ heading }) => heading === of),
          rest,
        ).tokens.slice(1),
        targetsOf(file),
      )
    case 'sections':
      return sectionsOf(file)
        .slice(1)
        .filter(({ heading }) => !names.includes(heading))
        .flatMap(({ tokens }) => toRoff(tokens, targetsOf(file)))
    default:
      throw new Error(`{{${word}}}: there is no such word`)
  }
}

function commands(program: CommandEntry, only: string): string[] {
  const shared = sharedOptions(program)
  if (only !== '') return groupOf(program, only).commands.flatMap(command => describeCommand(command, shared))
  return program.commands.flatMap(command => {
    const page = pages.find(({ name }) => name === `bearerd-${command.path.join('-')}`)
    return page === undefined ? describeCommand(command, shared) : referTo(pageName(page), command)
  })
}

function groupOf(program: CommandEntry, name: string): CommandEntry {
  return name === ''
    ? program
    : found(
        program.commands.find(({ path }) => path.join(' ') === name),
        name,
      )
}

function found<Item>(item: Item | undefined, name: string): Item {
  if (item === undefined) throw new Error(`there is no "${name}"`)
  return item
}

type Section = { readonly heading: string; readonly tokens: readonly Token[] }

/** The first one is what stands before the first heading of the second level; each begins with its heading. */
function sectionsOf(file: string): Section[] {
  const sections: { heading: string; tokens: Token[] }[] = [{ heading: '', tokens: [] }]
  for (const token of readMarkdown(readRoot(file))) {
    if (token.type === 'heading' && token.depth === 2)
      sections.push({ heading: plain('tokens' in token ? token.tokens : []), tokens: [] })
    sections.at(-1)?.tokens.push(token)
  }
  return sections
}

/** What links of a document lead to. */
function targetsOf(file: string): FindTarget {
  return (href, text) => {
    if (/^https?:/.test(href)) return { text: roff.escapeText(href) }
    const [path = '', anchor] = href.split('#')
    if (path === '') {
      const isName = sectionsOf(file).some(section => section.heading === text)
      return { text: roff.italic(roff.escapeText(isName ? roff.headingText(text) : text)), isWhole: true }
    }
    const target = posix.join(posix.dirname(file), path)
    const page = pages.find(({ document }) => document === target)
    if (page === undefined) return { text: roff.escapeText(target.replace(/^docs/, installedDocs)) }
    const heading = sectionsOf(target).find(section => slug(section.heading) === anchor)?.heading
    if (heading === undefined) return { text: pageName(page) }
    const place = `${roff.escapeText(roff.headingText(heading))} in ${pageName(page)}`
    return { text: place, isWhole: slug(text) === anchor }
  }
}

/** As anchors are made from headings. */
function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

function pageName({ name, section }: { readonly name: string; readonly section: number }): roff.Roff {
  return `${roff.bold(roff.escapeText(name))}(${section})`
}
