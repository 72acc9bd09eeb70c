/** Lookups at the userinfo endpoint of a real provider. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openProvider } from '../support/asking.ts'
import { asking } from '../support/directory.ts'
import { ofUserinfo, refused, unavailable } from '../support/evidence.ts'
import { startProvider } from '../support/provider.ts'

const provider = await startProvider()
after(provider.stop)
const endpoint = asking('userinfo', provider.endpoints.userinfo)

test('a good token: the claims as the provider sent them', async t => {
  const { lookup, log } = openProvider(t, { endpoint })
  const claims = { groups: ['mail-users', 'staff'] }
  assert.deepEqual(await lookup(await provider.token('alice@example.org', { claims })), {
    kind: 'active',
    evidence: ofUserinfo({
      sub: provider.subject('alice@example.org'),
      email: 'alice@example.org',
      email_verified: true,
      preferred_username: 'alice',
      name: 'Test alice',
      groups: ['mail-users', 'staff'],
    }),
    source: 'userinfo',
  })
  assert.deepEqual(log, [])
})

test('long tokens, and a JWT', async t => {
  const { lookup } = openProvider(t, { endpoint })
  for (const options of [{ bytes: 1400 }, { bytes: 6000 }, { bytes: 6000, jwt: true, audience: 'mail' }]) {
    const token = await provider.token('alice@example.org', options)
    assert.equal((await lookup(token)).kind, 'active')
  }
})

test('a token that was never issued', async t => {
  const { lookup } = openProvider(t, { endpoint })
  assert.deepEqual(await lookup('this-token-was-never-issued'), refused)
})

test('a token that has expired', async t => {
  const { lookup } = openProvider(t, { endpoint })
  const token = await provider.token('alice@example.org')
  assert.equal((await lookup(token)).kind, 'active')
  await provider.expire(token)
  assert.deepEqual(await lookup(token), refused)
})

test('a token that was revoked', async t => {
  const { lookup } = openProvider(t, { endpoint })
  const token = await provider.token('alice@example.org')
  assert.equal((await lookup(token)).kind, 'active')
  await provider.revoke(token)
  assert.deepEqual(await lookup(token), refused)
})

test('a token without the scope "openid"', async t => {
  const { lookup } = openProvider(t, { endpoint })
  const token = await provider.token('alice@example.org', { scope: 'email' })
  assert.deepEqual(await lookup(token), { ...refused, reason: 'insufficient_scope' })
})

test('a token for another audience', async t => {
  const { lookup } = openProvider(t, { endpoint })
  assert.deepEqual(await lookup(await provider.token('alice@example.org', { audience: 'wiki' })), refused)
})

test('what is no b64token is refused without asking, and a refused token is no failure of the provider', async t => {
  const { lookup, log } = openProvider(t, { endpoint })
  const before = provider.calls.userinfo
  for (const token of ['', 'a b', 'a\r\nX-Header: 1', 'a\0', 'ä', '=a', 'a=b', 'a"', 'a\n'])
    assert.deepEqual(await lookup(token), {
      kind: 'refused',
      reason: 'token_malformed',
      detail: 'no RFC 6750 b64token',
      source: '',
    })
  assert.equal(provider.calls.userinfo, before)
  assert.deepEqual(log, [])
})

test('many at once, over few connections', async t => {
  const { lookup } = openProvider(t, { endpoint, connections: 4 })
  const users = Array.from({ length: 100 }, (_, i) => `user${i}@example.org`)
  const tokens = await Promise.all(users.map(user => provider.token(user)))
  const verdicts = await Promise.all(tokens.map(lookup))
  assert.deepEqual(
    verdicts.map(verdict => verdict.kind === 'active' && verdict.evidence.claims.email),
    users,
  )
})

test('the provider goes away and comes back', async t => {
  const { lookup, log, states } = openProvider(t, { endpoint })
  const token = await provider.token('alice@example.org')
  const host = new URL(provider.issuer).host

  assert.equal((await lookup(token)).kind, 'active')
  await provider.down()
  for (let i = 0; i < 3; i++) assert.deepEqual(await lookup(token), unavailable)
  const refusal = `userinfo at ${host}: the connection is refused (ECONNREFUSED)`
  assert.deepEqual(states(), [refusal])
  assert.equal(log[0]?.level, 'error')
  assert.equal(log[0]?.cure, 'Check that the provider runs, and the port.')

  await provider.up()
  for (let i = 0; i < 3; i++) assert.equal((await lookup(token)).kind, 'active')
  assert.deepEqual(states(), [refusal, 'ok'])
  assert.equal(log[1]?.level, 'info')
  assert.equal(typeof log[1]?.downMs, 'number')
})

test('a restart of the provider between two lookups is not noticed, though connections were kept', async t => {
  const { lookup, log } = openProvider(t, { endpoint })
  const token = await provider.token('alice@example.org')
  for (let i = 0; i < 5; i++) {
    assert.equal((await lookup(token)).kind, 'active')
    await provider.down()
    await provider.up()
  }
  assert.deepEqual(log, [])
})
