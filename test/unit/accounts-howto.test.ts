/** docs/howto/accounts.md is what happens: its commands are run in their order, on its files, and print what it shows. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createSite } from '../support/account-commands.ts'

const page = readFileSync('docs/howto/accounts.md', 'utf8')
const folder = '/var/lib/bearerd/'

/** A file of the page begins with a comment that names it. CSV has no comments. */
function fileOf(kind: string, body: string): { readonly name: string; readonly text: string } | undefined {
  const [, name] = /^# (\S+)\n/.exec(body) ?? []
  if (name === undefined) return undefined
  return { name, text: kind === 'csv' ? body.slice(body.indexOf('\n') + 1) : body }
}

function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

test('the page is what happens', async t => {
  const site = createSite(t, { 'accounts.toml': '' })
  const names = new Set<string>()
  let commands = 0
  for (const [, kind = '', body = ''] of page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)) {
    const file = fileOf(kind, body)
    if (file !== undefined) {
      names.add(file.name)
      writeFileSync(site.path(file.name), file.text)
    }
    for (const part of kind === 'console' ? body.split(/^\$ /m).slice(1) : []) {
      const [command = '', ...shown] = part.trimEnd().split('\n')
      const [, , ...args] = wordsOf(command).map(word => (names.has(word) ? site.path(word) : word))
      const { output, error } = await site.run(args)
      const said = `${output}${error}`.replaceAll('\r\n', '\n').trimEnd()
      assert.equal(said, shown.join('\n').replaceAll(folder, ''), command)
      commands++
      // The page says to take this line out.
      if (error.includes('2 targets'))
        writeFileSync(site.path('virtual'), site.read('virtual').replace(/^sales.*\n/m, ''))
    }
  }
  assert.ok(commands > 10)
})
