/** What works, but is warned of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadText, minimal } from '../support/config.ts'

/** A directory of which nothing is warned. */
const sound = `
[directory.main]
endpoint.url = "https://accounts.example.org/introspect"
endpoint.method = "introspect"
auth.method = "user-token"
require.audience = "mail"
`

const foreignTokens =
  "any application that was ever given a user's token by this provider can read her mail with it; set require.audience, require.clients or require.scopes to what only the tokens of mail clients have"

test('a sound configuration: nothing', async t => {
  assert.deepEqual((await loadText(t, minimal + sound)).problems, [])
})

const warnings: Record<string, readonly [toml: string, problem: string]> = {
  'introspection without a word on credentials': [
    sound.replace('auth.method = "user-token"\n', ''),
    '4: warning: directory.main.auth: no auth.method, so bearerd shows no credentials of its own, though RFC 7662 section 2.1 has providers ask for them; auth.method = "none" says that this is meant',
  ],
  'credentials for userinfo': [
    `[directory.main]
    issuer = "https://accounts.example.org"
    auth.method = "token"
    auth.token = "x"`,
    '5: warning: directory.main.auth: not used with endpoint.method = "userinfo": only introspection asks for it',
  ],
  'credentials that the method does not use': [
    `${sound}auth.secret-file = "/nonexistent"`,
    '9: warning: directory.main.auth.secret-file: not used with auth.method = "user-token"',
  ],
  'tokens that may not be meant for mail': [
    `${sound.replace('require.audience = "mail"\n', '')}require.claim.groups = "mail"`,
    `8: warning: directory.main.require: ${foreignTokens}`,
  ],
  'userinfo, asked for what it does not tell': [
    `[directory.main]
    issuer = "https://accounts.example.org"
    require.scopes = "email"
    require.clients = "thunderbird"`,
    '5: warning: directory.main.require: userinfo does not tell clients, scopes of a token: they are read in tokens that are JWTs, and opaque tokens are refused; for those, use endpoint.method = "introspect"',
  ],
  'a second default directory': [
    sound + sound.replace('main', 'other'),
    '10: warning: directory.other: has no "domains", and so has "main", which comes first and is the default; only accounts with directory = "other" come here',
  ],
  'logins without a directory': [
    `[listen.imap]
    protocol = "dovecot-auth"
    path = "imap"`,
    ' warning: directory: there is no [directory.NAME], so that app passwords are the only way to log in',
  ],
  'tokens in the place of passwords': [
    `${sound}[app-passwords]
    accept-tokens = true`,
    '10: warning: app-passwords.accept-tokens: whatever is typed as a password and looks like a token goes to the provider, a long password too; and mail clients keep a token as if it were a password, until it ends',
  ],
  'tokens in the place of passwords, where there are none': [
    `${sound}[app-passwords]
    enabled = false
    accept-tokens = true`,
    '11: warning: app-passwords.accept-tokens: not used with enabled = false',
  ],
  'tokens in the place of passwords, without a directory': [
    'app-passwords.accept-tokens = true',
    '3: warning: app-passwords.accept-tokens: not used: there is no [directory.NAME] whose tokens these could be',
  ],
  'refusals without a delay': [
    `${sound}[app-passwords]
    failure-delay = "0s"`,
    '10: warning: app-passwords.failure-delay: guessing is not slowed down, and how soon a refusal comes may tell what was wrong; "2s" is the default',
  ],
  'domains for new accounts, of which there are none': [
    `${sound}[accounts.create]
    domains = "example.org"`,
    '9: warning: accounts.create: not used with unknown = "reject"',
  ],
  'userdb entries for everybody': [
    `[listen.all]
    protocol = "dovecot-master"
    path = "all"
    mode = "0666"`,
    '6: warning: listen.all.mode: lets every process of this machine read all userdb entries; "0600" or "0660" with a group does not',
  ],
}

for (const [title, [toml, problem]] of Object.entries(warnings)) {
  test(title, async t => {
    const { config, problems } = await loadText(t, minimal + toml)
    assert.ok(config)
    const lines = problems.map(line => line.replace('FOLDER/bearerd.toml:', ''))
    assert.ok(lines.includes(problem), lines.join('\n'))
  })
}

test('a domain for new accounts that no directory is responsible for', async t => {
  const toml = `accounts.files = "a.jsonl"
  accounts.unknown = "create"
  accounts.create.domains = ["example.org", "example.net"]
  listen.master = { protocol = "dovecot-master", path = "auth-master" }
  ${sound}domains = "example.org"`
  assert.deepEqual((await loadText(t, toml)).problems, [
    'FOLDER/bearerd.toml:3: warning: accounts.create.domains[1]: no directory is responsible for example.net: add it to "domains" of one',
  ])
})

test('accounts for everybody who has a token', async t => {
  const toml = `[accounts]
  files = ["a.jsonl"]
  unknown = "create"
  [listen.imap]
  protocol = "dovecot-auth"
  path = "imap"
  ${sound}`
  const warned = (lines: readonly string[]): boolean =>
    lines.includes(
      'FOLDER/bearerd.toml:3: warning: accounts.unknown: anybody with a token of "main" gets a mailbox; set require.claim, or another of require.*, to say who may',
    )
  assert.equal(warned((await loadText(t, toml)).problems), false)
  assert.equal(warned((await loadText(t, toml.replace('require.audience = "mail"', ''))).problems), true)
})
