/** One account after the other: what is typed, what is said, and what the file is then. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { configuration, createSite, now } from '../support/account-commands.ts'

const toml = '[[account]]\naddress = "root@example.org"\naliases = ["hostmaster@example.org"]\n'
const alice = '{"address": "alice@example.org",  "aliases": ["a.jones@example.org"]}\n'
const bob = '{"quota":"5GiB","address":"bob@example.org","userdb":{"home":"/srv/bob","uid":"5001"}}\n'
const files = { 'accounts.toml': toml, 'accounts.jsonl': alice + bob }
const hash = `{SHA256}${'A'.repeat(43)}=`
const password = (id: string, account: string): string =>
  `${JSON.stringify({ id, account, label: 'phone', hash, created: now })}\n`

test('add: the first account makes the file', async t => {
  const site = createSite(t, { 'accounts.toml': toml })
  const args = ['add', 'Alice@example.org', '--full-name', 'Alice Jones', '--alias', 'a.jones@example.org']
  const more = ['--alias', '@example.net', '--quota', '5GiB', '--userdb', 'home=/srv/a=b', '--disabled', '--receive']
  assert.deepEqual(await site.run([...args, ...more]), {
    code: 0,
    output: '+ alice@example.org\n1 account added, 0 changed, 0 removed\n',
    error: '',
  })
  assert.equal(
    site.read('accounts.jsonl'),
    '{"address":"Alice@example.org","full-name":"Alice Jones","aliases":["a.jones@example.org","@example.net"],' +
      `"enabled":false,"receive":true,"quota":"5GiB","userdb":{"home":"/srv/a=b"},"created":"${now}"}\n`,
  )
  assert.equal(statSync(site.path('accounts.jsonl')).mode & 0o777, 0o600)
})

test('add: an address that is there already, or is an alias of somebody else, is refused with its place', async t => {
  const site = createSite(t, files)
  assert.deepEqual(await site.run(['add', 'bob@example.org']), {
    code: 1,
    output: '',
    error:
      'bob@example.org is an account already, at accounts.jsonl:2; "account set" changes it\nnothing was changed\n',
  })
  assert.deepEqual(await site.run(['add', 'carol@example.org', '--alias', 'hostmaster@example.org']), {
    code: 1,
    output: '',
    error:
      'account add: error: aliases: hostmaster@example.org already belongs to the account root@example.org at accounts.toml:1\n' +
      'nothing was changed\n',
  })
  assert.equal(site.read('accounts.jsonl'), alice + bob)
})

test('add: what the daemon would refuse is refused; what is no address is a matter of usage', async t => {
  const site = createSite(t, files)
  const { code, error } = await site.run(['add', 'carol@example.org', '--quota', 'much', '--directory', 'mian'])
  assert.equal(code, 1)
  assert.match(error, /^account add: error: quota: expected a size/)
  assert.equal((await site.run(['add', 'carol'])).code, 64)
  assert.equal((await site.run(['add', 'carol@example.org', '--userdb', 'home'])).code, 64)
  assert.equal(site.read('accounts.jsonl'), alice + bob)
})

test('set: keys keep their order, other lines their bytes', async t => {
  const site = createSite(t, files)
  const args = ['set', 'bob@example.org', '--quota', '1000', '--userdb', 'mail=x', '--unset', 'userdb.uid']
  assert.deepEqual(await site.run([...args, '--add-alias', 'b@example.org']), {
    code: 0,
    output:
      '~ bob@example.org: quota: 5GiB → 1000; userdb: home=/srv/bob, uid=5001 → home=/srv/bob, mail=x; ' +
      'aliases: none → b@example.org\n0 accounts added, 1 changed, 0 removed\n',
    error: '',
  })
  assert.equal(
    site.read('accounts.jsonl'),
    `${alice}{"quota":1000,"address":"bob@example.org","userdb":{"home":"/srv/bob","mail":"x"},"aliases":["b@example.org"]}\n`,
  )
})

test('set: a dry run writes nothing; nothing to change writes nothing', async t => {
  const site = createSite(t, files)
  assert.deepEqual(await site.run(['set', 'alice@example.org', '--remove-alias', 'A.Jones@example.org', '--dry-run']), {
    code: 0,
    output:
      '~ alice@example.org: aliases: a.jones@example.org → none\n' +
      '0 accounts added, 1 changed, 0 removed\ndry run: nothing was written\n',
    error: '',
  })
  const same = await site.run(['set', 'alice@example.org', '--add-alias', 'a.jones@example.org'])
  assert.equal(same.output, '0 accounts added, 0 changed, 0 removed, 1 as before\n')
  assert.equal(site.read('accounts.jsonl'), alice + bob)
})

test('set: usage', async t => {
  const site = createSite(t, files)
  assert.equal((await site.run(['set', 'alice@example.org'])).code, 64)
  assert.deepEqual(await site.run(['set', 'alice@example.org', '--unset', 'qota']), {
    code: 64,
    output: '',
    error: 'bearerd: --unset: "qota" can\'t be unset; did you mean "quota"?\n',
  })
  assert.equal((await site.run(['set', 'alice@example.org', '--unset', 'created'])).code, 64)
})

test('an account in a .toml file, an alias, and a stranger are not edited', async t => {
  const site = createSite(t, files)
  const errorOf = async (...args: string[]) => {
    const { code, error } = await site.run(args)
    assert.equal(code, 1)
    return error.split('\n')[0]
  }
  assert.equal(
    await errorOf('disable', 'root@example.org'),
    'root@example.org stands at accounts.toml:1; edit it there',
  )
  assert.equal(
    await errorOf('enable', 'a.jones@example.org'),
    'a.jones@example.org is an alias of alice@example.org; give that address',
  )
  assert.equal(await errorOf('remove', 'eve@example.org', '--yes'), 'no account has the address eve@example.org')
})

test('disable and enable; --kick comes when bearerd has read the change, and its failure is a warning', async t => {
  const site = createSite(t, files, { kickWarning: 'warning: doveadm kick failed' })
  assert.deepEqual(await site.run(['disable', 'alice@example.org', '--receive', '--kick']), {
    code: 0,
    output:
      '~ alice@example.org: enabled: true → false; receive: none → true\n0 accounts added, 1 changed, 0 removed\n',
    error: 'warning: doveadm kick failed\n',
  })
  assert.deepEqual(site.events, ['pause 2000', 'kick alice@example.org'])
  assert.equal((await site.run(['enable', 'alice@example.org'])).code, 0)
  assert.equal(site.read('accounts.jsonl'), `{"address":"alice@example.org","aliases":["a.jones@example.org"]}\n${bob}`)
})

test('remove: the app passwords go too, and those of others stay', async t => {
  const passwords = {
    'state/app-passwords.jsonl': password('abc', 'bob@example.org') + password('abd', 'alice@example.org'),
  }
  const site = createSite(t, { ...files, ...passwords })
  assert.deepEqual(await site.run(['remove', 'bob@example.org', '--yes']), {
    code: 0,
    output: '1 app password of bob@example.org removed\n- bob@example.org\n0 accounts added, 0 changed, 1 removed\n',
    error: '',
  })
  assert.equal(site.read('accounts.jsonl'), alice)
  assert.equal(site.read('state/app-passwords.jsonl'), password('abd', 'alice@example.org'))
})

test('remove: says whom it waits for, at the passwords too', async t => {
  const site = createSite(t, { 'accounts.toml': toml, 'accounts.jsonl': alice + bob, 'state/app-passwords.jsonl': '' })
  const lock = site.path('state/app-passwords.jsonl.lock')
  mkdirSync(lock)
  const { code, error } = await site.run(['remove', 'bob@example.org', '--yes'], undefined, () => rmdirSync(lock))
  assert.equal(code, 0)
  assert.match(error, /^waiting: another process holds state\/app-passwords\.jsonl\.lock since .* UTC\n$/)
})

test('remove: asks at a terminal, and needs --yes elsewhere', async t => {
  const site = createSite(t, files)
  const question = 'Remove bob@example.org and its app passwords? [y/N] '
  assert.deepEqual(await site.run(['remove', 'bob@example.org'], { text: '\n', terminal: true }), {
    code: 1,
    output: '',
    error: question,
  })
  assert.deepEqual(await site.run(['remove', 'bob@example.org']), {
    code: 64,
    output: '',
    error: 'bearerd: no terminal to ask at; add --yes\n',
  })
  assert.equal(site.read('accounts.jsonl'), alice + bob)
  assert.equal((await site.run(['remove', 'bob@example.org'], { text: 'yes\n', terminal: true })).code, 0)
  assert.equal(site.read('accounts.jsonl'), alice)
})

test('remove: with a broken password file nothing is removed', async t => {
  const site = createSite(t, { ...files, 'state/app-passwords.jsonl': '{"id":1}\n' })
  const { code, error } = await site.run(['remove', 'bob@example.org', '--yes'])
  assert.equal(code, 78)
  assert.match(error, /^state\/app-passwords\.jsonl:1: error: /)
  assert.equal(site.read('accounts.jsonl'), alice + bob)
})

test('remove: what a running bearerd would take for an accident is said or refused', async t => {
  const many = Array.from({ length: 2 }, (_, n) => `{"address":"u${n}@example.org"}\n`).join('')
  const emptied = createSite(t, { 'accounts.toml': toml, 'accounts.jsonl': alice })
  assert.match((await emptied.run(['remove', 'alice@example.org', '--yes'])).error, /systemctl restart bearerd/)
  assert.equal(emptied.read('accounts.jsonl'), '')
  const one = createSite(t, { 'accounts.toml': '', 'accounts.jsonl': many })
  assert.equal((await one.run(['remove', 'u0@example.org', '--yes'])).code, 0)
  const last = await one.run(['remove', 'u1@example.org', '--yes'])
  assert.equal(last.code, 1)
  assert.match(last.error, /would leave no account in any file/)
})

test('files that have problems already are not touched', async t => {
  const site = createSite(t, { ...files, 'accounts.jsonl': `${alice}{"address":"bob"}\n` })
  const { code, error } = await site.run(['disable', 'alice@example.org'])
  assert.equal(code, 78)
  assert.match(error, /^accounts\.jsonl:2: error: address: /)
  assert.match(error, /the account files have these problems already; nothing was changed\n$/)
  writeFileSync(site.path('accounts.jsonl'), Buffer.from('{"address":"alice@example.org"}\n\xff\n', 'latin1'))
  assert.match((await site.run(['disable', 'alice@example.org'])).error, /^accounts\.jsonl: error: is not UTF-8/)
})

test('without a .jsonl file there is nothing to write to, and the cure is said', async t => {
  const site = createSite(t, { 'bearerd.toml': configuration.replace(', "accounts.jsonl"', ''), 'accounts.toml': toml })
  const { code, error } = await site.run(['add', 'alice@example.org'])
  assert.equal(code, 78)
  assert.match(error, /no file of accounts\.files ends in \.jsonl/)
  assert.ok(!existsSync(site.path('accounts.jsonl')))
})

test('a file that is not there is no place for changes', async t => {
  const site = createSite(t, { 'accounts.toml': toml })
  assert.deepEqual(await site.run(['disable', 'alice@example.org']), {
    code: 78,
    output: '',
    error: 'accounts.jsonl: doesn\'t exist; "bearerd account add ADDRESS" makes it\n',
  })
})

test('disable without --receive refuses mail again, whatever was allowed before; set --disabled does the same', async t => {
  for (const command of [
    ['disable', 'alice@example.org'],
    ['set', 'alice@example.org', '--disabled'],
  ]) {
    const site = createSite(t, files)
    assert.equal((await site.run(['disable', 'alice@example.org', '--receive'])).code, 0)
    assert.deepEqual(await site.run(command), {
      code: 0,
      output: '~ alice@example.org: receive: true → none\n0 accounts added, 1 changed, 0 removed\n',
      error: '',
    })
    assert.match((await site.run(['show', 'alice@example.org'])).output, /state +disabled\n/)
  }
})

test('--receive without --disabled means nothing, unless the account is disabled already', async t => {
  const site = createSite(t, files)
  const error = 'bearerd: --receive goes with --disabled: an enabled account receives mail anyway\n'
  assert.deepEqual(await site.run(['add', 'carol@example.org', '--receive']), { code: 64, output: '', error })
  const { code, error: said } = await site.run(['set', 'alice@example.org', '--receive'])
  assert.deepEqual([code, said], [64, `${error}nothing was changed\n`])
  assert.equal(site.read('accounts.jsonl'), alice + bob)
  await site.run(['disable', 'alice@example.org'])
  assert.equal((await site.run(['set', 'alice@example.org', '--receive'])).code, 0)
  assert.match((await site.run(['show', 'alice@example.org'])).output, /state +disabled, receives mail\n/)
})

test('set --disabled --kick ends her sessions; --kick alone is nothing to do', async t => {
  const site = createSite(t, files)
  assert.equal((await site.run(['set', 'alice@example.org', '--quota', '1GiB', '--kick'])).code, 64)
  assert.equal((await site.run(['set', 'alice@example.org', '--disabled', '--kick', '--dry-run'])).code, 0)
  assert.deepEqual(site.events, [])
  assert.equal((await site.run(['set', 'alice@example.org', '--disabled', '--kick'])).code, 0)
  assert.deepEqual(site.events, ['pause 2000', 'kick alice@example.org'])
})

test("add: an address that was an extension of somebody's takes her mail from her, which is said", async t => {
  const site = createSite(t, files)
  assert.deepEqual(await site.run(['add', 'a.jones+news@example.org']), {
    code: 0,
    output: '+ a.jones+news@example.org\n1 account added, 0 changed, 0 removed\n',
    error: 'warning: mail to a.jones+news@example.org has gone to alice@example.org, as an extension\n',
  })
  assert.equal((await site.run(['add', 'eve+news@example.org'])).error, '')
})
