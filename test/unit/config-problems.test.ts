/** What `bearerd check` says of a bad bearerd.toml: every mistake at once, each with its line and what would be right. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadText, minimal } from '../support/config.ts'

test('a file with a mistake in nearly every line', async t => {
  const { config, problems } = await loadText(
    t,
    `[acounts]
files = ["/etc/bearerd/accounts.toml"]
[accounts]
files = ["/etc/bearerd/accounts.csv", 7]
unknown = "add"
recipient_delimiter = "-"
[accounts.defaults]
uid = "root"
home = "/var/vmail/{user}"
[listen."a b"]
protocol = "dovecot-auth"
path = "/run/bearerd/a"
[listen.imap]
protocol = "dovecot"
mode = 660
[listen.maps]
protocol = "postfix-socketmap"
path = "/run/bearerd/map"
xoauth2-challenge = "never"
[listen.policy]
protocol = "postfix-policy"
path = "/run/bearerd/map"
[directory.main]
type = "ldap"
timeout = 5
endpoint.url = "http://accounts.example.org/introspect"
endpoint.method = "introspect"
auth.method = "basic"
auth.usrname = "mail"
auth.secret = 1234
audience = "mail"
domains = ["example.org", "not a domain"]
require.scopes = "openid email"
require.clients = []
connections = 0
[directory.other]
timeout = "9s"
endpoint.method = "jwt"
domains = "example.org"
require.claim.realm_access.roles = "mail"
allow-http = "yes"
[cache]
ttl = "1 minute"
negative-ttl = "5m"
[limits]
token-size = "64KiB"
conections = 5
[[log]]
level = "info"
`,
  )
  assert.equal(config, undefined)
  assert.deepEqual(
    problems.map(line => line.replace('FOLDER/bearerd.toml:', '')),
    [
      '1: error: acounts: unknown key; did you mean "accounts"?',
      '4: error: accounts.files[1]: expected a file such as "/etc/bearerd/accounts.toml", got a number',
      '5: error: accounts.unknown: expected one of "reject", "create", got "add"',
      '6: error: accounts.recipient_delimiter: unknown key; did you mean "recipient-delimiter"?',
      '8: error: accounts.defaults.uid: mail is not stored as root: expected another user',
      '9: error: accounts.defaults.home: unknown placeholder "{user}"; known are {address}, {local}, {domain}',
      '10: error: listen."a b": expected a name of 1 to 64 printable characters without spaces',
      '13: error: listen.imap.path: expected a path such as "/run/bearerd/auth-client", got nothing',
      '14: error: listen.imap.protocol: expected one of "dovecot-auth", "dovecot-master", "postfix-sasl", "postfix-policy", "postfix-socketmap", got "dovecot"',
      '15: error: listen.imap.mode: expected file permissions such as "0660", got a number',
      '19: error: listen.maps.xoauth2-challenge: there are no logins on a listener of protocol "postfix-socketmap"',
      '22: error: listen.policy.path: /run/bearerd/map is the path of listener "maps" already',
      '24: error: directory.main.type: expected "oidc", got "ldap"',
      '25: error: directory.main.timeout: expected a duration such as "5s", got a number',
      '26: error: directory.main.endpoint.url: expected https: on plain http everybody on the way can read the tokens (allow-http = true permits it)',
      '28: error: directory.main.auth.username: needed for auth.method = "basic": the client id',
      '29: error: directory.main.auth.usrname: unknown key; did you mean "username"?',
      '30: error: directory.main.auth.secret: expected a string, got a number',
      '31: error: directory.main.audience: unknown key; did you mean "require.audience"?',
      '32: error: directory.main.domains[1]: expected a domain such as "example.org", got "not a domain"',
      '33: error: directory.main.require.scopes: expected one scope an entry, such as ["openid", "email"], got "openid email"',
      '34: error: directory.main.require.clients: expected at least one entry, got an empty list',
      '35: error: directory.main.connections: expected a whole number from 1 to 1024, got 0',
      '37: error: directory.other.timeout: expected a duration from "100ms" to "8s": Postfix hangs up after 10 s',
      '38: error: directory.other.endpoint.method: "jwt" needs "issuer": only tokens that name it are judged by its keys',
      '40: error: directory.other.require.claim.realm_access: expected a string, or a list of strings (write a claim within another as one key: "realm_access.roles"), got a table',
      '41: error: directory.other.allow-http: expected true or false, got "yes"',
      '43: error: cache.ttl: expected a duration such as "5s", got "1 minute"',
      '44: error: cache.negative-ttl: expected a duration from "0s" to "60s"',
      '46: error: limits.token-size: expected a size from "256B" to "40KiB": a line of the mail servers holds 64 KiB in base64',
      '47: error: limits.conections: unknown key; did you mean "connections"?',
      '48: error: log: expected a table, got a list',
    ],
  )
})

/** One mistake each, beneath what is needed: what is written, and what is said of it. */
const mistakes: Record<string, readonly [toml: string, problem: string]> = {
  'a URL with a password': [
    'directory.a = { endpoint.url = "https://me:hunter2@example.org/" }',
    'directory.a.endpoint.url: expected a URL without a user name and password in it',
  ],
  'a URL with a fragment': [
    'directory.a = { endpoint.url = "https://example.org/#top" }',
    'directory.a.endpoint.url: expected a URL without a fragment ("#")',
  ],
  'an issuer with a query': [
    'directory.a = { issuer = "https://example.org/?tenant=1" }',
    'directory.a.issuer: expected a URL without a query ("?"), as OpenID Connect Discovery asks',
  ],
  'the address of a discovery document for an issuer': [
    'directory.a = { issuer = "https://example.org/realms/a/.well-known/openid-configuration" }',
    'directory.a.issuer: expected the issuer, not the address of its discovery document: leave out "/.well-known/…"',
  ],
  'what other programs call the user name': [
    'directory.a = { issuer = "https://example.org", client_id = "mail" }',
    'directory.a.client_id: unknown key; did you mean "auth.username"?',
  ],
  'what other programs call the secret': [
    'directory.a = { issuer = "https://example.org", auth.client-secret = "x" }',
    'directory.a.auth.client-secret: unknown key; did you mean "secret"?',
  ],
  'an issuer that is no URL': [
    'directory.a = { issuer = "accounts.example.org" }',
    'directory.a.issuer: expected a URL such as "https://accounts.example.org"',
  ],
  'a URL that is another host to some than to others': [
    'directory.a = { issuer = "https://accounts.example.org\\\\@example.net" }',
    'directory.a.issuer: expected a URL such as "https://accounts.example.org"',
  ],
  'a URL with a space at its end': [
    'directory.a = { issuer = "https://accounts.example.org " }',
    'directory.a.issuer: expected a URL such as "https://accounts.example.org"',
  ],
  'a host that only begins like a loopback address': [
    'directory.a = { issuer = "http://127.0.0.1.example.org" }',
    'directory.a.issuer: expected https: on plain http everybody on the way can read the tokens (allow-http = true permits it)',
  ],
  'neither an endpoint nor an issuer': [
    'directory.a = { type = "oidc" }',
    'directory.a.endpoint.url: needed, unless issuer is set: then the provider tells its endpoints',
  ],
  'a broken issuer is told once': [
    'directory.a = { issuer = 5 }',
    'directory.a.issuer: expected a URL such as "https://accounts.example.org", got a number',
  ],
  'a broken issuer is told once, also where it is needed': [
    'directory.a = { issuer = 5, endpoint.method = ["jwt", "userinfo"], require.audience = "mail" }',
    'directory.a.issuer: expected a URL such as "https://accounts.example.org", got a number',
  ],
  'a domain in two directories': [
    'directory.a = { issuer = "https://a.example", domains = "EXAMPLE.org" }\n' +
      'directory.b = { issuer = "https://b.example", domains = ["example.net", "example.org"] }',
    'directory.b.domains: example.org belongs to directory "a" already',
  ],
  'a directory name with a line end in it': [
    'directory."a\\nb" = { issuer = "https://a.example" }',
    'directory."a\\u{a}b": expected a name of 1 to 64 printable characters without spaces',
  ],
  'a login listener without anything to log in with': [
    'listen.imap = { protocol = "dovecot-auth", path = "imap" }\napp-passwords.enabled = false',
    'directory: expected at least one [directory.NAME]: without one, and without app passwords, nobody can log in',
  ],
  'a path that does not fit into an address': [
    `listen.imap = { protocol = "postfix-policy", path = "/${'x'.repeat(107)}" }`,
    'listen.imap.path: expected a path of at most 107 bytes, got 108',
  ],
  'a path twice in two spellings': [
    'listen.imap = { protocol = "postfix-policy", path = "./x/../auth-master" }',
    'listen.imap.path: FOLDER/auth-master is the path of listener "master" already',
  ],
  'a mode that is none': [
    'listen.imap = { protocol = "postfix-policy", path = "x", mode = "0688" }',
    'listen.imap.mode: expected file permissions such as "0660", got "0688"',
  ],
  'a group that is none': [
    'listen.imap = { protocol = "postfix-policy", path = "x", group = true }',
    'listen.imap.group: expected the name or number of a group, got a boolean',
  ],
  'a delimiter that is part of names': [
    'accounts.recipient-delimiter = "x"',
    'accounts.recipient-delimiter: expected characters such as "+", but no letters, digits, spaces or "@", got "x"',
  ],
  'a placeholder with a slip': [
    'accounts.defaults.home = "/var/vmail/{adress}"',
    'accounts.defaults.home: unknown placeholder "{adress}"; did you mean {address}?',
  ],
  "a variable of Dovecot's": [
    'accounts.defaults.home = "/var/vmail/%d/%n"',
    "accounts.defaults.home: Dovecot's variables are not replaced here: expected {local}, {domain} or {address}",
  ],
  'one home for all': [
    'accounts.defaults.home = "/var/vmail"',
    'accounts.defaults.home: all accounts would have the same mail: expected {local} or {address} in it',
  ],
  'a home that is not absolute': [
    'accounts.defaults.home = "var/vmail/{local}"',
    'accounts.defaults.home: expected an absolute path',
  ],
  'uid 0': ['accounts.defaults.uid = 0', 'accounts.defaults.uid: mail is not stored as root: expected another user'],
  'uid "00"': [
    'accounts.defaults.uid = "00"',
    'accounts.defaults.uid: mail is not stored as root: expected another user',
  ],
  'a default that is a list': [
    'accounts.defaults.mail = ["a"]',
    'accounts.defaults.mail: expected a string or a whole number, got a list',
  ],
  'a default with a line end': [
    'accounts.defaults.mail = "a\\nb"',
    'accounts.defaults.mail: expected a string, got one with line ends or other control characters',
  ],
  'an empty default': ['accounts.defaults.mail = ""', 'accounts.defaults.mail: expected a string, got an empty string'],
  'new accounts, but no file for them': [
    'accounts.unknown = "create"',
    'accounts.unknown: "create" adds accounts to the last .jsonl file of accounts.files, and there is none',
  ],
  'a delay that outlasts Postfix': [
    'app-passwords.failure-delay = "6s"',
    'app-passwords.failure-delay: expected a duration from "0s" to "5s": Postfix hangs up after 10 s',
  ],
  'a date for a table': ['cache = 2026-11-21', 'cache: expected a table, got a date'],
  'a token size that no line holds': [
    'limits.token-size = "41KiB"',
    'limits.token-size: expected a size from "256B" to "40KiB": a line of the mail servers holds 64 KiB in base64',
  ],
}

