/**
 * Google: opaque tokens and no introspection, but tokeninfo, which tells of a token what introspection would. Here a double of
 * it; its answers are those that are on record (test/fixtures/providers/google.json).
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, beforeEach, type TestContext, test } from 'node:test'
import { reasonOf, startBearerd } from '../support/bearerd.ts'
import * as fault from '../support/fault-provider.ts'
import { type Answer, json, startFaultProvider, text } from '../support/fault-provider.ts'
import { newSigner, publicJwk, signJwt } from '../support/jws.ts'

type Recorded = { readonly status: number; readonly body: Readonly<Record<string, string>> }
const google: Record<'tokeninfo' | 'refused' | 'refused-without-code' | 'machine-tokeninfo', Recorded> = JSON.parse(
  readFileSync(new URL('../fixtures/providers/google.json', import.meta.url), 'utf8'),
)
const client = String(google.tokeninfo.body.azp)
const alice = String(google.tokeninfo.body.email)
const token = 'ya29.a0tok3n-of.alice_which/nobody~may-see'

const server = await startFaultProvider()
after(server.stop)
beforeEach(() => {
  server.answer(told())
})

/** An answer that ends in an hour, with what a test makes different; `undefined` takes something away. */
function told(changes: Record<string, unknown> = {}, { status, body }: Recorded = google.tokeninfo): Answer {
  const exp = String(Math.floor(Date.now() / 1000) + 3600)
  return json({ ...body, exp, ...changes }, status)
}

function open(t: TestContext, more = `require.clients = "${client}"`) {
  return startBearerd(
    t,
    `[directory.main]
    preset = "google"
    endpoint.tokeninfo-url = "${server.origin}/tokeninfo"
    ${more}`,
    [alice, 'service-account-b@mineral-minutia-820.iam.gserviceaccount.com'],
  )
}

test('a good token', async t => {
  const { login } = await open(t)
  const { reason, account, source } = await login(token, alice)
  assert.deepEqual({ reason, account, source }, { reason: 'ok', account: alice, source: 'tokeninfo' })
})

test('on the wire: the token is in the header, not in an address that gets into logs', async t => {
  const { login } = await open(t)
  await login(token)
  const { method, path, headers, body } = server.asked.at(-1) ?? {}
  assert.deepEqual({ method, path, body }, { method: 'POST', path: '/tokeninfo', body: '' })
  assert.equal(headers?.authorization, `Bearer ${token}`)
})

test('a refused token, with and without a code', async t => {
  const { login } = await open(t)
  for (const kind of ['refused', 'refused-without-code'] as const) {
    server.answer(json(google[kind].body, google[kind].status))
    assert.equal((await login(`${token}-${kind}`)).reason, 'token_refused')
  }
})

test('another client is refused, by require.clients as by require.audience', async t => {
  for (const key of ['clients', 'audience']) {
    const { login } = await open(t, `require.${key} = "${client}"`)
    server.answer(told())
    assert.equal((await login(token)).reason, 'ok')
    server.answer(told({ azp: 'elsewhere.apps.googleusercontent.com', aud: 'elsewhere.apps.googleusercontent.com' }))
    assert.equal((await login(`${token}2`)).reason, key === 'clients' ? 'wrong_client' : 'wrong_audience')
  }
})

test('scopes, in the words of Google', async t => {
  const { login } = await open(t, 'require.scopes = "https://mail.google.com/"')
  assert.equal((await login(token)).reason, 'insufficient_scope')
  server.answer(told({ scope: 'openid https://mail.google.com/' }))
  assert.equal((await login(`${token}2`)).reason, 'ok')
})

test('numbers and truths are strings: expiry counts, and whether the address is verified', async t => {
  const { login } = await open(t)
  const past = String(Math.floor(Date.now() / 1000) - 3600)
  const answers = {
    ok: {},
    token_expired: { exp: past },
    email_not_verified: { email_verified: 'false' },
  }
  for (const [reason, changes] of Object.entries(answers)) {
    server.answer(told(changes))
    assert.equal(await reasonOf(login(`${token}-${reason}`)), reason)
  }
  // Without the scope for it, there is no address.
  server.answer(told({ email: undefined, email_verified: undefined }))
  assert.equal((await login(`${token}-nobody`)).reason, 'no_identity')
  server.answer(told({ email_verified: undefined }))
  assert.equal((await login(`${token}-unsaid`)).reason, 'email_not_verified')
})

