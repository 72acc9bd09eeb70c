/**
 * Two providers at once, one directory each. Which of them judges a login, that neither can speak for the users of the other,
 * and that one which never answers takes nothing from the other's.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, type TestContext, test } from 'node:test'
import { reasonOf, startBearerd } from '../support/bearerd.ts'
import { startProvider } from '../support/provider.ts'

const [staff, students] = [await startProvider(), await startProvider()]
after(staff.stop)
after(students.stop)
const alice = 'alice@example.org'
const stella = 'stella@students.example.org'

/** `staff` is the default; `students` has a domain. */
function open(
  t: TestContext,
  method: 'jwt' | 'userinfo',
  issuers = { staff: staff.issuer, students: students.issuer },
) {
  const require = method === 'jwt' ? 'require.audience = "mail"' : ''
  return startBearerd(
    t,
    `[directory.staff]
    issuer = "${issuers.staff}"
    endpoint.method = "${method}"
    ${require}
    [directory.students]
    issuer = "${issuers.students}"
    endpoint.method = "${method}"
    domains = ["students.example.org"]
    ${require}`,
    [alice, stella],
  )
}

test('by domain, where the client says who it is', async t => {
  for (const method of ['jwt', 'userinfo'] as const) {
    const { login } = await open(t, method)
    const token = (provider: typeof staff, who: string) =>
      method === 'jwt' ? provider.accessJwt(who) : provider.token(who)
    for (const [provider, who, name] of [
      [staff, alice, 'staff'],
      [students, stella, 'students'],
    ] as const) {
      const { reason, directory, account } = await login(await token(provider, who), who)
      assert.deepEqual({ reason, directory, account }, { reason: 'ok', directory: name, account: who })
    }
  }
})

test('by issuer, where the client says nothing and the token is a JWT', async t => {
  const { login } = await open(t, 'jwt')
  for (const [provider, who, name] of [
    [staff, alice, 'staff'],
    [students, stella, 'students'],
  ] as const) {
    const { reason, directory } = await login(await provider.accessJwt(who))
    assert.deepEqual({ reason, directory }, { reason: 'ok', directory: name })
  }
})

test('by default, where nothing tells', async t => {
  const { login } = await open(t, 'userinfo')
  const before = students.calls.userinfo
  const good = await login(await staff.token(alice))
  assert.deepEqual([good.reason, good.directory], ['ok', 'staff'])
  const lost = await login(await students.token(stella))
  assert.deepEqual([lost.reason, lost.directory], ['token_refused', 'staff'])
  assert.equal(students.calls.userinfo, before)
})

test('a JWT of one provider is nothing to the other, whatever it says', async t => {
  const { login } = await open(t, 'jwt')
  assert.equal((await login(await students.accessJwt(alice), alice)).reason, 'wrong_issuer')
  assert.equal((await login(await staff.accessJwt(stella), stella)).reason, 'wrong_issuer')
  // Routed to the provider that it names, whose keys it is not signed with.
  const exp = Math.floor(Date.now() / 1000) + 60
  const forged = { iss: staff.issuer, sub: 'x', aud: 'mail', client_id: 'mail-client', email: alice, exp }
  const { reason, directory } = await login(students.signJwt(forged, { kid: 'another' }))
  assert.deepEqual({ reason, directory }, { reason: 'unknown_key', directory: 'staff' })
})

test("neither provider can speak for the other's users", async t => {
  const { login } = await open(t, 'jwt')
  assert.equal((await login(await students.accessJwt(alice))).reason, 'wrong_directory')
  assert.equal((await login(await staff.accessJwt(stella))).reason, 'wrong_directory')
  // Her own token, in the directory that answers for another domain.
  assert.equal((await login(await staff.accessJwt(alice), stella)).reason, 'wrong_issuer')
})

test('the same token at both: the verdict of one is not that of the other', async t => {
  const { login } = await open(t, 'userinfo')
  const token = await staff.token(alice)
  assert.equal((await login(token, alice)).reason, 'ok')
  assert.equal((await login(token, stella)).reason, 'token_refused')
  assert.equal((await login(token, alice)).reason, 'ok')
})

/** Takes connections, and never says anything. */
async function startHole(t: TestContext) {
  const sockets = new Set<Socket>()
  const hole = createServer(socket => sockets.add(socket.on('error', () => {})))
  hole.listen(0, '127.0.0.1')
  await once(hole, 'listening')
  t.after(() => {
    hole.close()
    for (const socket of sockets) socket.destroy()
  })
  return { issuer: `http://127.0.0.1:${(hole.address() as AddressInfo).port}`, sockets }
}

for (const method of ['jwt', 'userinfo'] as const)
  test(`one never answers (${method}): all logins of the other are decided while none of its own is`, async t => {
    const hole = await startHole(t)
    const { login } = await open(t, method, { staff: staff.issuer, students: hole.issuer })
    const exp = Math.floor(Date.now() / 1000) + 60
    const dead = Array.from({ length: 200 }, (_, index) => {
      const claims = { iss: hole.issuer, aud: 'mail', client_id: 'mail-client', email: stella, exp, jti: `${index}` }
      return login(method === 'jwt' ? staff.signJwt(claims) : `opaque-token-${index}-of-nobody`, stella)
    })
    let decided = 0
    for (const verdict of dead) void verdict.then(() => decided++)

    const tokens = await Promise.all(
      Array.from({ length: 50 }, () => (method === 'jwt' ? staff.accessJwt(alice) : staff.token(alice))),
    )
    for (const line of await Promise.all(tokens.map(token => login(token, alice))))
      assert.equal(await reasonOf(line), 'ok')
    assert.equal(decided, 0)
    assert.ok(hole.sockets.size > 0, 'it has been asked')
    for (const line of await Promise.all(dead)) assert.equal(await reasonOf(line), 'provider_unavailable')
  })
