/**
 * `bind = "first-login"` with a real provider: an account is the user's who logged in first, whatever becomes of addresses.
 */
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { reasonOf, startBearerd } from '../support/bearerd.ts'
import { startProvider, type TokenOptions } from '../support/provider.ts'

const provider = await startProvider()
after(provider.stop)
const alice = 'alice@example.org'

const methods = {
  jwt: (who: string, options?: TokenOptions) => provider.accessJwt(who, options),
  userinfo: (who: string, options?: TokenOptions) => provider.token(who, options),
}

function open(t: TestContext, method: keyof typeof methods, more = '') {
  return startBearerd(
    t,
    `[directory.main]
    issuer = "${provider.issuer}"
    endpoint.method = "${method}"
    bind = "first-login"
    ${method === 'jwt' ? 'require.audience = "mail"' : ''}
    ${more}`,
    [alice, 'bob@example.org'],
  )
}

for (const method of ['jwt', 'userinfo'] as const) {
  // Users of their own, because what the provider knows of them stays changed.
  const first = `first-${method}@elsewhere.example`
  const second = `second-${method}@elsewhere.example`
  const token = methods[method]

  test(`${method}: the address goes to another user, who doesn't get the account; its owner keeps it`, async t => {
    const { login, state, logged } = await open(t, method)
    assert.equal((await login(await token(first, { claims: { email: alice } }), alice)).reason, 'ok')
    assert.equal((await logged('account_bound')).subject, provider.subject(first))
    const binding = JSON.parse(state('bindings.jsonl') ?? '')
    assert.equal(binding.account, alice)
    assert.equal(binding.subject, provider.subject(first))

    const { reason, detail } = await login(await token(second, { claims: { email: alice } }), alice)
    assert.equal(reason, 'subject_mismatch')
    assert.match(String(detail), new RegExp(`than "${provider.subject(second)}"`))

    // Renamed, she has an address that no account has, or that of another.
    for (const email of ['alice.miller@example.org', 'bob@example.org']) {
      const line = await login(await token(first, { claims: { email } }))
      assert.deepEqual([line.reason, line.account], ['ok', alice])
    }
    // Whose account is still free.
    const line = await login(await token(second, { claims: { email: 'bob@example.org' } }))
    assert.deepEqual([line.reason, line.account], ['ok', 'bob@example.org'])
  })
}

test('the binding survives a restart', async t => {
  const { login, stop, start } = await open(t, 'jwt')
  const [owner, other] = ['owner@elsewhere.example', 'other@elsewhere.example']
  assert.equal((await login(await provider.accessJwt(owner, { claims: { email: alice } }))).reason, 'ok')
  await stop()
  await start()
  assert.equal((await login(await provider.accessJwt(other, { claims: { email: alice } }))).reason, 'subject_mismatch')
  assert.equal((await login(await provider.accessJwt(owner))).reason, 'ok')
})

test('of two users who come at the same moment, one gets the account', async t => {
  const { login, state } = await open(t, 'jwt')
  const tokens = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      provider.accessJwt(`user${index}@elsewhere.example`, { claims: { email: alice } }),
    ),
  )
  const reasons = await Promise.all(tokens.map(token => reasonOf(login(token))))
  assert.equal(reasons.filter(reason => reason === 'ok').length, 1)
  assert.equal(reasons.filter(reason => reason === 'subject_mismatch').length, 9)
  assert.equal(state('bindings.jsonl')?.trimEnd().split('\n').length, 1)
})

test('a login that is refused binds nothing', async t => {
  const { login, state } = await open(t, 'jwt')
  const stranger = 'stranger@elsewhere.example'
  const claims = { email: alice }
  assert.equal((await login(await provider.accessJwt(stranger, { claims, audience: 'wiki' }))).reason, 'wrong_audience')
  assert.equal((await login(await provider.accessJwt(stranger), 'bob@example.org')).reason, 'authz_fail')
  assert.equal(state('bindings.jsonl'), undefined)
})

test('an address that the provider has not verified binds nothing', async t => {
  const { login, state } = await open(t, 'userinfo')
  const claims = { email: alice, email_verified: false }
  assert.equal(
    (await login(await provider.token('anybody@elsewhere.example', { claims }))).reason,
    'email_not_verified',
  )
  assert.equal(state('bindings.jsonl'), undefined)
})

test('introspection that tells no sub: no binding, so no login', async t => {
  const { login } = await startBearerd(
    t,
    `[directory.main]
    issuer = "${provider.issuer}"
    endpoint.method = "introspect"
    auth = { method = "basic", username = "bearerd", secret = "correct-horse.battery_staple" }
    bind = "first-login"`,
  )
  const token = await provider.token('unnamed@elsewhere.example', { told: { sub: undefined, email: alice } })
  assert.equal((await login(token)).reason, 'no_subject')
})

test('without it, the account is whoever has the address', async t => {
  const { login, state } = await startBearerd(t, `directory.main.issuer = "${provider.issuer}"`)
  for (const who of ['one@elsewhere.example', 'two@elsewhere.example'])
    assert.equal((await login(await provider.token(who, { claims: { email: alice } }))).reason, 'ok')
  assert.equal(state('bindings.jsonl'), undefined)
})
