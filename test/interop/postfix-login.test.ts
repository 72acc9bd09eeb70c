/** Logins at a real Postfix, configured as docs/howto/postfix.md says; smtpd is in its chroot. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { challenge, curl, curlMail, type Login, msmtp, oauthbearer, xoauth2 } from '../support/clients.ts'
import { settings } from '../support/howto.ts'
import type { LineClient } from '../support/line-client.ts'
import { startSite } from '../support/site.ts'
import { openSmtp } from '../support/smtp.ts'

/** The `-o` lines of the submission service on the page, for further services that differ in one point. */
const submissionOptions = settings('postfix', '# /etc/postfix/master.cf')
  .split(/^submissions? inet .*\n/m)[1]
  ?.trimEnd() as string

const site = await startSite({
  accounts: `
    [[account]]
    address = "alice@example.org"
    aliases = ["a.jones@example.org"]
    send-as = ["info@example.org"]
    [[account]]
    address = "bob@example.org"
    [[account]]
    address = "left@example.org"
    enabled = false
  `,
  postfix: {
    extra: [
      // curl takes OAUTHBEARER wherever that is offered.
      `${submissionOptions}\n  -o smtpd_sasl_mechanism_filter=xoauth2`,
      // The limits that Postfix has by itself.
      submissionOptions.replace(/.*(line_length_limit|smtpd_sasl_response_limit).*\n/g, ''),
    ],
  },
})
const { provider, daemon, postfix, certificate } = site
const [xoauth2Only = 0, defaultLimits = 0] = postfix.extra
const submission = { port: postfix.ports.submission, certificate }
const mail = { from: 'alice@example.org', to: 'bob@example.org' }

const alice = async (bytes?: number): Promise<Login> => ({
  user: 'alice@example.org',
  token: await provider.token('alice@example.org', bytes === undefined ? {} : { jwt: true, bytes }),
})
const nobodys = { user: 'alice@example.org', token: 'this-token-was-never-issued' }

/** A session with an smtpd under TLS. */
const session = (port = submission.port) => openSmtp(port, certificate)

/** Says one AUTH with its initial response, and returns the answer. */
async function authenticate(wire: LineClient, login: Login): Promise<string> {
  wire.say(`AUTH XOAUTH2 ${xoauth2(login)}`)
  return await wire.hear(/^(235|334|4\d\d|5\d\d) /)
}

test('no login is offered without TLS', async () => {
  const wire = await openSmtp(submission.port)
  wire.say(`AUTH XOAUTH2 ${xoauth2(await alice())}`)
  await wire.hear(/^5\d\d /)
  wire.close()
})

for (const [size, bytes] of Object.entries({ '1.4 kB': 1525, '6 kB': 6200 })) {
  test(`curl submits a message by OAUTHBEARER, with a token of ${size}`, async () => {
    const { code, stderr } = await curlMail(submission, await alice(bytes), mail)
    assert.equal(code, 0, stderr)
    assert.match(stderr, /> AUTH OAUTHBEARER/)
  })

  test(`curl submits a message by XOAUTH2, with a token of ${size}`, async () => {
    const { code, stderr } = await curlMail({ ...submission, port: xoauth2Only }, await alice(bytes), mail)
    assert.equal(code, 0, stderr)
    assert.match(stderr, /> AUTH XOAUTH2/)
  })

  for (const [mechanism, message] of Object.entries({ OAUTHBEARER: oauthbearer, XOAUTH2: xoauth2 })) {
    test(`${mechanism} with a token of ${size}, with and without an initial response`, async () => {
      const wire = await session()
      wire.say(`AUTH ${mechanism} ${message(await alice(bytes))}`)
      await wire.hear(/^235 2\.7\.0/)
      wire.close()
      const other = await session()
      other.say(`AUTH ${mechanism}`)
      assert.equal(await other.hear(/^\d/), '334 ')
      other.say(message(await alice(bytes)))
      await other.hear(/^235 2\.7\.0/)
      other.close()
    })
  }
}

for (const mechanism of ['oauthbearer', 'xoauth2'] as const) {
  // msmtp 1.8 says no line longer than 4094 bytes, which is a token of about 2900: 6 kB it can't.
  for (const [size, bytes] of Object.entries({ '1.4 kB': 1525, '2.9 kB': 3000 })) {
    test(`msmtp submits a message by ${mechanism}, with a token of ${size}`, async () => {
      const { code, stdout, stderr } = await msmtp(submission, mechanism, await alice(bytes), mail)
      assert.equal(code, 0, `${stdout}${stderr}`)
      assert.match(stdout, new RegExp(`--> AUTH ${mechanism.toUpperCase()}`))
    })
  }
}

test('curl over submissions, TLS from the start', async () => {
  const url = `smtps://127.0.0.1:${postfix.ports.submissions}`
  const { code, stderr } = await curl(url, await alice(), ['--cacert', certificate, '--request', 'NOOP'])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /< 235 2\.7\.0/)
})

test('a bad token: the JSON for either mechanism, then 535', async () => {
  for (const [mechanism, message, dummy] of [
    ['OAUTHBEARER', oauthbearer, 'AQ=='],
    ['XOAUTH2', xoauth2, ''],
  ] as const) {
    const wire = await session()
    wire.say(`AUTH ${mechanism} ${message(nobodys)}`)
    assert.equal(typeof challenge(await wire.hear(/^334 /)).status, 'string')
    wire.say(dummy)
    await wire.hear(/^535 5\.7\.8/)
    wire.close()
  }
})

