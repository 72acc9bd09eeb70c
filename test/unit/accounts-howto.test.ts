/** docs/howto/accounts.md is what happens: its commands are run in their order, on its files, and print what it shows. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { configuration, createSite } from '../support/account-commands.ts'

const page = readFileSync('docs/howto/accounts.md', 'utf8')
const folder = '/var/lib/bearerd/'

/** A file of the page begins with a comment that names it. CSV has no comments: its name ends the paragraph before. */
function nameOf(body: string, before: string): string | undefined {
  return (/^# (\S+)\n/.exec(body) ?? /This is `(\S+)`:\n\n$/.exec(before))?.[1]
}

function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

test('the page is what happens', async t => {
  const defaults = '[accounts.defaults]\nhome = "/srv/mail/{local}"\n'
  const site = createSite(t, { 'accounts.toml': '', 'bearerd.toml': configuration + defaults })
  const names = new Set<string>()
  let commands = 0
  for (const { index, 1: kind = '', 2: body = '' } of page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)) {
    const name = nameOf(body, page.slice(0, index))
    if (name !== undefined) {
      names.add(name)
      writeFileSync(site.path(name), body)
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
