/** The pages of docs/providers, and the answers of the providers that they are checked against. */
import { readdirSync, readFileSync } from 'node:fs'
import type { Claims } from '../../src/oidc/token-verdict.ts'

const folder = new URL('../../docs/providers/', import.meta.url)
const answersFolder = new URL('../fixtures/providers/', import.meta.url)

/** Without their ".md", sorted. */
export function pages(): string[] {
  return readdirSync(folder)
    .map(file => file.replace('.md', ''))
    .sort()
}

export function page(name: string): string {
  return readFileSync(new URL(`${name}.md`, folder), 'utf8')
}

/** The configurations on a page, in their order: the first one is the recipe, the others are variants of it. */
export function configurations(name: string): string[] {
  return configurationsIn(page(name))
}

/** The recipe, or the variant below a heading. */
export function recipe(name: string, heading?: string): string {
  const [, text] = heading === undefined ? ['', page(name)] : page(name).split(`\n## ${heading}\n`)
  const [toml] = configurationsIn(text ?? '')
  if (toml === undefined) throw new Error(`docs/providers/${name}.md has no configuration under "${heading}"`)
  return toml
}

function configurationsIn(text: string): string[] {
  return [...text.matchAll(/^```toml\n(.*?)^```$/gms)].map(([, toml = '']) => toml)
}

/** The files that a configuration wants secrets from. */
export function secrets(toml: string): Record<string, string> {
  return Object.fromEntries([...toml.matchAll(/-file = "([^"]+)"/g)].map(([, file = '']) => [file, 'a secret']))
}

/** Each names the file of the provider's source, or the document, that its form is from. */
export type Recorded = { readonly source: string } & (
  | { readonly status: number; readonly body: Claims }
  | { readonly header: Claims; readonly payload: Claims }
)

/** "access-token", "introspection", "userinfo", "id-token" … → what was found. */
export function answersOf(name: string): Record<string, Recorded> {
  const { provider, versions, issuer, ...answers } = JSON.parse(
    readFileSync(new URL(`${name}.json`, answersFolder), 'utf8'),
  )
  return answers
}