test('a bad token: curl and msmtp say that the login failed', async () => {
  const byCurl = await curlMail(submission, nobodys, mail)
  assert.equal(byCurl.code, 67, byCurl.stderr)
  assert.match(byCurl.stderr, /< 535 5\.7\.8/)
  const byMsmtp = await msmtp(submission, 'oauthbearer', nobodys, mail)
  assert.equal(byMsmtp.code, 77, byMsmtp.stderr)
  assert.match(byMsmtp.stdout, /<-- 535 5\.7\.8/)
})

test("another user's token, a disabled account, an owner without an account: 535", async () => {
  for (const [reason, user, owner] of [
    ['authz_fail', 'bob@example.org', 'alice@example.org'],
    ['account_disabled', 'left@example.org', 'left@example.org'],
    ['unknown_account', 'stranger@example.org', 'stranger@example.org'],
  ] as const) {
    const wire = await session()
    await authenticate(wire, { user, token: await provider.token(owner) })
    wire.say('')
    await wire.hear(/^535 5\.7\.8/)
    wire.close()
    await daemon.logged({ event: 'login', listener: 'sasl', reason })
  }
})

test('after a failure, and after giving up, the same connection can log in', async () => {
  const wire = await session()
  await authenticate(wire, nobodys)
  wire.say('')
  await wire.hear(/^535 /)
  wire.say('AUTH OAUTHBEARER')
  await wire.hear(/^334 /)
  wire.say('*')
  await wire.hear(/^501 /)
  assert.match(await authenticate(wire, await alice()), /^235 /)
  wire.close()
})

test("with Postfix's own line_length_limit, a long token with its AUTH is cut off; bearerd's log says so", async () => {
  const wire = await session(defaultLimits)
  await authenticate(wire, await alice(6200))
  wire.say('')
  await wire.hear(/^535 /)
  wire.close()
  const { cure } = await daemon.logged({ event: 'login', reason: 'truncated' })
  assert.match(String(cure), /line_length_limit/)
})

test('the provider is down: 454 from a warm smtpd; then it is back, and the same smtpd logs her in', async t => {
  const login = await alice()
  await provider.down()
  t.after(() => provider.up())
  const wire = await session()
  assert.match(await authenticate(wire, login), /^454 4\.7\.0/)
  assert.match(await authenticate(wire, login), /^454 4\.7\.0/)
  await provider.up()
  assert.match(await authenticate(wire, login), /^235 /)
  wire.close()
})

test('bearerd is restarted: the same smtpd logs her in, also in a session that was open all the while', async () => {
  const open = await session()
  await daemon.restart()
  assert.match(await authenticate(open, await alice()), /^235 /)
  open.close()
  const wire = await session()
  assert.match(await authenticate(wire, await alice()), /^235 /)
  wire.close()
})

test('bearerd is down: 454 from a warm smtpd; then it is back', async t => {
  const wire = await session()
  await daemon.stop()
  t.after(() => daemon.start())
  assert.match(await authenticate(wire, await alice()), /^454 4\.7\.0/)
  await daemon.start()
  assert.match(await authenticate(wire, await alice()), /^235 /)
  wire.close()
})

test('whose address she may send from', async () => {
  const wire = await session()
  assert.match(await authenticate(wire, await alice()), /^235 /)
  for (const [sender, answer] of [
    ['alice@example.org', /^250 /],
    ['Alice@EXAMPLE.org', /^250 /],
    ['a.jones@example.org', /^250 /], // an alias
    ['alice+orders@example.org', /^250 /],
    ['info@example.org', /^250 /], // send-as
    ['', /^250 /],
    ['bob@example.org', /^553 5\.7\.1 .*not owned by user alice@example\.org/],
    ['unheard-of@example.org', /^553 5\.7\.1/],
    ['somebody@example.com', /^553 5\.7\.1/],
  ] as const) {
    assert.match(await wire.recipient('bob@example.org', sender), answer, sender)
  }
  wire.close()
})

test('signed in, she may write to the world; without, nobody gets anything through', async () => {
  for (const [signsIn, answer] of [
    [true, /^250 /],
    [false, /^[45]\d\d /],
  ] as const) {
    const wire = await session()
    if (signsIn) await authenticate(wire, await alice())
    assert.match(await wire.recipient('somebody@example.com', 'alice@example.org'), answer)
    wire.close()
  }
})

test('no login is offered at port 25', async () => {
  const wire = await openSmtp(postfix.ports.smtp)
  wire.say(`AUTH XOAUTH2 ${xoauth2(await alice())}`)
  await wire.hear(/^503 5\.5\.1 Error: authentication not enabled/)
  wire.close()
})

test('no log holds a token, nor the SASL message that it came in', async () => {
  const login = { ...(await alice()), user: 'bob@example.org' }
  const wire = await session()
  await authenticate(wire, login)
  wire.close()
  const secrets = [login, nobodys].flatMap(each => [each.token, oauthbearer(each), xoauth2(each)])
  for (const log of [daemon.log(), postfix.log()]) assert.ok(!secrets.some(secret => log.includes(secret)))
})
