/**
 * The settings shown in docs/howto, as the tests run them: a page and what runs can't drift apart.
 *
 * A block is known by its first line, a comment that names the file it belongs into. Only paths, ports and domains are
 * replaced, by the caller, and each replacement must find something to replace.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export type Page = 'dovecot' | 'postfix'

export function settings(page: Page, firstLine: string, replacements: Readonly<Record<string, string>> = {}): string {
  const file = fileURLToPath(new URL(`../../docs/howto/${page}.md`, import.meta.url))
  const blocks = [...readFileSync(file, 'utf8').matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, text = '']) => text)
  const found = blocks.filter(text => text.startsWith(`${firstLine}\n`))
  if (found.length !== 1) throw new Error(`docs/howto/${page}.md has ${found.length} blocks that begin "${firstLine}"`)
  return Object.entries(replacements).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`"${firstLine}" in docs/howto/${page}.md has no "${from}"`)
    return text.replaceAll(from, to)
  }, found.join(''))
}
