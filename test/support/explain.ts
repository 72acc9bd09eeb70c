/** `bearerd explain-token` with files of its own and a provider double. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import type { Explanation } from '../../src/cli/explain-decision.ts'
import { runExplainToken } from '../../src/cli/explain-token.ts'
import { explainInWords } from '../../src/cli/explain-words.ts'

export type Site = {
  /** What stands in bearerd.toml beside accounts, a listener and the state directory. */
  readonly config: string
  /** Default: alice@example.org, and bob@example.org, who is disabled. */
  readonly accounts?: string
  /** Further files, `bindings.jsonl` say; undefined: a folder. */
  readonly files?: Readonly<Record<string, string | undefined>>
}

export type Explained = {
  readonly code: number
  readonly output: string
  readonly error: string
  /** Names of the files that are there now. */
  readonly files: readonly string[]
}

const everybody = `[[account]]
address = "alice@example.org"
aliases = ["a.jones@example.org"]
[[account]]
address = "bob@example.org"
enabled = false
`

export async function runExplain(
  t: TestContext,
  { config, accounts = everybody, files = {} }: Site,
  input: string,
  { user, json = false }: { user?: string | undefined; json?: boolean } = {},
): Promise<Explained> {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-explain-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const all = { 'accounts.toml': accounts, 'accounts.jsonl': '', 'bearerd.toml': preamble + config, ...files }
  for (const [name, text] of Object.entries(all)) {
    if (text === undefined) mkdirSync(join(folder, name), { mode: 0o700 })
    else writeFileSync(join(folder, name), text, { mode: 0o600 })
  }
  let output = ''
  let error = ''
  const code = await runExplainToken(
    { config: join(folder, 'bearerd.toml'), json, user },
    {
      input: Readable.from([Buffer.from(input)]),
      output: { write: text => (output += text) },
      error: { write: text => (error += text) },
    },
  )
  return { code, output, error: error.replaceAll(`${folder}/`, ''), files: readdirSync(folder).sort() }
}

const preamble = `state-dir = "."
accounts.files = ["accounts.toml", "accounts.jsonl"]
listen.master = { protocol = "dovecot-master", path = "auth-master" }
`

/** The explanation, of whose JSON and words no piece of the token is a part. */
export function readExplanation({ output }: Explained, token: string): Explanation {
  const explanation = JSON.parse(output) as Explanation
  for (const text of [output, explainInWords(explanation).join('\n')]) assertHidden(text, token)
  return explanation
}

export function assertHidden(text: string, token: string): void {
  for (let start = 0; start + 12 <= token.length; start++)
    assert.ok(!text.includes(token.slice(start, start + 12)), `shown: ${token.slice(start, start + 12)} in ${text}`)
}

/** The check that decided. */
export function failedCheck({ steps }: Explanation): string | undefined {
  return steps.find(({ outcome }) => outcome === 'failed')?.check
}