for (const [title, [toml, problem]] of Object.entries(mistakes)) {
  test(title, async t => {
    const { config, problems } = await loadText(t, minimal + toml)
    assert.equal(config, undefined)
    const errors = problems.flatMap(line => line.split(/^FOLDER\/bearerd\.toml(?::\d+)?: error: /)[1] ?? [])
    assert.deepEqual(errors, [problem])
  })
}

test('account files of another kind, and the same one twice', async t => {
  const { problems } = await loadText(
    t,
    `accounts.files = [
      "accounts.toml",
      "accounts.yaml",
      "./accounts.toml",
    ]
    listen.maps = { protocol = "postfix-socketmap", path = "map" }`,
  )
  assert.deepEqual(problems, [
    'FOLDER/bearerd.toml:3: error: accounts.files[1]: expected a file that ends in .toml or .jsonl',
    'FOLDER/bearerd.toml:4: error: accounts.files[2]: FOLDER/accounts.toml is in the list already',
  ])
})

test('what would follow from a mistake is not told beside it', async t => {
  const { problems } = await loadText(
    t,
    `${minimal}[directory.a]
    issuer = "https://accounts.example.org"
    endpoint.method = "introspection"
    auth.method = "basic"
    require.audience = "mail"`,
  )
  assert.deepEqual(problems, [
    'FOLDER/bearerd.toml:5: error: directory.a.endpoint.method: expected one of "jwt", "introspect", "tokeninfo", "userinfo", got "introspection"',
  ])
})
