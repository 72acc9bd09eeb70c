/** Where secrets come from, what is wrong with them, and that nothing ever shows one. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import type { ClientAuth } from '../../src/config/config.ts'
import { loadText, minimal } from '../support/config.ts'

const directory = (...auth: readonly string[]): string => `${minimal}
[directory.main]
endpoint.url = "https://accounts.example.org/introspect"
endpoint.method = "introspect"
require.audience = "mail"
${auth.map(line => `auth.${line}\n`).join('')}`

const basic = (...auth: readonly string[]): string => directory('method = "basic"', 'username = "mail"', ...auth)
const token = (...auth: readonly string[]): string => directory('method = "token"', ...auth)
const jwt = (...auth: readonly string[]): string =>
  directory('method = "private-key-jwt"', 'username = "mail"', ...auth)

const privateKey = (curve: string): string =>
  generateKeyPairSync('ec', { namedCurve: curve }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

function secretOf(auth: ClientAuth | undefined): string | undefined {
  if (auth?.method === 'basic' || auth?.method === 'post') return auth.secret.reveal()
  if (auth?.method === 'token') return auth.token.reveal()
  return auth?.method === 'private-key-jwt' ? auth.key.reveal() : undefined
}

test('a secret in the file itself', async t => {
  const { config, problems } = await loadText(t, basic('secret = "hunter2"', 'basic-encoding = "raw"'))
  assert.deepEqual(problems, [])
  const auth = config?.directories[0]?.auth
  assert.equal(secretOf(auth), 'hunter2')
  assert.ok(auth?.method === 'basic' && auth.encoding === 'raw')
})

test('client_secret_post', async t => {
  const { config } = await loadText(t, directory('method = "post"', 'username = "mail"', 'secret = "hunter2"'))
  assert.equal(config?.directories[0]?.auth.method, 'post')
  assert.equal(secretOf(config.directories[0].auth), 'hunter2')
})

test('a secret in a file beside bearerd.toml, line end not included', async t => {
  const { config, problems } = await loadText(t, basic('secret-file = "secret"'), {
    files: { secret: ' hunter2 \r\n' },
  })
  assert.deepEqual(problems, [])
  assert.equal(secretOf(config?.directories[0]?.auth), ' hunter2 ')
})

test('a secret by its absolute path', async t => {
  const { folder } = await loadText(t, minimal, { files: { secret: 'hunter2\n' } })
  const { config } = await loadText(t, token(`token-file = "${join(folder, 'secret')}"`))
  assert.equal(secretOf(config?.directories[0]?.auth), 'hunter2')
})

test('$CREDENTIALS_DIRECTORY comes first, if it has the file', async t => {
  const { folder } = await loadText(t, minimal, { files: { secret: 'from systemd\n' } })
  const files = { secret: 'from beside', other: 'from beside too' }
  const env = { CREDENTIALS_DIRECTORY: folder }
  const first = await loadText(t, basic('secret-file = "secret"'), { files, env })
  assert.equal(secretOf(first.config?.directories[0]?.auth), 'from systemd')
  const second = await loadText(t, basic('secret-file = "other"'), { files, env })
  assert.equal(secretOf(second.config?.directories[0]?.auth), 'from beside too')
})

test('an empty $CREDENTIALS_DIRECTORY is none, least of all the working directory', async t => {
  const { problems } = await loadText(t, basic('secret-file = "package.json"'), { env: { CREDENTIALS_DIRECTORY: '' } })
  assert.match(problems.join(), /cannot read FOLDER\/package\.json: ENOENT/)
})

test('a private key', async t => {
  const key = privateKey('P-256')
  const { config, problems } = await loadText(t, jwt('key-file = "key.pem"', 'key-id = "2026"'), {
    files: { 'key.pem': key },
  })
  assert.deepEqual(problems, [])
  const auth = config?.directories[0]?.auth
  assert.equal(secretOf(auth), key.trimEnd())
  assert.ok(auth?.method === 'private-key-jwt' && auth.keyId === '2026')
})

const pem = (label: string): string => `-----BEGIN ${label}-----\nMIGH\n-----END ${label}-----\n`
const goodKeys = 'expected an RSA key of at least 2048 bits, an EC key on P-256, P-384 or P-521, or an Ed25519 key'
const onRaw = 'a ":" would be taken for the end of it; auth.basic-encoding = "form" encodes it'

const mistakes: Record<string, readonly [toml: string, problem: string]> = {
  'both a secret and its file': [
    basic('secret = "hunter2"', 'secret-file = "secret"'),
    'secret-file: expected either auth.secret or auth.secret-file, got both',
  ],
  'no secret': [basic(), 'secret: needed for auth.method = "basic" (or auth.secret-file)'],
  'no token': [token(), 'token: needed for auth.method = "token" (or auth.token-file)'],
  'no client id': [
    directory('method = "post"', 'secret = "hunter2"'),
    'username: needed for auth.method = "post": the client id',
  ],
  'a secret without a method': [
    directory('secret = "hunter2"'),
    'method: needed, since auth.secret is set: how bearerd is to prove itself to the endpoint',
  ],
  'a file that is not there': [
    basic('secret-file = "absent"'),
    'secret-file: cannot read FOLDER/absent: ENOENT: no such file or directory',
  ],
  'an empty file': [basic('secret-file = "empty"'), 'secret-file: FOLDER/empty is empty'],
  'an empty secret': [basic('secret = ""'), 'secret: expected a secret, got an empty string'],
  'a secret that is no string': [basic('secret = ["hunter2"]'), 'secret: expected a string, got a list'],
  'a token that fits into no header': [
    token('token = "hunter2 hunter2"'),
    'token: expected a bearer token: visible ASCII characters without spaces',
  ],
  'a token file that fits into no header': [
    token('token-file = "hunter2"'),
    'token-file: expected a bearer token: visible ASCII characters without spaces',
  ],
  'a client id that Basic cannot carry as it is': [
    directory('method = "basic"', 'username = "a:b"', 'secret = "hunter2"', 'basic-encoding = "raw"'),
    `username: ${onRaw}`,
  ],
  'a key of the kind before PKCS #8': [
    jwt('key-file = "pkcs1.pem"'),
    'key-file: expected a PKCS #8 key in PEM ("-----BEGIN PRIVATE KEY-----"); "openssl pkey -in KEY" converts others',
  ],
  'an encrypted key': [
    jwt('key-file = "encrypted.pem"'),
    'key-file: the key is encrypted; "openssl pkey -in KEY" takes the passphrase away',
  ],
  'a damaged key': [
    jwt('key-file = "damaged.pem"'),
    'key-file: the key is damaged: it begins as a PKCS #8 key, but OpenSSL cannot read it',
  ],
  'a key on a curve that has no algorithm': [jwt('key-file = "curve.pem"'), `key-file: ${goodKeys}`],
  'a key of 1024 bits': [jwt('key-file = "weak.pem"'), `key-file: ${goodKeys}`],
}

const weakKey = generateKeyPairSync('rsa', { modulusLength: 1024 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString()

for (const [title, [toml, problem]] of Object.entries(mistakes)) {
  test(title, async t => {
    const files = {
      empty: '\n',
      hunter2: 'hunter2\nhunter2\n',
      'pkcs1.pem': pem('RSA PRIVATE KEY'),
      'encrypted.pem': pem('ENCRYPTED PRIVATE KEY'),
      'damaged.pem': pem('PRIVATE KEY'),
      'curve.pem': privateKey('secp256k1'),
      'weak.pem': weakKey,
    }
    const { config, problems } = await loadText(t, toml, { files })
    assert.equal(config, undefined)
    assert.deepEqual(
      problems.map(line => line.split('error: directory.main.auth.')[1]),
      [problem],
    )
  })
}

test('a secret that everybody on the machine can read is warned of', async t => {
  const inline = await loadText(t, basic('secret = "hunter2"'), { mode: 0o644 })
  assert.ok(inline.config)
  assert.deepEqual(inline.problems, [
    'FOLDER/bearerd.toml:10: warning: directory.main.auth.secret: the secret stands in a file readable by everybody (mode 0644): take that away with "chmod o= FILE"; or use auth.secret-file',
  ])
  const file = await loadText(t, basic('secret-file = "secret"'), {
    mode: 0o644,
    files: { secret: ['hunter2', 0o604] },
  })
  assert.ok(file.config)
  assert.deepEqual(file.problems, [
    'FOLDER/bearerd.toml:10: warning: directory.main.auth.secret-file: FOLDER/secret is readable by everybody (mode 0604): take that away with "chmod o= FILE"',
  ])
  const closed = await loadText(t, basic('secret-file = "secret"'), { files: { secret: ['hunter2', 0o640] } })
  assert.deepEqual(closed.problems, [])
})

test('certificates: found as secrets are, and looked at', async t => {
  const fixture = (name: string): string => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8')
  const files = {
    'cert.pem': fixture('client.pem'),
    'key.pem': fixture('client-key.pem'),
    'other.pem': privateKey('P-256'),
    'open.pem': [fixture('client-key.pem'), 0o644] as const,
    'not.pem': 'not a certificate',
  }
  const load = async (...tls: readonly string[]) => {
    const lines = tls.map(line => `tls.${line}\n`).join('')
    const { config, problems, folder } = await loadText(t, directory('method = "user-token"') + lines, { files })
    return {
      tls: config?.directories[0]?.tls,
      folder,
      problems: problems.map(line => line.replace(/^.*main\.tls\./, '')),
    }
  }
  const good = await load('ca-file = "cert.pem"', 'cert-file = "cert.pem"', 'key-file = "key.pem"')
  assert.deepEqual(good.problems, [])
  assert.deepEqual(good.tls, {
    caFile: join(good.folder, 'cert.pem'),
    certFile: join(good.folder, 'cert.pem'),
    keyFile: join(good.folder, 'key.pem'),
  })
  assert.deepEqual((await load('ca-file = "not.pem"')).problems, [
    'ca-file: FOLDER/not.pem does not begin with a certificate in PEM',
  ])
  assert.deepEqual((await load('ca-file = "absent.pem"')).problems, [
    'ca-file: cannot read FOLDER/absent.pem: ENOENT: no such file or directory',
  ])
  assert.deepEqual((await load('cert-file = "cert.pem"')).problems, [
    'key-file: needed: tls.cert-file and tls.key-file go together',
  ])
  assert.deepEqual((await load('key-file = "key.pem"')).problems, [
    'cert-file: needed: tls.cert-file and tls.key-file go together',
  ])
  assert.deepEqual((await load('cert-file = "cert.pem"', 'key-file = "other.pem"')).problems, [
    'key-file: FOLDER/other.pem is not the key of the certificate in FOLDER/cert.pem',
  ])
  assert.deepEqual((await load('cert-file = "cert.pem"', 'key-file = "not.pem"')).problems, [
    'key-file: FOLDER/not.pem is no private key in PEM without passphrase',
  ])
  assert.deepEqual((await load('cert-file = "cert.pem"', 'key-file = "open.pem"')).problems, [
    'key-file: FOLDER/open.pem is readable by everybody (mode 0644): take that away with "chmod o= FILE"',
  ])
})

test('no problem and no print of a configuration shows a secret', async t => {
  const shown: string[] = []
  for (const toml of [
    basic('secret = "hunter2"'),
    basic('secret-file = "secret"'),
    token('token = "hunter2"'),
    jwt('key = "hunter2"'),
    jwt('key-file = "secret"'),
    basic('secret = "hunter2'),
    basic('secret = "hunter2" x'),
    basic('secret = hunter2'),
    basic('secret hunter2'),
    basic('secret = "\\hunter2"'),
    basic('secrets = "hunter2"'),
    jwt('key-file = "-----BEGIN PRIVATE KEY-----\\nhunter2"'),
    jwt('key-id = "-----BEGIN PRIVATE KEY-----\\nhunter2"'),
    basic('secret = { hunter = "hunter2" }'),
    basic('secret-file = "secret"', 'secret = "hunter2"'),
    `${minimal}[directory.main]\nauth = "hunter2"`,
    `${minimal}[directory.main]\nissuer = "https://me:hunter2@example.org"`,
    `${minimal}[directory.main]\nissuer = "https://me:hunter2@example.org/\\t"`,
    `${minimal}[directory.main]\nissuer = ["https://me:hunter2@example.org/"]`,
  ]) {
    const { config, problems } = await loadText(t, toml, { files: { secret: 'hunter2' }, mode: 0o644 })
    shown.push(
      ...problems,
      inspect(config, { depth: Infinity, showHidden: true }),
      JSON.stringify(config) ?? '',
      `${config}`,
    )
  }
  assert.ok(shown.some(text => text.includes('[secret]')))
  assert.deepEqual(
    shown.filter(text => text.includes('hunter2')),
    [],
  )
})
