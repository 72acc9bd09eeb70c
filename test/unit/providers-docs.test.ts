/**
 * docs/providers: a page for each preset, and every configuration on them is one that `bearerd check` has nothing against.
 *
 * The pages are also checked against the answers of their provider: `provider-quirks.test.ts`.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { rejectReasons, unavailableReasons } from '../../src/auth/reason.ts'
import { presets } from '../../src/config/presets.ts'
import { loadText, minimal } from '../support/config.ts'
import { configurations, page, pages, secrets } from '../support/provider-pages.ts'

const index = 'README'

test('there is a page for each preset, answers to check it against, and a line in the index', () => {
  const names = Object.keys(presets).sort()
  assert.deepEqual(
    pages().filter(name => name !== index),
    names,
  )
  const answers = readdirSync('test/fixtures/providers').map(name => name.replace('.json', ''))
  assert.deepEqual(answers.sort(), names)
  for (const name of names) assert.match(page(index), new RegExp(`\\]\\(${name}\\.md\\) \\|`), name)
})

for (const name of Object.keys(presets))
  test(`${name}: the configurations load without a problem, and without a warning`, async t => {
    const found = configurations(name)
    assert.ok(found.length > 0)
    for (const toml of found) {
      assert.match(toml, new RegExp(`^preset = "${name}"$`, 'm'))
      const { problems } = await loadText(t, `${minimal}${toml}`, { files: secrets(toml) })
      assert.deepEqual(problems, [], toml)
    }
  })

test('the reasons that the pages name are in the log', () => {
  const known = new Set<string>([...Object.keys(rejectReasons), ...Object.keys(unavailableReasons)])
  const claims = new Set(['email_verified', 'preferred_username', 'token_use', 'client_id', 'at_hash', 'c_hash'])
  for (const name of pages())
    for (const [, word = ''] of page(name).matchAll(/`([a-z]+(?:_[a-z]+)+)`/g))
      assert.ok(known.has(word) || claims.has(word) || isOfAnother(word), `docs/providers/${name}.md: ${word}`)
})

/** Settings of the providers' own. */
const settings = new Set(['offline_access', 'mail_users', 'idm_people_self_mail_write', 'oauth_provider'])
const isOfAnother = (word: string): boolean => settings.has(word) || /^(?:requested|access)_/.test(word)

test('links lead to files', () => {
  for (const name of pages())
    for (const [, target = ''] of page(name).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
      assert.ok(existsSync(join('docs/providers', target)), `docs/providers/${name}.md: ${target}`)
})
