/** What a good bearerd.toml becomes, and what keeps a file from being read at all. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isatty } from 'node:tty'
import { loadConfig } from '../../src/config/load.ts'
import { loadText, minimal } from '../support/config.ts'

test('defaults: everything that may be left out', async t => {
  const { config, problems, folder } = await loadText(
    t,
    `
    accounts.files = "accounts.toml"
    [listen.imap]
    protocol = "dovecot-auth"
    path = "sockets/auth-client"
    [listen.master]
    protocol = "dovecot-master"
    path = "/run/bearerd/auth-master"
    [directory.main]
    issuer = "https://accounts.example.org"
    require.audience = "mail"
    `,
  )
  const warning =
    'userinfo does not tell audience of a token: they are read in tokens that are JWTs, and opaque tokens are refused; for those, use endpoint.method = "introspect"'
  assert.deepEqual(problems, [`FOLDER/bearerd.toml:11: warning: directory.main.require: ${warning}`])
  assert.deepEqual(config, {
    file: join(folder, 'bearerd.toml'),
    stateDir: '/var/lib/bearerd',
    accounts: {
      configFile: join(folder, 'bearerd.toml'),
      files: [join(folder, 'accounts.toml')],
      unknown: 'reject',
      recipientDelimiter: '+',
      defaults: {},
      create: { domains: [], perHour: 100 },
    },
    appPasswords: { enabled: true, acceptTokens: false, failureDelayMs: 2000, verifications: 2 },
    listeners: [
      {
        name: 'imap',
        protocol: 'dovecot-auth',
        path: join(folder, 'sockets/auth-client'),
        mode: 0o660,
        group: undefined,
        xoauth2Challenge: 'auto',
      },
      {
        name: 'master',
        protocol: 'dovecot-master',
        path: '/run/bearerd/auth-master',
        mode: 0o600,
        group: undefined,
        xoauth2Challenge: 'auto',
      },
    ],
    directories: [
      {
        name: 'main',
        timeoutMs: 5000,
        issuer: 'https://accounts.example.org',
        endpoint: { methods: ['userinfo'], urls: { jwks: undefined }, alwaysAsk: false },
        jwt: {
          algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'],
          types: ['at+jwt', 'jwt'],
        },
        keys: { refreshMs: 600_000, maxAgeMs: 86_400_000 },
        leewayMs: 60_000,
        bind: 'never',
        auth: { method: 'none', username: undefined },
        fields: { email: ['email'], username: ['preferred_username'], fullName: ['name'] },
        domains: [],
        require: { audience: ['mail'], scopes: [], clients: [], emailVerified: 'if-present', claim: {} },
        tls: { caFile: undefined, certFile: undefined, keyFile: undefined },
        connections: 128,
        warnings: [warning],
      },
    ],
    cache: { ttlMs: 60_000, negativeTtlMs: 5000, maxTokens: 10_000 },
    limits: { connections: 2048, requests: 1024, tokenBytes: 16_384 },
    log: { level: 'info', format: isatty(1) ? 'pretty' : 'json' },
    http: undefined,
    control: { path: '/var/lib/bearerd/control.sock' },
  })
})

test('values in every spelling', async t => {
  const { config, problems, folder } = await loadText(
    t,
    `
    state-dir = "state"
    [accounts]
    files = ["a.toml", "/var/lib/bearerd/b.jsonl"]
    unknown = "create"
    recipient-delimiter = "+-"
    defaults = { uid = 5000, gid = "vmail", home = "/var/vmail/{domain}/{local}", quota_rule = "*:storage=1G" }
    create = { domains = ["Example.ORG", "bücher.example"], per-hour = 5 }
    [app-passwords]
    enabled = true
    failure-delay = "500ms"
    verifications = 8
    [listen.imap]
    protocol = "postfix-sasl"
    path = "sasl"
    mode = "600"
    group = 107
    xoauth2-challenge = "never"
    [directory.main]
    endpoint = { url = "http://127.0.0.1:8080/introspect?tenant=1", method = "introspect" }
    auth.method = "none"
    domains = ["Example.ORG", "bücher.example", "example.org"]
    fields = { email = ["ext.mail", "email"], username = [] }
    require.scopes = "mail"
    require.clients = ["a", "b"]
    require.email-verified = "always"
    require.claim = { "realm_access.roles" = ["mail", "staff"], mail_enabled = true, level = 3 }
    connections = 1
    [cache]
    ttl = "0s"
    negative-ttl = "1500ms"
    max-tokens = 1
    [limits]
    connections = 10
    requests = 1
    token-size = "8KB"
    [log]
    level = "debug"
    format = "pretty"
    `,
  )
  assert.deepEqual(problems, [])
  assert.deepEqual(config?.accounts, {
    configFile: join(folder, 'bearerd.toml'),
    files: [join(folder, 'a.toml'), '/var/lib/bearerd/b.jsonl'],
    unknown: 'create',
    recipientDelimiter: '+-',
    defaults: { uid: '5000', gid: 'vmail', home: '/var/vmail/{domain}/{local}', quota_rule: '*:storage=1G' },
    create: { domains: ['example.org', 'xn--bcher-kva.example'], perHour: 5 },
  })
  assert.equal(config.stateDir, join(folder, 'state'))
  assert.deepEqual(config.appPasswords, {
    enabled: true,
    acceptTokens: false,
    failureDelayMs: 500,
    verifications: 8,
  })
  const [listener] = config.listeners
  assert.deepEqual(
    { mode: listener?.mode, group: listener?.group, challenge: listener?.xoauth2Challenge },
    { mode: 0o600, group: '107', challenge: 'never' },
  )
  const [directory] = config.directories
  assert.deepEqual(directory?.domains, ['example.org', 'xn--bcher-kva.example'])
  assert.deepEqual(directory.fields, { email: ['ext.mail', 'email'], username: [], fullName: ['name'] })
  assert.deepEqual(directory.require, {
    audience: [],
    scopes: ['mail'],
    clients: ['a', 'b'],
    emailVerified: 'always',
    claim: { 'realm_access.roles': ['mail', 'staff'], mail_enabled: ['true'], level: ['3'] },
  })
  assert.deepEqual(config.cache, { ttlMs: 0, negativeTtlMs: 1500, maxTokens: 1 })
  assert.deepEqual(config.limits, { connections: 10, requests: 1, tokenBytes: 8000 })
  assert.deepEqual(config.log, { level: 'debug', format: 'pretty' })
})

test('nothing of a loaded configuration can be changed', async t => {
  const { config } = await loadText(t, `${minimal}\n[directory.main]\nissuer = "https://accounts.example.org"`)
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
  assert.ok(config)
  assert.ok(frozen(config))
})

test('names that JavaScript objects have of their own are names like any other', async t => {
  const { config, problems } = await loadText(
    t,
    `${minimal}
    [accounts.defaults]
    constructor = "a"
    __proto__ = "b"
    [directory.__proto__]
    issuer = "https://accounts.example.org"
    require.claim.__proto__ = "x"
    [directory.constructor]
    issuer = "https://accounts.example.net"
    toString = 1
    [__proto__]
    polluted = true
    `,
  )
  assert.equal(config, undefined)
  assert.deepEqual(
    problems.filter(line => line.includes('error')),
    [
      'FOLDER/bearerd.toml:12: error: directory.constructor.toString: unknown key; known here are type, preset, timeout, issuer, endpoint, jwt, keys, leeway, bind, auth, fields, domains, require, tls, allow-http, connections',
      'FOLDER/bearerd.toml:13: error: __proto__: unknown key; known here are state-dir, accounts, app-passwords, listen, directory, cache, limits, log, http, control',
    ],
  )
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
})

test('a directory called __proto__ is in the list, and a claim of that name is a gate', async t => {
  const { config } = await loadText(
    t,
    `${minimal}\n[directory.__proto__]\nissuer = "https://accounts.example.org"\nrequire.claim.__proto__ = "x"`,
  )
  assert.equal(config?.directories[0]?.name, '__proto__')
  assert.deepEqual(Object.entries(config.directories[0].require.claim), [['__proto__', ['x']]])
})

test('a syntax error is told by its place, without the line, which may hold a secret', async t => {
  const { config, problems } = await loadText(t, '[directory.main]\nauth.secret = "hunter2\n')
  assert.equal(config, undefined)
  assert.equal(problems.length, 1)
  assert.match(problems[0] ?? '', /^FOLDER\/bearerd\.toml:2: error: TOML syntax, column \d+: /)
  assert.doesNotMatch(problems[0] ?? '', /hunter2/)
})

test('a file that is missing, no file, not text, or endless is one problem', async t => {
  const { folder } = await loadText(t, minimal, {
    files: { big: `# ${'x'.repeat(1024 * 1024)}` },
  })
  const messageOf = async (name: string): Promise<string | undefined> => {
    const { config, problems } = await loadConfig(join(folder, name), {})
    assert.equal(config, undefined)
    assert.equal(problems.length, 1)
    return problems[0]?.message.replaceAll(folder, 'FOLDER')
  }
  assert.equal(await messageOf('absent'), 'cannot read FOLDER/absent: ENOENT: no such file or directory')
  assert.equal(await messageOf('.'), 'cannot read FOLDER: not a regular file')
  assert.equal(await messageOf('big'), 'cannot read FOLDER/big: longer than 1048576 bytes')
  execFileSync('mkfifo', [join(folder, 'fifo')])
  assert.equal(await messageOf('fifo'), 'cannot read FOLDER/fifo: not a regular file')
  writeFileSync(join(folder, 'latin1'), Buffer.from('# M\xfcller', 'latin1'))
  assert.equal(await messageOf('latin1'), 'cannot read FOLDER/latin1: not UTF-8')
})

test('a file of comments alone, such as the one that the package installs', async t => {
  const said =
    'nothing is configured yet: expected accounts.files, a [listen.NAME] for each socket and a [directory.NAME]'
  for (const text of ['', readFileSync('packaging/debian/bearerd.toml', 'utf8')]) {
    const { config, problems } = await loadText(t, text)
    assert.equal(config, undefined)
    assert.deepEqual(problems, [
      `FOLDER/bearerd.toml: error: ${said} for the provider; "man bearerd.toml" has them all`,
    ])
  }
})

test('the file that the package installs, with its keys made active', async t => {
  const text = readFileSync('packaging/debian/bearerd.toml', 'utf8').replace(/^#(?=\S)/gm, '')
  const { config, problems } = await loadText(t, text)
  assert.deepEqual(problems, [])
  assert.deepEqual(
    config?.listeners.map(({ name }) => name),
    ['imap', 'dovecot', 'sasl', 'maps'],
  )
})

test('a file with hardly anything lacks accounts and a listener', async t => {
  const { problems } = await loadText(t, 'state-dir = "/var/lib/bearerd"')
  assert.deepEqual(problems, [
    'FOLDER/bearerd.toml: error: accounts.files: expected a file such as "/etc/bearerd/accounts.toml", got nothing',
    'FOLDER/bearerd.toml: error: listen: expected at least one [listen.NAME]',
  ])
})