test('a program (service account) has the address of an account, but is not let in', async t => {
  const machine = google['machine-tokeninfo']
  const { login } = await open(t)
  server.answer(told({}, machine))
  assert.equal((await login(token)).reason, 'wrong_client')
})

test('an account of a domain that is not here', async t => {
  const { login } = await open(t)
  server.answer(told({ email: 'alice@elsewhere.example' }))
  assert.equal((await login(token)).reason, 'unknown_account')
})

// What is no word of Google's on the token.
const html = { 'content-type': 'text/html' }
const faults: Record<string, [answer: Answer, cause: RegExp]> = {
  'status 500': [text('', 500), /\(HTTP 500\)$/],
  'a page of a proxy': [text('<html>', 502, html), /\(HTTP 502\)$/],
  'a page with status 200': [text('<html>', 200, html), /\(NOT_JSON\)$/],
  'status 400 of a proxy': [text('<h1>Bad Request</h1>', 400), /\(HTTP 400 NOT_JSON\)$/],
  'status 400 for another reason': [json({ error: 'invalid_request' }, 400), /\(HTTP 400 invalid_request\)$/],
  'status 404': [text('', 404), /\(HTTP 404\)$/],
  'too many requests': [text('', 429), /\(HTTP 429\)$/],
  'a redirect': [text('', 302, { location: '/elsewhere' }), /\(HTTP 302\)$/],
  'nobody in particular': [json({}), /\(OAUTH_INVALID_RESPONSE\)$/],
  'an answer of userinfo, which tells no client': [json({ sub: '1', email: alice }), /\(OAUTH_INVALID_RESPONSE\)$/],
  'a client that is no text': [told({ aud: [client], azp: undefined }), /\(OAUTH_INVALID_RESPONSE\)$/],
  'half an answer': [fault.truncated, /before the answer did/],
  'a reset': [fault.reset, /before the answer did/],
  'no answer': [fault.never, /\(TIMEOUT\)$/],
}
for (const [name, [answer, cause]] of Object.entries(faults))
  test(`${name}: no verdict, and the next one counts`, async t => {
    const { login, logged } = await open(t, `require.clients = "${client}"\ntimeout = "500ms"`)
    server.answer(answer)
    const { reason, verdict } = await login(token)
    assert.deepEqual({ reason, verdict }, { reason: 'provider_unavailable', verdict: 'unavailable' })
    assert.match(String((await logged('provider')).cause), cause)
    server.answer(told())
    assert.equal((await login(token)).reason, 'ok')
  })

test('tokeninfo, userinfo: the address from userinfo, the client from tokeninfo', async t => {
  const { login } = await open(
    t,
    `endpoint.method = ["tokeninfo", "userinfo"]
    endpoint.userinfo-url = "${server.origin}/userinfo"
    require.clients = "${client}"`,
  )
  const { sub } = google.tokeninfo.body
  const user = { email: alice, email_verified: true }
  server.answerAt('/tokeninfo', told({ email: undefined }))
  server.answerAt('/userinfo', json({ sub, ...user }))
  const { reason, source } = await login(token)
  assert.deepEqual({ reason, source }, { reason: 'ok', source: 'tokeninfo+userinfo' })
  server.answerAt('/userinfo', json({ sub: 'another', ...user }))
  assert.equal((await login(`${token}2`)).reason, 'subject_conflict')
})

test('jwt, tokeninfo: a JWT of the issuer by its keys, everything else by asking', async t => {
  const signer = newSigner('k1', 'ES256')
  server.answerAt('/jwks', json({ keys: [publicJwk(signer)] }))
  server.answerAt('/tokeninfo', told())
  const { login } = await open(
    t,
    `endpoint.method = ["jwt", "tokeninfo"]
    endpoint.jwks-url = "${server.origin}/jwks"
    require.clients = "${client}"`,
  )
  const exp = Math.floor(Date.now() / 1000) + 3600
  const claims = { sub: '1', email: alice, email_verified: true, azp: client, exp }
  const outcome = async (token: string): Promise<unknown[]> => {
    const { reason, source } = await login(token)
    return [reason, source]
  }
  assert.deepEqual(await outcome(signJwt(signer, { ...claims, iss: 'https://accounts.google.com' })), ['ok', 'jwt'])
  assert.deepEqual(await outcome(token), ['ok', 'tokeninfo'])
  const foreign = signJwt(signer, { ...claims, iss: 'https://elsewhere.example' })
  assert.deepEqual(await outcome(foreign), ['wrong_issuer', 'tokeninfo'])
})
