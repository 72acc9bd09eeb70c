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
    'people.csv:2: error: full-name: has a line break',
    'people.csv:4: error: address: expected an address such as "alice@example.org"',
    'people.csv:5: error: aliases: hostmaster@example.org already belongs to the account root@example.org at accounts.toml:1',
    'people.csv:6: error: address: bob@example.org is an account already, at accounts.jsonl:1; --update changes it',
    'people.csv:7: error: 5 cells, and the header has 4',
    'people.csv:8: error: address: dave@example.org stands in line 5 too',
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
    await errorOf('address,department\n'),
    'standard input:1: error: unknown column "department"; there are address, full-name, aliases, username, subject, ' +
      'directory, enabled, receive, quota, send-as, created, userdb.NAME',
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
    code: 64,
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
    '# users\nalice:{BLF-CRYPT}$2y$05$secret:5000:5000:Alice Jones,,,:/srv/mail/alice::userdb_quota_rule=*:storage=5G userdb_mail=maildir:/srv/%d/%n allow_nets=192.0.2.0/24 proxy=y\n' +
    'carol@example.net:::::/srv/carol::\n'
  const { code, output, error } = await site.run(['import', '--domain', 'example.org'], { text })
  assert.deepEqual([code, error], [0, ''])
  assert.equal(
    output,
    '2 accounts added, 0 changed, 0 removed\nnot taken, since they are about logins at Dovecot: proxy\n' +
      '1 password, and allow_nets: bearerd app-password import FILE takes them\n',
  )
  assert.equal(
    site.read('accounts.jsonl'),
    bob +
      '{"address":"alice@example.org","full-name":"Alice Jones","userdb":{"uid":"5000","gid":"5000","home":"/srv/mail/alice",' +
      `"quota_rule":"*:storage=5G","mail":"maildir:/srv/{domain}/{local}"},${created}}\n` +
      `{"address":"carol@example.net","userdb":{"home":"/srv/carol"},${created}}\n`,
  )
})

test('dovecot-passwd: who may not log in there is disabled, and counted; who is somebody else is no account', async t => {
  const site = createSite(t, files)
  const run = (text: string) => site.run(['import', '--format', 'dovecot-passwd', '--domain', 'example.org'], { text })
  const closed = 'erin:::::::nologin userdb_x=1\nfred@example.net:::::::nologin:protected=y\ngina:::::::user=%u\n'
  const { code, output } = await run(closed)
  assert.equal(code, 0)
  assert.equal(
    output,
    '3 accounts added, 0 changed, 0 removed\n2 with nologin: disabled, and mail to them is accepted\n' +
      'not taken, since they are about logins at Dovecot: user\n',
  )
  const [, erin, fred, gina] = site.read('accounts.jsonl').split('\n')
  const off = '"enabled":false,"receive":true'
  assert.equal(erin, `{"address":"erin@example.org",${off},"userdb":{"x":"1"},"created":"${now}"}`)
  assert.equal(fred, `{"address":"fred@example.net",${off},"created":"${now}"}`)
  assert.equal(gina, `{"address":"gina@example.org","created":"${now}"}`)

  const other = await run('hank:::::::user=bob@example.org\n')
  assert.equal(other.code, 1)
  assert.equal(
    other.error,
    'standard input:1: error: is another name of "bob@example.org"; add it there as an alias, or leave it out\n' +
      'nothing was changed\n',
  )
})

test('a terminal is shown the first 20 problems, a pipe as many as anybody may want', async t => {
  const site = createSite(t, files)
  const text = '{"address":"x"}\n'.repeat(1_003)
  const args = ['import', '--format', 'jsonl']
  const short = (await site.run(args, { text, terminal: true })).error.trimEnd().split('\n').slice(-22)
  assert.match(short[0] ?? '', /standard input:1: error/)
  assert.deepEqual(short.slice(20), ['and 983 more', 'nothing was changed'])
  const long = (await site.run(args, { text })).error.trimEnd().split('\n')
  assert.deepEqual([long.length, long[1_000]], [1_002, 'and 3 more'])
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
    'standard input:2: error: leads to "eve@elsewhere.example", an address that no account has',
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
    'accounts.jsonl:2: error: address: carol@example.org already belongs to the account bob@example.org at standard input:1\nnothing was changed\n',
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
  const nothing = 'bearerd: standard input: nothing in it to import\n'
  assert.deepEqual(await site.run(['import'], { text: '\n' }), { code: 1, output: '', error: nothing })
  assert.deepEqual(await site.run(['import', '--format', 'csv'], { text: 'address\n' }), {
    code: 1,
    output: '',
    error: nothing,
  })
})

test('every problem at once: a row that is there twice does not hide whose alias another one takes', async t => {
  const site = createSite(t, files)
  const text = 'address,aliases\ncarol@example.org,\ncarol@example.org,\ndave@example.org,b@example.org\n'
  assert.deepEqual((await site.run(['import'], { text })).error.trim().split('\n'), [
    'standard input:3: error: address: carol@example.org stands in line 2 too',
    'standard input:4: error: aliases: b@example.org already belongs to the account bob@example.org at accounts.jsonl:1',
    'nothing was changed',
  ])
})

