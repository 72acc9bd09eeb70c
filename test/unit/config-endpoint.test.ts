/** `endpoint.*`, `jwt.*`, `keys.*`: chains of methods, whose address is whose, and what JWTs take. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadText, minimal } from '../support/config.ts'

const issuer = 'issuer = "https://accounts.example.org"'
const audience = 'require.audience = "mail"'

async function load(t: Parameters<typeof loadText>[0], ...lines: string[]) {
  const { config, problems } = await loadText(t, `${minimal}[directory.main]\n${lines.join('\n')}\n`)
  const [directory] = config?.directories ?? []
  // The directory begins at line 3.
  return { directory, problems: problems.map(problem => problem.replace(/^FOLDER\/bearerd\.toml/, '')) }
}

const chains: Record<string, readonly string[]> = {
  '"jwt"': ['jwt'],
  '["jwt", "introspect"]': ['jwt', 'introspect'],
  '["jwt", "userinfo"]': ['jwt', 'userinfo'],
  '["jwt", "introspect", "userinfo"]': ['jwt', 'introspect', 'userinfo'],
  '["introspect", "userinfo"]': ['introspect', 'userinfo'],
  '["tokeninfo", "userinfo"]': ['tokeninfo', 'userinfo'],
}
for (const [written, methods] of Object.entries(chains))
  test(`endpoint.method = ${written}`, async t => {
    const auth = methods.includes('introspect') ? ['auth.method = "user-token"'] : []
    const tokeninfo = methods.includes('tokeninfo')
      ? ['endpoint.tokeninfo-url = "https://accounts.example.org/ti"']
      : []
    const { directory, problems } = await load(
      t,
      issuer,
      audience,
      `endpoint.method = ${written}`,
      ...auth,
      ...tokeninfo,
    )
    assert.deepEqual(problems, [])
    assert.deepEqual(directory?.endpoint.methods, methods)
  })

const order =
  'expected one method, or several in the order "jwt", then "introspect" or "tokeninfo", then "userinfo"; got'

const refused: Record<string, readonly [lines: readonly string[], problem: string]> = {
  'a chain in another order': [
    [issuer, audience, 'endpoint.method = ["userinfo", "introspect"]'],
    `:6: error: directory.main.endpoint.method: ${order} ["userinfo", "introspect"]`,
  ],
  'two of a kind': [
    [issuer, audience, 'endpoint.method = ["introspect", "tokeninfo"]'],
    `:6: error: directory.main.endpoint.method: ${order} ["introspect", "tokeninfo"]`,
  ],
  'the same one twice': [
    [issuer, audience, 'endpoint.method = ["jwt", "jwt"]'],
    `:6: error: directory.main.endpoint.method: ${order} ["jwt", "jwt"]`,
  ],
  'no method at all': [
    [issuer, audience, 'endpoint.method = []'],
    ':6: error: directory.main.endpoint.method: expected at least one entry, got an empty list',
  ],
  'one address for two': [
    [
      issuer,
      audience,
      'auth.method = "none"',
      'endpoint.method = ["introspect", "userinfo"]',
      'endpoint.url = "https://a.example/"',
    ],
    ':8: error: directory.main.endpoint.url: whose? Use endpoint.introspect-url and endpoint.userinfo-url',
  ],
  'an address twice': [
    [
      audience,
      'endpoint.method = "userinfo"',
      'endpoint.userinfo-url = "https://a.example/"',
      'endpoint.url = "https://a.example/"',
    ],
    ':7: error: directory.main.endpoint.url: expected either endpoint.url or endpoint.userinfo-url, got both',
  ],
  'no address of tokeninfo': [
    [issuer, audience, 'endpoint.method = "tokeninfo"'],
    ':6: error: directory.main.endpoint.url: needed: providers do not publish the address of tokeninfo',
  ],
  'a chain of which one has no address': [
    [
      audience,
      'auth.method = "none"',
      'endpoint.method = ["introspect", "userinfo"]',
      'endpoint.introspect-url = "https://a.example/"',
    ],
    ':6: error: directory.main.endpoint.userinfo-url: needed, unless issuer is set: then the provider tells its endpoints',
  ],
  'an address on plain http': [
    [audience, 'endpoint.method = "userinfo"', 'endpoint.userinfo-url = "http://a.example/"'],
    ':6: error: directory.main.endpoint.userinfo-url: expected https: on plain http everybody on the way can read the tokens (allow-http = true permits it)',
  ],
  'JWTs of an unknown issuer': [
    [audience, 'endpoint.method = "jwt"'],
    ':5: error: directory.main.endpoint.method: "jwt" needs "issuer": only tokens that name it are judged by its keys',
  ],
  'JWTs for anybody': [
    [issuer, 'endpoint.method = "jwt"', 'require.scopes = "email"'],
    ':6: error: directory.main.require.audience: needed for "jwt" (RFC 9068 section 4): the name by which the provider calls the mail server in the tokens meant for it; or set require.clients',
  ],
  'a secret shared with the provider': [
    [issuer, audience, 'endpoint.method = "jwt"', 'jwt.algorithms = ["RS256", "HS256"]'],
    ':7: error: directory.main.jwt.algorithms[1]: expected one of "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", got "HS256"',
  ],
  'unsigned JWTs': [
    [issuer, audience, 'endpoint.method = "jwt"', 'jwt.algorithms = "none"'],
    ':7: error: directory.main.jwt.algorithms: expected one of "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", got "none"',
  ],
  'keys that are too old before they are fetched again': [
    [issuer, audience, 'endpoint.method = "jwt"', 'keys.refresh = "2h"', 'keys.max-age = "1h"'],
    ':8: error: directory.main.keys.max-age: expected at least keys.refresh: keys would be given up before they are fetched again',
  ],
  'a preset that there is not': [
    ['preset = "keyclock"', audience],
    ':4: error: directory.main.preset: expected one of "keycloak", "authentik", "zitadel", "authelia", "kanidm", "dex", "okta", "auth0", "google", "entra", got "keyclock"',
  ],
}
for (const [name, [lines, problem]] of Object.entries(refused))
  test(`an error: ${name}`, async t => {
    const { problems } = await load(t, ...lines)
    assert.ok(problems.includes(problem), problems.join('\n'))
  })

const warned: Record<string, readonly [lines: readonly string[], problem: string]> = {
  'an address that nobody asks': [
    [issuer, audience, 'endpoint.method = "jwt"', 'endpoint.userinfo-url = "https://a.example/"'],
    ':7: warning: directory.main.endpoint.userinfo-url: not used: endpoint.method has no "userinfo"',
  ],
  'an address, and nobody is asked': [
    [issuer, audience, 'endpoint.method = "jwt"', 'endpoint.url = "https://a.example/"'],
    ':7: warning: directory.main.endpoint.url: not used with endpoint.method = "jwt", which asks for keys only',
  ],
  'to ask always, and nobody to ask': [
    [issuer, audience, 'endpoint.method = "jwt"', 'endpoint.always-ask = true'],
    ':7: warning: directory.main.endpoint.always-ask: not used with endpoint.method = "jwt": it takes "jwt" and another one',
  ],
}
for (const [name, [lines, problem]] of Object.entries(warned))
  test(`a warning: ${name}`, async t => {
    assert.deepEqual((await load(t, ...lines)).problems, [problem])
  })

test('endpoint.url is the address of the only method that asks', async t => {
  const url = 'endpoint.url = "https://accounts.example.org/introspect"'
  const { directory } = await load(
    t,
    issuer,
    audience,
    url,
    'endpoint.method = ["jwt", "introspect"]',
    'auth.method = "none"',
  )
  assert.deepEqual(directory?.endpoint.urls, { introspect: 'https://accounts.example.org/introspect', jwks: undefined })
})

test('the types of JWTs are told without case, and without what "application/" may stand before them', async t => {
  const { directory } = await load(t, issuer, audience, 'endpoint.method = "jwt"', 'jwt.types = ["application/AT+JWT"]')
  assert.deepEqual(directory?.jwt.types, ['at+jwt'])
})

test('a preset fills in what the file leaves out', async t => {
  const { directory, problems } = await load(t, 'preset = "kanidm"', issuer, audience)
  assert.deepEqual(problems, [])
  assert.deepEqual(directory?.endpoint.methods, ['jwt', 'userinfo'])
  assert.deepEqual(directory?.jwt.types, ['at+jwt'])
  assert.equal(directory?.jwt.algorithms.length, 10)
})

test('what the file says goes before its preset, key by key', async t => {
  const lines = ['preset = "kanidm"', issuer, audience, 'endpoint.method = "jwt"', 'jwt.algorithms = "ES256"']
  const { directory, problems } = await load(t, ...lines)
  assert.deepEqual(problems, [])
  assert.deepEqual(directory?.endpoint.methods, ['jwt'])
  assert.deepEqual(directory?.jwt, { algorithms: ['ES256'], types: ['at+jwt'] })
})

test('endpoint.url goes before the address in a preset', async t => {
  const { directory, problems } = await load(
    t,
    'preset = "google"',
    audience,
    'endpoint.url = "https://tokens.example.org/"',
  )
  assert.deepEqual(problems, [])
  assert.equal(directory?.endpoint.urls.tokeninfo, 'https://tokens.example.org/')
})

test('credentials that only a preset speaks of are not called useless', async t => {
  const { problems } = await load(t, 'preset = "keycloak"', issuer, audience, 'endpoint.method = "jwt"')
  assert.deepEqual(problems, [])
})

test('a name like "__proto__" is no preset and no directory of another kind', async t => {
  const { config, problems } = await loadText(t, `${minimal}[directory.__proto__]\npreset = "constructor"\n`)
  assert.equal(config, undefined)
  assert.match(problems.join(), /directory\.__proto__\.preset: expected one of/)
})
