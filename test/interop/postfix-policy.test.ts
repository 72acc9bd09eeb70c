/** The variant of docs/howto/postfix.md in which a policy service, instead of a map, says who exists. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settings } from '../support/howto.ts'
import { startSite } from '../support/site.ts'
import { openSmtp } from '../support/smtp.ts'

const accounts = `
  [[account]]
  address = "alice@example.org"
  aliases = ["a.jones@example.org", "@example.net"]
  [[account]]
  address = "left@example.org"
  enabled = false
`
const site = await startSite({ accounts, postfix: { main: settings('postfix', '# /etc/postfix/main.cf: policy') } })
const { daemon, postfix } = site

for (const [what, address, answer] of [
  ['a user who never signed in', 'alice@example.org', /^250 /],
  ['an alias', 'a.jones@example.org', /^250 /],
  ['an extension', 'Alice+lists@example.org', /^250 /],
  ['a catch-all', 'whoever@example.net', /^250 /],
  ['a stranger', 'stranger@example.org', /^550 5\.1\.1/],
  ['a disabled account', 'left@example.org', /^550 5\.2\.1/],
  ['somebody elsewhere: no relay', 'somebody@example.com', /^554 5\.7\.1 .*Relay access denied/],
] as const) {
  test(`RCPT TO ${what}`, async () => {
    const smtp = await openSmtp(postfix.ports.smtp)
    assert.match(await smtp.recipient(address), answer)
    smtp.close()
  })
}

test('accounts that never loaded: 4xx, and never 550', async () => {
  const smtp = await openSmtp(postfix.ports.smtp)
  await daemon.stop()
  site.write('accounts.toml', 'this is no TOML')
  await daemon.start()
  assert.match(await smtp.recipient('alice@example.org'), /^450 4\.3\.0/)
  assert.match(await smtp.recipient('stranger@example.org'), /^450 4\.3\.0/)
  smtp.close()
})

test('bearerd is down: 4xx; then it is back, and the same smtpd knows everybody', async t => {
  const smtp = await openSmtp(postfix.ports.smtp)
  await daemon.stop()
  site.write('accounts.toml', accounts)
  t.after(() => daemon.start())
  assert.match(await smtp.recipient('alice@example.org'), /^451 4\.3\.5/)
  await daemon.start()
  assert.match(await smtp.recipient('alice@example.org'), /^250 /)
  assert.match(await smtp.recipient('stranger@example.org'), /^550 5\.1\.1/)
  smtp.close()
})
