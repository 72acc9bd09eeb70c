/**
 * The whole way: mail from the world to somebody who never signed in is accepted by Postfix, delivered by Dovecot's LMTP,
 * and read by her over IMAP when she signs in for the first time. Then she answers.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curl, curlMail, swaks } from '../support/clients.ts'
import { eventually } from '../support/process.ts'
import { startSite } from '../support/site.ts'

const site = await startSite({
  accounts: `
    [[account]]
    address = "alice@example.org"
    aliases = ["a.jones@example.org", "@example.net"]
    [[account]]
    address = "bob@example.org"
  `,
})
const { provider, dovecot, postfix, certificate } = site

const login = async (user: string) => ({ user, token: await provider.token(user) })

/** Headers and text of a message of hers that has these words in it, as curl shows them. */
function read(user: string, words: string): Promise<string> {
  return eventually(`"${words}" in ${user}'s inbox`, async () => {
    const url = `imap://127.0.0.1:${dovecot.ports.imap}/INBOX`
    const found = await curl(`${url}?TEXT%20"${encodeURIComponent(words)}"`, await login(user))
    assert.equal(found.code, 0, found.stderr)
    const number = /\* SEARCH (\d+)/.exec(found.stdout)?.[1]
    if (number === undefined) return undefined
    const { stdout } = await curl(`${url};MAILINDEX=${number}`, await login(user))
    return stdout
  })
}

test('mail to somebody who never signed in waits for her', async () => {
  const { code, stdout } = await swaks(
    { port: postfix.ports.smtp },
    { from: 'friend@example.com', to: 'alice@example.org' },
  )
  assert.equal(code, 0, stdout)
  const line = await postfix.logged(/to=<alice@example\.org>/)
  assert.match(line, /relay=\S*\[private\/dovecot-lmtp\].*status=sent \(250 2\.0\.0 .* Saved\)/)

  const text = await read('alice@example.org', 'Hello from friend@example.com to alice@example.org')
  assert.match(text, /^Delivered-To: alice@example\.org/m)
})

for (const to of ['a.jones@example.org', 'Alice+Lists@Example.org', 'whoever@example.net']) {
  test(`mail to ${to} reaches her too`, async () => {
    const { code, stdout } = await swaks({ port: postfix.ports.smtp }, { from: 'friend@example.com', to })
    assert.equal(code, 0, stdout)
    await read('alice@example.org', `Hello from friend@example.com to ${to}`)
  })
}

test('she answers, with her token, and the answer is delivered', async () => {
  const submission = { port: postfix.ports.submission, certificate }
  const mail = { from: 'alice@example.org', to: 'bob@example.org' }
  const { code, stderr } = await curlMail(submission, await login('alice@example.org'), mail)
  assert.equal(code, 0, stderr)
  await read('bob@example.org', 'Hello from alice@example.org to bob@example.org')
})

test('mail to a stranger is refused at RCPT TO: nothing bounces later', async () => {
  const { stdout } = await swaks(
    { port: postfix.ports.smtp },
    { from: 'friend@example.com', to: 'stranger@example.org' },
  )
  assert.match(stdout, /<\*\* 550 5\.1\.1 <stranger@example\.org>/)
  assert.doesNotMatch(postfix.log(), /status=bounced/)
})
