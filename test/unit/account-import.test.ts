/** Thousands at once: from each format, all or nothing, every problem with its line. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createSite, now } from '../support/account-commands.ts'

const toml = '[[account]]\naddress = "root@example.org"\naliases = ["hostmaster@example.org"]\n'
const bob = '{"address": "bob@example.org", "aliases": ["b@example.org"], "quota": "5GiB"}\n'
const files = { 'accounts.toml': toml, 'accounts.jsonl': bob }
const created = `"created":"${now}"`

test('csv: quoted cells, lists, flags, userdb columns, an empty cell, and the line of a row', async t => {
  const csv =
    '\ufeffaddress,full-name,aliases,enabled,quota,userdb.home\r\n' +
    'alice@example.org,"Jones, ""Al""",a@example.org a.jones@example.org,,5GiB,/srv/a\r\n\r\n' +
    'carol@example.org,,,FALSE,1000,\r\n'
  const site = createSite(t, { ...files, 'people.csv': csv })
  assert.deepEqual(await site.run(['import', site.path('people.csv')]), {
    code: 0,
    output: '2 accounts added, 0 changed, 0 removed\n',
    error: '',
  })
  assert.equal(
    site.read('accounts.jsonl'),
    bob +
      `{"address":"alice@example.org","full-name":"Jones, \\"Al\\"","aliases":["a@example.org","a.jones@example.org"],` +
      `"quota":"5GiB","userdb":{"home":"/srv/a"},${created}}\n` +
      `{"address":"carol@example.org","enabled":false,"quota":1000,${created}}\n`,
  )
})

test('csv: every problem at once, with lines that are right after quoted line ends, and nothing is written', async t => {
  const csv =
    'address,full-name,aliases,quota\r\n' +
    'alice@example.org,"Alice\r\nJones",,\r\n' +
    'carol,,,\r\n' +
    'dave@example.org,,hostmaster@example.org,\r\n' +
    'bob@example.org,,,\r\n' +
    'eve@example.org,,,much,more\r\n' +
    'DAVE@example.org,,,\r\n'
  const site = createSite(t, { ...files, 'people.csv': csv })
  const { code, error } = await site.run(['import', site.path('people.csv')])
  assert.equal(code, 1)
  assert.deepEqual(error.trim().split('\n'), [
    'people.csv:4: error: address: expected an address such as "alice@example.org"',
    'people.csv:6: error: address: bob@example.org is an account already, at accounts.jsonl:1; --update changes it',
    'people.csv:7: error: 5 cells, and the header has 4',
    'people.csv:8: error: address: dave@example.org stands in line 5 too',
    'nothing was changed',
  ])
  writeFileSync(
    site.path('people.csv'),
    csv.split('\r\n').slice(0, 5).join('\r\n').replace('carol,', 'carol@example.org,'),
  )
  assert.deepEqual((await site.run(['import', site.path('people.csv')])).error.trim().split('\n'), [
    'people.csv:2: error: full-name: expected a text without control characters',
    'people.csv:5: error: aliases: hostmaster@example.org already belongs to the account at accounts.toml:1',
    'nothing was changed',
  ])
  assert.equal(site.read('accounts.jsonl'), bob)
})

test('csv: an unknown column, and what is not CSV at all', async t => {
  const site = createSite(t, files)
  const errorOf = async (text: string) => (await site.run(['import', '--format', 'csv'], { text })).error.split('\n')[0]
  assert.equal(
    await errorOf('address,adress,fullname\n'),
    'standard input:1: error: unknown column "adress"; did you mean "address"?',
  )
  assert.equal(
    await errorOf('full-name\nx\n'),
    'standard input:1: error: no column "address"; the first row has the names of the columns',
  )
  assert.equal(await errorOf('address\n"a\n'), 'standard input:2: error: a quoted cell has no end')
  assert.match((await errorOf('address\na,"b"c\n')) ?? '', /^standard input:2: error: not CSV/)
})

test('not UTF-8: the line is named', async t => {
  const site = createSite(t, files)
  writeFileSync(site.path('people.csv'), Buffer.from('address,full-name\na@example.org,M\xfcller\n', 'latin1'))
  const { code, error } = await site.run(['import', site.path('people.csv')])
  assert.equal(code, 1)
  assert.match(error, /people\.csv:2: not UTF-8/)
})

test('--update merges the keys that are given; rows that say nothing new leave the line as it is', async t => {
  const site = createSite(t, files)
  const text = '{"address":"bob@example.org","full-name":"Bob","aliases":[]}\n{"address":"carol@example.org"}\n'
  const dry = await site.run(['import', '--update', '--dry-run'], { text })
  assert.deepEqual(dry, {
    code: 0,
    output:
      '~ bob@example.org: aliases: b@example.org → none; full-name: none → Bob\n+ carol@example.org\n' +
      '1 account added, 1 changed, 0 removed\ndry run: nothing was written\n',
    error: '',
  })
  assert.equal(site.read('accounts.jsonl'), bob)
  const same = 'address;quota\nbob@example.org;5368709120\nfrank@example.org;\n'
  assert.equal(
    (await site.run(['import', '--update'], { text: same })).output,
    '1 account added, 0 changed, 0 removed, 1 as before\n',
  )
  assert.equal(site.read('accounts.jsonl'), `${bob}{"address":"frank@example.org",${created}}\n`)
})

test("--update leaves the time when an account was made: older passwords are a former owner's", async t => {
  const row = `{"address":"bob@example.org",${created}}\n`
  const site = createSite(t, { 'accounts.toml': toml, 'accounts.jsonl': row })
  const text = '{"address":"bob@example.org","created":"2020-01-01T00:00:00Z"}\n'
  const { output } = await site.run(['import', '--update'], { text })
  assert.equal(output, '0 accounts added, 0 changed, 0 removed, 1 as before\n')
  assert.equal(site.read('accounts.jsonl'), row)
})

test('--disable-missing: who is not in the import is disabled, most of them only when that is meant', async t => {
  const many = Array.from({ length: 10 }, (_, n) => `{"address":"u${n}@example.org"}\n`)
  const site = createSite(t, { 'accounts.toml': toml, 'accounts.jsonl': bob + many.join('') })
  const text = '{"address":"u1@example.org"}\n'
  const refused = await site.run(['import', '--update', '--disable-missing'], { text })
  assert.deepEqual(refused, {
    code: 1,
    output: '',
    error: '10 of 11 accounts would be disabled; add --yes if that is meant\nnothing was changed\n',
  })
  const { code, output } = await site.run(['import', '--update', '--disable-missing', '--yes'], { text })
  assert.deepEqual([code, output], [0, '0 accounts added, 10 changed, 0 removed, 1 as before\n'])
  assert.equal(site.read('accounts.jsonl').split('\n')[2], '{"address":"u1@example.org"}')
  assert.equal(site.read('accounts.jsonl').match(/"enabled":false/g)?.length, 10)
})

test("dovecot-passwd: users, homes and userdb fields; the passwords are app-password import's", async t => {
  const site = createSite(t, files)
  const text =
    '# users\nalice:{BLF-CRYPT}$2y$05$secret:5000:5000:Alice Jones,,,:/srv/mail/alice::userdb_quota_rule=*:storage=5G userdb_mail=maildir:/srv/%d/%n allow_nets=192.0.2.0/24\n' +
    'carol@example.net:::::/srv/carol::\n'
  const { code, output, error } = await site.run(['import', '--domain', 'example.org'], { text })
  assert.deepEqual([code, error], [0, ''])
  assert.equal(
    output,
    '2 accounts added, 0 changed, 0 removed\nnot taken, since they are about logins at Dovecot: allow_nets\n' +
      '1 password: bearerd app-password import FILE takes them\n',
  )
  assert.equal(
    site.read('accounts.jsonl'),
    bob +
      '{"address":"alice@example.org","full-name":"Alice Jones","userdb":{"uid":"5000","gid":"5000","home":"/srv/mail/alice",' +
      `"quota_rule":"*:storage=5G","mail":"maildir:/srv/{domain}/{local}"},${created}}\n` +
      `{"address":"carol@example.net","userdb":{"home":"/srv/carol"},${created}}\n`,
  )
})

test('dovecot-passwd: users without a domain, root, and variables that have no spelling here', async t => {
  const site = createSite(t, files)
  const text = 'alice:{PLAIN}hunter2:0:0\ncarol@example.org:{PLAIN}hunter2::::::userdb_home=/srv/%h\n'
  const { code, error } = await site.run(['import', '--format', 'dovecot-passwd'], { text })
  assert.equal(code, 1)
  assert.deepEqual(error.trim().split('\n'), [
    'standard input:1: error: this user has no domain; --domain adds one to those that have none',
    'standard input:2: error: userdb.home: has a variable of Dovecot; only %u, %n and %d are known',
    'nothing was changed',
  ])
})

test('postfix-virtual: aliases and catch-alls of accounts, through other aliases; continued lines and comments', async t => {
  const site = createSite(t, files)
  const text =
    '# virtual\nexample.org  anything\nbob@example.org bob@example.org\nrobert@example.org\n  # a comment\n   bob@example.org\n' +
    'rob@example.org Robert@example.org\n@example.net rob@example.org\nb@example.org bob@example.org\n'
  assert.deepEqual(await site.run(['import', '--dry-run'], { text }), {
    code: 0,
    output:
      '~ bob@example.org: aliases: b@example.org → b@example.org, robert@example.org, rob@example.org, @example.net\n' +
      '0 accounts added, 1 changed, 0 removed\ndry run: nothing was written\n',
    error: '',
  })
})

test('postfix-virtual: what is no alias of one account is named by its line', async t => {
  const site = createSite(t, files)
  const text =
    'all@example.org bob@example.org, root@example.org\nout@example.org eve@elsewhere.example\n' +
    'pipe@example.org |/usr/bin/vacation\na@example.org c@example.org\nc@example.org a@example.org\n' +
    'abuse@example.org root@example.org\npostmaster bob@example.org\n@example.com @example.org\n'
  const { code, error } = await site.run(['import', '--format', 'postfix-virtual'], { text })
  assert.equal(code, 1)
  assert.deepEqual(error.trim().split('\n'), [
    'standard input:1: error: 2 targets: a list is no account',
    'standard input:2: error: leads to an address that no account has',
    'standard input:3: error: leads to a command, a file or a list, which is no account',
    'standard input:4: error: leads back to itself',
    'standard input:5: error: leads back to itself',
    'standard input:6: error: its account stands at accounts.toml:1; add the alias there',
    'standard input:7: error: has a name without a domain; --domain adds one',
    'standard input:8: error: leads a domain to a domain; each of its accounts needs the alias',
    'nothing was changed',
  ])
  assert.equal(site.read('accounts.jsonl'), bob)
})

test('postfix-virtual: an alias that is an account of its own is a conflict', async t => {
  const site = createSite(t, { ...files, 'accounts.jsonl': `${bob}{"address":"carol@example.org"}\n` })
  const text = 'carol@example.org bob@example.org\n'
  assert.equal(
    (await site.run(['import'], { text })).error,
    'accounts.jsonl:2: error: address: carol@example.org already belongs to the account at standard input:1\nnothing was changed\n',
  )
})

test('postfix-mailbox: an account for each address', async t => {
  const site = createSite(t, files)
  const text = 'example.org x\nalice@example.org  example.org/alice/\ncarol@example.org example.org/carol/\n'
  assert.equal((await site.run(['import'], { text })).output, '2 accounts added, 0 changed, 0 removed\n')
  assert.equal(
    (await site.run(['import', '--format', 'postfix-mailbox'], { text: '@example.org all/\n' })).error,
    'standard input:1: error: a catch-all is an alias of an account here\nnothing was changed\n',
  )
})

test('usage: no such file, no format, nothing in it', async t => {
  const site = createSite(t, files)
  assert.equal((await site.run(['import', site.path('nobody')])).code, 64)
  assert.equal((await site.run(['import'], { text: 'hello\n' })).code, 64)
  assert.equal((await site.run(['import', '--format', 'xml'])).code, 64)
  assert.deepEqual(await site.run(['import', '--format', 'csv'], { text: 'address\n' }), {
    code: 1,
    output: '',
    error: 'bearerd: standard input: nothing in it to import\n',
  })
})
