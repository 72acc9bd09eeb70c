/** Another address for an account: what is typed, what is said, and what the files are then. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { configuration, createSite, now } from '../support/account-commands.ts'

const home = `${configuration}[accounts.defaults]\nhome = "/srv/mail/{domain}/{local}"\nuid = 5000\n`
const alice = `{"address":"alice@example.org","aliases":["a.jones@example.org"],"subject":"s1","created":"${now}"}\n`
const bob = '{"address":"bob@example.org","aliases":["b@example.org"],"userdb":{"home":"/srv/bob"}}\n'
const root = '[[account]]\naddress = "root@example.org"\n'
const files = { 'bearerd.toml': home, 'accounts.toml': root, 'accounts.jsonl': alice + bob }

const password = (id: string, account: string, letter = 'A'): string => {
  const hash = `{SHA256}${Buffer.alloc(32, letter).toString('base64')}`
  return `${JSON.stringify({ id, account, label: 'phone', hash, created: now })}\n`
}

const rename = ['rename', 'alice@example.org', 'alice.smith@example.org']
const changes =
  '~ alice@example.org: address: alice@example.org → alice.smith@example.org; ' +
  'aliases: a.jones@example.org → a.jones@example.org, alice@example.org; userdb: none → home=/srv/mail/example.org/alice\n' +
  '0 accounts added, 1 changed, 0 removed\n'
const stays = 'her mail stays where it is: home=/srv/mail/example.org/alice, now in her account\n'

test('rename: the account keeps what it has, and its old address; the mail and the app passwords stay', async t => {
  const site = createSite(t, files)
  const others = password('xyz', 'bob@example.org')
  writeFileSync(site.path('state/app-passwords.jsonl'), password('kfm', 'alice@example.org') + others)
  assert.deepEqual(await site.run([...rename, '--kick']), {
    code: 0,
    output: `${changes}${stays}1 app password kept\n`,
    error: '',
  })
  assert.equal(
    site.read('accounts.jsonl'),
    `{"address":"alice.smith@example.org","aliases":["a.jones@example.org","alice@example.org"],"subject":"s1","created":"${now}",` +
      `"userdb":{"home":"/srv/mail/example.org/alice"}}\n${bob}`,
  )
  assert.equal(site.read('state/app-passwords.jsonl'), others + password('kfm', 'alice.smith@example.org'))
  // Each once a running bearerd has read of what went before; the sessions are those of the old name.
  assert.deepEqual(site.events, ['pause 1000', 'pause 2000', 'pause 2000', 'kick alice@example.org'])
})

test('rename: a dry run writes nothing', async t => {
  const site = createSite(t, files)
  const passwords = password('kfm', 'alice@example.org')
  writeFileSync(site.path('state/app-passwords.jsonl'), passwords)
  const { code, output } = await site.run([...rename, '--dry-run', '--kick'])
  assert.deepEqual([code, output], [0, `${changes}dry run: nothing was written\n${stays}`])
  assert.equal(site.read('accounts.jsonl'), alice + bob)
  assert.equal(site.read('state/app-passwords.jsonl'), passwords)
  assert.deepEqual(site.events, [])
})

test('rename: --no-alias, to an alias of her own, a home of her own, another domain, and back', async t => {
  const site = createSite(t, files)
  assert.equal((await site.run(['rename', 'bob@example.org', 'B@example.org', '--no-alias'])).code, 0)
  const own = '{"address":"B@example.org","userdb":{"home":"/srv/bob"}}\n'
  assert.equal(site.read('accounts.jsonl'), alice + own)
  assert.equal((await site.run(['rename', 'b@example.org', 'bob@example.net'])).code, 0)
  const { output } = await site.run(['rename', 'bob@example.net', 'b@example.org'])
  assert.doesNotMatch(output, /her mail/)
  assert.equal(
    site.read('accounts.jsonl'),
    `${alice}{"address":"b@example.org","userdb":{"home":"/srv/bob"},"aliases":["bob@example.net"]}\n`,
  )
})

test('rename: passwords that somebody has left behind under the new address do not become hers', async t => {
  const site = createSite(t, files)
  const strangers = password('kfm', 'alice.smith@example.org', 'Z') + password('abc', 'alice.smith@example.org')
  writeFileSync(site.path('state/app-passwords.jsonl'), strangers + password('kfm', 'alice@example.org'))
  assert.equal((await site.run(rename)).code, 0)
  assert.equal(site.read('state/app-passwords.jsonl'), password('kfm', 'alice.smith@example.org'))
})

test('rename: once more after a crash between the passwords and the account', async t => {
  const site = createSite(t, files)
  const left = password('kfm', 'alice@example.org')
  writeFileSync(site.path('state/app-passwords.jsonl'), left + password('kfm', 'alice.smith@example.org'))
  assert.equal((await site.run(rename)).code, 0)
  assert.equal(site.read('state/app-passwords.jsonl'), password('kfm', 'alice.smith@example.org'))
})

test('rename: what it says no to, with the place', async t => {
  const site = createSite(t, files)
  const errorOf = async (...args: string[]) => {
    const { code, error, output } = await site.run(['rename', ...args])
    assert.equal(output, '')
    return [code, error.split('\n')[0]]
  }
  for (const [old, next, code, message] of [
    ['alice@example.org', 'bob@example.org', 1, 'bob@example.org is an account already, at accounts.jsonl:2'],
    [
      'alice@example.org',
      'b@example.org',
      1,
      'b@example.org is an alias of bob@example.org already, at accounts.jsonl:2',
    ],
    ['alice@example.org', 'root@example.org', 1, 'root@example.org is an account already, at accounts.toml:1'],
    ['root@example.org', 'r@example.org', 1, 'root@example.org stands at accounts.toml:1; edit it there'],
    [
      'a.jones@example.org',
      'x@example.org',
      1,
      'a.jones@example.org is an alias of alice@example.org; give that address',
    ],
    ['eve@example.org', 'x@example.org', 1, 'no account has the address eve@example.org'],
    ['alice@example.org', 'ALICE@example.org', 64, 'bearerd: alice@example.org is the same address'],
    ['alice@example.org', 'alice', 64, 'bearerd: "alice" is not an address such as alice@example.org'],
  ] as const)
    assert.deepEqual(await errorOf(old, next), [code, message])
  assert.equal(site.read('accounts.jsonl'), alice + bob)
})

test('rename: a home that would read as a template is not written down as one', async t => {
  const odd = '{"address":"{local}@example.org"}\n'
  const site = createSite(t, { ...files, 'accounts.jsonl': odd })
  const { code, error } = await site.run(['rename', '{local}@example.org', 'x@example.org'])
  assert.equal(code, 1)
  assert.match(error, /^userdb\.home of \{local\}@example\.org can't be kept: /)
  assert.equal(site.read('accounts.jsonl'), odd)
})

test('rename: where bearerd tells no home, Dovecot may have put it anywhere; a domain may be of another directory', async t => {
  const second = configuration
    .replace('[directory.main]', '[directory.main]\ndomains = ["example.org"]')
    .concat(configuration.slice(configuration.indexOf('[directory')).replace('main', 'other'))
  const site = createSite(t, { ...files, 'bearerd.toml': second })
  const { code, output, error } = await site.run(['rename', 'alice@example.org', 'alice@example.net'])
  assert.equal(code, 0, error)
  assert.deepEqual(output.trim().split('\n').slice(2), [
    'bearerd tells Dovecot no home: if a setting of Dovecot has %u, %n or %d in it, her mail has to be moved',
    '"other" vouches for her tokens now; for "main" as before: bearerd account set alice@example.net --directory main',
  ])
})

test('rename: without a state directory there are no passwords; with a broken file nothing is changed', async t => {
  const site = createSite(t, files)
  writeFileSync(site.path('state/app-passwords.jsonl'), '{"id":7}\n')
  assert.equal((await site.run(rename)).code, 78)
  assert.equal(site.read('accounts.jsonl'), alice + bob)
  rmSync(site.path('state'), { recursive: true })
  assert.equal((await site.run(rename)).code, 0)
  mkdirSync(site.path('state'))
})
