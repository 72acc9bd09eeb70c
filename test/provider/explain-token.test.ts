/** `bearerd explain-token` beside a real provider: the daemon's own decision on tokens that it has issued. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { assertHidden, failedCheck, readExplanation, runExplain } from '../support/explain.ts'
import { run } from '../support/process.ts'
import { introspectors, startProvider } from '../support/provider.ts'

const provider = await startProvider()
after(provider.stop)

const { id, secret } = introspectors.basic
const introspect = `[directory.main]
issuer = "${provider.issuer}"
endpoint.method = "introspect"
auth.method = "basic"
auth.username = "${id}"
auth.secret = "${secret}"
require.clients = "mail-client"
`
const userinfo = `[directory.main]
issuer = "${provider.issuer}"
endpoint.method = "userinfo"
`
const jwt = `[directory.main]
issuer = "${provider.issuer}"
endpoint.method = "jwt"
require.audience = "mail"
`
const alice = 'alice@example.org'
const aJwt = () => provider.accessJwt(alice)

type Case = [name: string, config: string, token: () => Promise<string>, told: [reason: string, check?: string]]
const cases: Case[] = [
  ['introspection, a good token', introspect, () => provider.token(alice), ['ok']],
  ['userinfo, a good token', userinfo, () => provider.token(alice), ['ok']],
  ['a good JWT, judged by the keys', jwt, aJwt, ['ok']],
  ['introspection, a revoked token', introspect, revoked, ['token_refused', 'introspect']],
  ['userinfo, a token that was never issued', userinfo, async () => 'x'.repeat(43), ['token_refused', 'userinfo']],
  ['userinfo, a token without "openid"', userinfo, unscoped, ['insufficient_scope', 'userinfo']],
  ['a token of another client', introspect, otherClient, ['wrong_client', 'client']],
  ['a JWT for another audience', jwt.replace('"mail"', '"wiki"'), aJwt, ['wrong_audience', 'audience']],
  ['an opaque token where keys decide', jwt, () => provider.token(alice), ['opaque_token', 'signature']],
  ['an ID token', jwt, () => provider.idToken(alice), ['not_an_access_token', 'kind of token']],
  ['a token of a program', jwt, provider.machineToken, ['machine_token', 'kind of token']],
  ['a JWT whose key is withdrawn', jwt, withdrawn, ['unknown_key', 'signature']],
  ['somebody unknown', userinfo, () => provider.token('zoe@example.org'), ['unknown_account', 'account']],
  ['wrong credentials of our own', introspect.replace(secret, 'x'), aToken, ['provider_unavailable', 'introspect']],
]

async function revoked(): Promise<string> {
  const token = await provider.token(alice)
  await provider.revoke(token)
  return token
}

async function withdrawn(): Promise<string> {
  const token = await aJwt()
  await provider.rotateKeys()
  await provider.withdrawKeys()
  return token
}

function unscoped(): Promise<string> {
  return provider.token(alice, { scope: 'email' })
}

function otherClient(): Promise<string> {
  return provider.token(alice, { client: 'other-client' })
}

function aToken(): Promise<string> {
  return provider.token(alice)
}

for (const [name, config, issue, [reason, check]] of cases)
  test(`${name}: ${reason}`, async t => {
    const token = await issue()
    const shown = await runExplain(t, { config }, token, { json: true })
    const explanation = readExplanation(shown, token)
    assert.deepEqual([explanation.reason, failedCheck(explanation)], [reason, check])
    assert.ok(!shown.output.includes(secret))
  })

test('the provider is down: no verdict, and what keeps it from one', async t => {
  const token = await provider.token(alice)
  await provider.down()
  t.after(provider.up)
  const shown = await runExplain(t, { config: userinfo }, token)
  assert.equal(shown.code, 69)
  assert.match(shown.output, /^FAIL {2}discovery .*connection is refused/m)
  assert.match(shown.output, /\nWhat to do: Check that the provider runs, and the port\.\n$/)
})

test('the command reads its standard input, and ends with 0 or 1', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-explain-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const listener = 'listen.master = { protocol = "dovecot-master", path = "master" }\n'
  const files = { 'accounts.toml': `[[account]]\naddress = "${alice}"\n` }
  const config = `state-dir = "."\naccounts.files = ["accounts.toml"]\n${listener}${userinfo}`
  for (const [file, text] of Object.entries({ ...files, 'bearerd.toml': config }))
    writeFileSync(join(folder, file), text, { mode: 0o600 })
  const token = await provider.token(alice)
  for (const [user, code, last] of [
    [alice, 0, /mail client is logged in as alice@example\.org\.\n$/],
    ['bob@example.org', 1, /^refused: authz_fail \(directory main, by userinfo\)$/m],
  ] as const) {
    const args = ['--import', 'tsx', 'src/main.ts', 'explain-token', '-c', join(folder, 'bearerd.toml'), '--user', user]
    const shown = await run(process.execPath, args, `${token}\n`)
    assert.deepEqual([shown.code, shown.stderr], [code, ''])
    assert.match(shown.stdout, last)
    assertHidden(shown.stdout, token)
  }
})
