/** The five directory examples of Stalwart's documentation (0.10 to 0.15) are loaded as they were written there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientAuth } from '../../src/config/config.ts'
import { Secret } from '../../src/secret.ts'
import { loadText, minimal } from '../support/config.ts'
import { directory } from '../support/directory.ts'
import { examples } from '../support/stalwart.ts'

const auth: Record<keyof typeof examples, ClientAuth> = {
  'oidc-userinfo': { method: 'none', username: undefined },
  'oidc-introspect-none': { method: 'none', username: undefined },
  'oidc-introspect-basic': { method: 'basic', username: 'myuser', secret: new Secret('mypass'), encoding: 'form' },
  'oidc-introspect-token': { method: 'token', token: new Secret('token_of_gratitude') },
  'oidc-introspect-user-token': { method: 'user-token' },
}

const warning =
  "any application that was ever given a user's token by this provider can read her mail with it; set require.audience, require.clients or require.scopes to what only the tokens of mail clients have"

const secrets = (value: ClientAuth): string[] =>
  Object.values(value).flatMap(one => (one instanceof Secret ? [one.reveal()] : []))

for (const [name, example] of Object.entries(examples)) {
  test(`${name}: loads as written, and is only warned of tokens that were not meant for mail`, async t => {
    const { config, problems } = await loadText(t, minimal + example)
    assert.deepEqual(problems, [`FOLDER/bearerd.toml:4: warning: directory.${name}.require: ${warning}`])
    const expected = auth[name as keyof typeof examples]
    const method = name === 'oidc-userinfo' ? 'userinfo' : 'introspect'
    assert.deepEqual(config?.directories, [
      directory({
        name,
        timeoutMs: 1000,
        endpoint: {
          methods: [method],
          urls: { [method]: `https://accounts.example.org/${method}`, jwks: undefined },
          alwaysAsk: false,
        },
        auth: expected,
        warnings: [warning],
      }),
    ])
    assert.deepEqual(
      config.directories.flatMap(directory => secrets(directory.auth)),
      secrets(expected),
    )
  })
}

test('all five in one file: the first is the default, the others are for accounts that name them', async t => {
  const { config, problems } = await loadText(t, minimal + Object.values(examples).join(''))
  assert.deepEqual(
    config?.directories.map(({ name }) => name),
    Object.keys(examples),
  )
  assert.deepEqual(
    problems.filter(line => line.includes('default')),
    [
      [13, 'oidc-introspect-none'],
      [23, 'oidc-introspect-basic'],
      [35, 'oidc-introspect-token'],
      [46, 'oidc-introspect-user-token'],
    ].map(
      ([line, name]) =>
        `FOLDER/bearerd.toml:${line}: warning: directory.${name}: has no "domains", and so has "oidc-userinfo", which comes first and is the default; only accounts with directory = "${name}" come here`,
    ),
  )
})