test('UTF-16, with and without a byte order mark: what to save it as', async t => {
  const site = createSite(t, files)
  const text = 'address,full-name\r\na@example.org,Müller\r\n'
  const little = Buffer.from(`\ufeff${text}`, 'utf16le')
  for (const bytes of [little, Buffer.from(little).swap16(), Buffer.from(text, 'utf16le')]) {
    writeFileSync(site.path('people.csv'), bytes)
    assert.deepEqual(await site.run(['import', site.path('people.csv')]), {
      code: 1,
      output: '',
      error: 'bearerd: people.csv: this is UTF-16; save it as UTF-8 (in a spreadsheet: "CSV UTF-8")\n',
    })
  }
  assert.equal(site.read('accounts.jsonl'), bob)
})

test('the way back where a .toml file has accounts too: they are passed over as they stand, and not changed', async t => {
  const site = createSite(t, files)
  for (const format of ['csv', 'jsonl']) {
    const { output: text } = await site.run(['export', '--format', format])
    assert.deepEqual(await site.run(['import', '--update', '--disable-missing'], { text }), {
      code: 0,
      output: '0 accounts added, 0 changed, 0 removed, 1 as before\n1 as they stand in accounts.toml\n',
      error: '',
    })
  }
  const text = 'address,full-name\nroot@example.org,\nbob@example.org,Bob\nROOT@example.org,Charlie Root\n'
  assert.deepEqual(await site.run(['import', '--update'], { text }), {
    code: 1,
    output: '',
    error:
      'standard input:4: error: address: root@example.org stands at accounts.toml:1, which is edited by hand; ' +
      'change it there or leave the row out\nnothing was changed\n',
  })
  assert.deepEqual([site.read('accounts.toml'), site.read('accounts.jsonl')], [toml, bob])
})

test('--kick ends the sessions of those who could log in before, once bearerd has read the change', async t => {
  const carol = '{"address":"carol@example.org"}\n'
  const off = '{"address":"off@example.org","enabled":false}\n'
  const site = createSite(t, { ...files, 'accounts.jsonl': bob + carol + off })
  const text = '{"address":"carol@example.org","enabled":false}\n{"address":"new@example.org","enabled":false}\n'
  const args = ['import', '--update', '--disable-missing', '--kick']
  assert.equal((await site.run([...args, '--dry-run'], { text })).code, 0)
  assert.deepEqual(site.events, [])
  assert.equal((await site.run(args, { text })).code, 0)
  assert.deepEqual(site.events, ['pause 2000', 'kick carol@example.org', 'kick bob@example.org'])
})

test('csv: the names of columns in any case', async t => {
  const site = createSite(t, files)
  const text = 'Address,FULL-NAME,UserDB.quota_Rule\ncarol@example.org,Carol,x\n'
  assert.equal((await site.run(['import'], { text })).code, 0)
  assert.ok(
    site.read('accounts.jsonl').includes('"full-name":"Carol","userdb":{"quota_Rule":"x"}'),
    site.read('accounts.jsonl'),
  )
})

test('at a terminal the progress bar is gone before anything else is said', async t => {
  const site = createSite(t, files)
  const [hideCursor, showCursor] = ['\x1b[?25l', '\x1b[?25h']
  for (const [text, said] of [
    ['{"address":"carol@example.org"}\n', '1 account added'],
    ['{"address":"dave@example.org","aliases":["b@example.org"]}\n', 'standard input:1: error: aliases'],
  ] as const) {
    const before = site.screen().length
    await site.run(['import', '--format', 'jsonl'], { text, terminal: true })
    const screen = site.screen().slice(before)
    const [shown, gone] = [screen.indexOf(hideCursor), screen.lastIndexOf(showCursor)]
    assert.ok(shown >= 0 && gone > shown, JSON.stringify(screen))
    assert.ok(screen.indexOf(said) > gone, JSON.stringify(screen))
  }
})

test('a new account that says that it is old: the passwords that it brings back are told of', async t => {
  const record = (id: string, name: string, time: string): string =>
    `${JSON.stringify({
      id,
      account: `${name}@example.org`,
      hash: `{SHA256}${Buffer.alloc(32).toString('base64')}`,
      created: `${time}T00:00:00Z`,
    })}\n`
  const passwords =
    record('aaa', 'alice', '2020-06-01') + record('bbb', 'alice', '2021-06-01') + record('ccc', 'carol', '2021-06-01')
  const site = createSite(t, { ...files, 'state/app-passwords.jsonl': passwords })
  const text =
    '{"address":"alice@example.org","created":"2021-01-01T00:00:00Z"}\n' +
    '{"address":"carol@example.org"}\n{"address":"dave@example.org","created":"2021-01-01T00:00:00Z"}\n'
  const note =
    '1 app password of alice@example.org, older than this import, works again; ' +
    'revoke it with "bearerd app-password revoke alice@example.org --all"\n'
  const summary = '3 accounts added, 0 changed, 0 removed\n'
  const { output: dry } = await site.run(['import', '-', '--format', 'jsonl', '--dry-run'], { text })
  assert.ok(dry.endsWith(`${summary}dry run: nothing was written\n${note}`), dry)
  const { output } = await site.run(['import', '-', '--format', 'jsonl'], { text })
  assert.equal(output, summary + note)
})

test('an account that was made in the future: a warning', async t => {
  const site = createSite(t, files)
  const text = '{"address":"carol@example.org","created":"2999-01-01T00:00:00Z"}\n'
  assert.deepEqual(await site.run(['import'], { text }), {
    code: 0,
    output: '1 account added, 0 changed, 0 removed\n',
    error:
      'standard input:1: warning: created: more than a day in the future; app passwords that are older are refused\n',
  })
})
