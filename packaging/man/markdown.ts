/**
 * Markdown → man(7). Markdown is read by marked; what its tokens become is told here.
 *
 * A table becomes a list of definitions, as man pages have them: the first column is the term; columns of type, value and
 * default come in one line beneath, the meaning in the next. Links become the names of pages and sections.
 */
import { lexer, type Token, type Tokens } from 'marked'
import * as roff from './roff.ts'

/** What stands for a link: a page's name, say. Undefined: its text will do. */
export type FindTarget = (
  href: string,
  text: string,
) => { readonly text: roff.Roff; readonly isWhole?: boolean } | undefined

export function readMarkdown(text: string): Token[] {
  return lexer(text)
}

export function toRoff(tokens: readonly Token[], findTarget: FindTarget): string[] {
  const inline = (parts: readonly Token[] = []): roff.Roff => toText(parts, findTarget)
  return tokens.flatMap(token => {
    const block = token as Tokens.Generic
    switch (block.type) {
      case 'space':
      case 'html':
        return []
      case 'heading':
        return block.depth <= 2 ? roff.section(plain(block.tokens)) : roff.subsection(plain(block.tokens))
      case 'paragraph':
      case 'text':
        return roff.paragraph(inline(block.tokens))
      case 'code':
        return roff.code(block.text, block.lang ?? '')
      case 'list':
        return list(block as Tokens.List, findTarget)
      case 'table':
        return table(block as Tokens.Table, inline)
      default:
        throw new Error(`no form for ${block.type} in a man page: ${block.raw}`)
    }
  })
}

/** Without fonts. */
export function plain(tokens: readonly Token[] = []): string {
  return tokens.map(token => ('tokens' in token && token.tokens ? plain(token.tokens) : unquote(token))).join('')
}

/** The text as it was written: marked has it ready for HTML. */
function unquote(token: Token): string {
  if (token.type === 'codespan') return token.raw.replace(/^(`+)([\s\S]*)\1$/, '$2').replace(/\s+/g, ' ')
  return token.type === 'escape' ? token.text : token.raw
}

function toText(tokens: readonly Token[], findTarget: FindTarget): roff.Roff {
  return tokens
    .map((token, index) => {
      const part = token as Tokens.Generic
      switch (part.type) {
        case 'text':
        case 'escape':
          // Apostrophes of prose.
          return roff.escapeText(unquote(token)).replaceAll('\\(aq', "'")
        case 'codespan':
          return roff.literal(unquote(token))
        case 'strong':
          return roff.bold(toText(part.tokens ?? [], findTarget))
        case 'em':
          return roff.italic(toText(part.tokens ?? [], findTarget))
        case 'br':
          return roff.lineBreak
        case 'link': {
          const before = tokens[index - 1]?.raw ?? ''
          const after = tokens[index + 1]?.raw ?? ''
          return link(part as Tokens.Link, findTarget, before.endsWith('(') && after.startsWith(')'))
        }
        default:
          throw new Error(`no form for ${part.type} in a man page: ${part.raw}`)
      }
    })
    .join('')
}

function link({ href, tokens }: Tokens.Link, findTarget: FindTarget, isInParentheses: boolean): roff.Roff {
  const text = toText(tokens, findTarget)
  const target = findTarget(href, plain(tokens))
  if (target === undefined) return text
  if (target.isWhole) return target.text
  return isInParentheses ? `${text}: ${target.text}` : `${text} (${target.text})`
}

function list({ ordered, start, items }: Tokens.List, findTarget: FindTarget): string[] {
  return items.flatMap(({ tokens }, index) => {
    const mark = ordered ? `${Number(start) + index}.` : '\\(bu'
    const [first, ...rest] = tokens as Tokens.Generic[]
    const inside = toRoff(rest, findTarget)
    return [
      ...roff.item(mark, toText(first?.tokens ?? [], findTarget)),
      ...(inside.length === 0 ? [] : roff.indented(inside)),
    ]
  })
}

type Cell = { readonly name: string; readonly text: roff.Roff }

function table({ header, rows }: Tokens.Table, inline: (tokens: readonly Token[]) => roff.Roff): string[] {
  return rows.flatMap(row => {
    const [term, ...cells] = row.map((cell, index) => ({
      name: plain(header[index]?.tokens),
      text: inline(cell.tokens),
    }))
    return roff.definition(term?.text ?? '', definitionLines(cells))
  })
}

/** What a value can be, in one line; then the other columns, with their names where these say something. */
function definitionLines(cells: readonly Cell[]): roff.Roff[] {
  const kind = cells
    .filter(({ name, text }) => kinds.includes(name) && text !== '')
    .map(({ name, text }) => (name === 'default' && !text.startsWith('needed') ? `default: ${text}` : text))
    .join('; ')
  const others = cells
    .filter(({ name, text }) => !kinds.includes(name) && text !== '')
    .map(({ name, text }) => (cells.length === 1 || meanings.includes(name) ? text : `${capitalize(name)}: ${text}`))
  return [kind, ...others]
}

const kinds = ['type', 'value', 'default', 'written', 'of']
const meanings = ['meaning', 'form']

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
