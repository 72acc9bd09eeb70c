/** Reading what there is: list, show, export, and that an export is what import reads. */
import assert from 'node:assert/strict'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { createSite, now } from '../support/account-commands.ts'

const toml = '# by hand\n[[account]]\naddress = "root@example.org"\naliases = ["hostmaster@example.org"]\n'
const rows =
  '{"address":"alice@example.net","full-name":"=HYPERLINK(\\"x\\")","quota":"1KiB","userdb":{"home":"/srv/a","flag":""}}\n' +
  `{"address":"bob@example.org","aliases":["b@example.org","@example.com"],"enabled":false,"receive":true,"created":"${now}"}\n` +
  '{"address":"carol@example.org","full-name":"\'t Hooft","enabled":false,"send-as":["info@example.org"]}\n'
const files = { 'accounts.toml': toml, 'accounts.jsonl': rows }

test('list: one a line, in the order of the files', async t => {
  const site = createSite(t, files)
  assert.deepEqual((await site.run(['list'])).output.split('\n'), [
    'root@example.org   enabled                  1 alias    accounts.toml:2',
    'alice@example.net  enabled                  0 aliases  accounts.jsonl:1',
    'bob@example.org    disabled, receives mail  2 aliases  accounts.jsonl:2',
    'carol@example.org  disabled                 0 aliases  accounts.jsonl:3',
    '',
  ])
  const disabled = await site.run(['list', '--disabled', '--domain', 'Example.org', '--json'])
  assert.deepEqual(
    disabled.output
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
    rows
      .trim()
      .split('\n')
      .slice(1)
      .map(line => JSON.parse(line)),
  )
  assert.deepEqual(await site.run(['list', '--domain', 'nobody.example']), { code: 0, output: '', error: '' })
  assert.equal((await site.run(['list', '--domain', 'a b'])).code, 64)
})

test('show: by any of her addresses, and where she stands', async t => {
  const site = createSite(t, files)
  assert.equal(
    (await site.run(['show', 'b@example.org'])).output,
    `bob@example.org
  state          disabled, receives mail
  aliases        b@example.org, @example.com
  created        ${now}
  app passwords  0
  stands at      accounts.jsonl:2
`,
  )
  const { output } = await site.run(['show', 'root@example.org', '--json'])
  assert.deepEqual(JSON.parse(output), {
    address: 'root@example.org',
    aliases: ['hostmaster@example.org'],
    file: 'accounts.toml',
    line: 2,
    'app-passwords': 0,
  })
  assert.deepEqual(await site.run(['show', 'eve@example.org']), {
    code: 1,
    output: '',
    error: 'bearerd: no account has the address "eve@example.org"\n',
  })
})

test('files with a problem: it is said, and there is no list', async t => {
  const site = createSite(t, { ...files, 'accounts.jsonl': '{"adress":"x"}\n' })
  const { code, output, error } = await site.run(['list'])
  assert.deepEqual([code, output], [78, ''])
  assert.match(error, /^accounts\.jsonl:1: error: adress: unknown key; did you mean "address"\?\n/)
})

for (const format of ['csv', 'jsonl'])
  test(`export to ${format}: an empty site imports it and exports the same`, async t => {
    const [one, two] = [createSite(t, { ...files, 'accounts.toml': '' }), createSite(t, { 'accounts.toml': '' })]
    const exported = await one.run(['export', '--format', format])
    assert.deepEqual([exported.code, exported.error], [0, ''])
    const imported = await two.run(['import'], { text: exported.output })
    assert.deepEqual(imported, { code: 0, output: '3 accounts added, 0 changed, 0 removed\n', error: '' })
    const withCreated = exported.output.includes(now) && (await two.run(['export', '--format', 'jsonl'])).output
    assert.deepEqual(
      String(withCreated)
        .trim()
        .split('\n')
        .map(line => ({ ...JSON.parse(line), created: undefined })),
      (await one.run(['list', '--json'])).output
        .trim()
        .split('\n')
        .map(line => ({ ...JSON.parse(line), created: undefined })),
    )
    assert.equal(
      (await one.run(['import', '--update'], { text: exported.output })).output,
      '0 accounts added, 0 changed, 0 removed, 3 as before\n',
    )
    assert.equal(one.read('accounts.jsonl'), rows)
  })

test('export to CSV: a cell that a spreadsheet would take for a formula has an apostrophe before it', async t => {
  const site = createSite(t, files)
  assert.equal(
    (await site.run(['export', '--format', 'csv', '--domain', 'example.net'])).output,
    'address,full-name,quota,userdb.flag,userdb.home\r\nalice@example.net,"\'=HYPERLINK(""x"")",1KiB,\',/srv/a\r\n',
  )
})

test('export: a file in the way stays, unless --force; an account file stays always', async t => {
  const site = createSite(t, files)
  const target = site.path('all.jsonl')
  assert.deepEqual(await site.run(['export', target]), {
    code: 0,
    output: '',
    error: '4 accounts written to all.jsonl\n',
  })
  assert.equal(site.read('all.jsonl').split('\n').length, 5)
  writeFileSync(target, 'mine')
  assert.equal((await site.run(['export', target])).code, 1)
  assert.equal(site.read('all.jsonl'), 'mine')
  assert.equal((await site.run(['export', target, '--force'])).code, 0)
  assert.notEqual(site.read('all.jsonl'), 'mine')
  assert.equal((await site.run(['export', site.path('accounts.jsonl'), '--force'])).code, 1)
  assert.equal(site.read('accounts.jsonl'), rows)
})

test('export: no file that bearerd lives on is replaced, by whatever name it goes, and none that ends in .toml', async t => {
  const password = '{"id":"abc","account":"carol@example.org"}\n'
  const site = createSite(t, { ...files, 'other.toml': toml, 'state/app-passwords.jsonl': password })
  mkdirSync(site.path('links'))
  symlinkSync('..', site.path('links/up'))
  symlinkSync('../accounts.toml', site.path('links/list.jsonl'))
  symlinkSync(site.path('state/app-passwords.last-used.jsonl'), site.path('links/dangling'))
  linkSync(site.path('bearerd.toml'), site.path('links/hard.csv'))
  const config = site.read('bearerd.toml')
  const refusals = {
    'links/up/accounts.jsonl': /is one of the account files; nothing was written/,
    'links/list.jsonl': /is one of the account files/,
    'accounts.toml': /is one of the account files/,
    'state/app-passwords.jsonl': /is the app-password file/,
    'links/up/state/app-passwords.jsonl': /is the app-password file/,
    'links/dangling': /is the file of last uses/,
    'bearerd.toml': /is the configuration/,
    'links/hard.csv': /is the configuration/,
    'other.toml': /ends in \.toml/,
    'new.TOML': /ends in \.toml/,
  }
  for (const [name, reason] of Object.entries(refusals)) {
    const { code, error } = await site.run(['export', '--force', '--format', 'jsonl', site.path(name)])
    assert.equal(code, 1, name)
    assert.match(error, reason)
  }
  assert.deepEqual(
    ['accounts.toml', 'accounts.jsonl', 'state/app-passwords.jsonl', 'bearerd.toml', 'other.toml'].map(site.read),
    [toml, rows, password, config, toml],
  )
})

test('a managed file that is not there: what makes it is said', async t => {
  const site = createSite(t, { 'accounts.toml': toml })
  assert.deepEqual(await site.run(['list']), {
    code: 78,
    output: '',
    error:
      'accounts.jsonl: error: doesn\'t exist; restore it; or if there never was one, "bearerd account add ADDRESS" makes it\n',
  })
})
