/** `bearerd app-password …` as transcripts: arguments and standard input, what is printed, the exit code, the file after. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Command, CommanderError, Option } from 'commander'
import { addAppPasswordCommands } from '../../src/cli/app-password-commands.ts'
import { ourTerminal, settle } from '../../src/cli/terminal.ts'
import { isAppPasswordHash } from '../../src/passwords/app-hash.ts'
import { parseAppPassword } from '../../src/passwords/app-password.ts'
import { removePasswordsOf } from '../../src/passwords/edit.ts'

const configuration = `state-dir = "state"
[accounts]
files = ["accounts.jsonl"]
[listen.imap]
protocol = "dovecot-auth"
path = "auth-client"
[directory.main]
issuer = "https://accounts.example.org"
`
const accounts = `{"address": "alice@example.org", "aliases": ["a.jones@example.org"]}
{"address": "bob@example.org", "enabled": false}
{"address": "carol@example.org", "created": "2026-01-15T00:00:00Z"}
`
const now = Date.parse('2026-01-31T12:00:00Z')
const sha = (letter: string): string => `{SHA256}${Buffer.alloc(32, letter).toString('base64')}`
const kfm = `{"id":"kfm","account":"alice@example.org","label":"phone","hash":"${sha('A')}","created":"2026-01-20T08:00:00Z"}\n`
/** As somebody may have written it by hand. */
const byHand = `{ "account": "Alice@Example.org", "id": "abc", "hash": "${sha('B')}",\t"created": "2026-01-01T00:00:00Z", "expires": "2026-01-30T00:00:00Z", "label": "laptop" }\r\n`
const carols = `{"id":"xyz","account":"carol@example.org","label":"older","hash":"${sha('C')}","created":"2026-01-14T00:00:00Z"}\n`
const gone = `{"id":"ddd","account":"gone@example.org","label":"left over","hash":"${sha('D')}","created":"2026-01-01T00:00:00Z"}\n`
const bcrypt = `$2y$05$${'a'.repeat(53)}`
const imported = `{"id":"imported","account":"alice@example.org","label":"imported","hash":"{BLF-CRYPT}${bcrypt}","created":"2026-01-01T00:00:00Z"}\n`

type Result = { readonly code: number; readonly stdout: string; readonly stderr: string }
type Site = {
  readonly run: (args: readonly string[], input?: string) => Promise<Result>
  readonly path: (name: string) => string
  /** Of the password file. */
  readonly text: () => string
  /** Whose sessions were ended, and when. */
  readonly kicked: readonly string[]
}

/** A configuration with three accounts and these passwords, and nobody at the terminal. */
function openSite(t: TestContext, passwords?: string, config = configuration): Site {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-app-password-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = (name: string): string => join(folder, name)
  writeFileSync(path('bearerd.toml'), config)
  writeFileSync(path('accounts.jsonl'), accounts)
  // A file that has just been written would be waited for.
  utimesSync(path('accounts.jsonl'), 1, 1)
  mkdirSync(path('state'))
  if (passwords !== undefined) writeFileSync(path('state/app-passwords.jsonl'), passwords, { mode: 0o600 })
  const kicked: string[] = []

  async function run(args: readonly string[], input = ''): Promise<Result> {
    let stdout = ''
    let stderr = ''
    let code = -1
    const error = { write: (text: string) => (stderr += text) }
    const terminal = {
      input: (async function* () {
        yield Buffer.from(input)
      })(),
      output: { write: (text: string) => (stdout += text) },
      error,
      now: () => now,
      async pause(ms: number) {
        kicked.push(`after ${ms} ms`)
      },
      async kick(address: string) {
        kicked.push(address)
        return address.startsWith('alice') ? undefined : 'warning: nobody answers'
      },
    }
    const program = new Command('bearerd').exitOverride().configureOutput({ writeErr: error.write })
    const config = (): Option => new Option('-c, --config <file>').default(path('bearerd.toml'))
    addAppPasswordCommands(program, config, result => (code = result), terminal)
    try {
      await program.parseAsync(['app-password', ...args], { from: 'user' })
    } catch (failure) {
      if (!(failure instanceof CommanderError)) throw failure
      code = failure.exitCode === 0 ? 0 : 64
    }
    return { code, stdout, stderr: stderr.replaceAll(`${folder}/`, '') }
  }
  return { run, path, kicked, text: () => readFileSync(path('state/app-passwords.jsonl'), 'utf8') }
}

const lines = (...texts: readonly string[]): string => texts.map(text => `${text}\n`).join('')
const records = (site: Site): Record<string, unknown>[] =>
  site
    .text()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))

test('create: the password alone on standard output, what it is on standard error, its hash in the file', async t => {
  const site = openSite(t)
  const args = ['--label', ' Outlook, office ', '--expires', '180d', '--services', 'imap,submission,imap']
  const { code, stdout, stderr } = await site.run([
    ...['create', 'A.Jones@example.org', ...args],
    ...['--networks', '192.0.2.0/24, 2001:DB8::1'],
  ])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^([a-hjkmnp-z]{4}-){7}[a-hjkmnp-z]{4}\n$/)
  const password = parseAppPassword(stdout)
  assert.equal(
    stderr,
    lines(
      'note: A.Jones@example.org is an alias; the password is for the account alice@example.org',
      'account   alice@example.org',
      `id        ${password?.id}`,
      'label     Outlook, office',
      'expires   2026-07-30 12:00 UTC',
      'services  imap, smtp',
      'networks  192.0.2.0/24, 2001:db8::1/128',
      'The password is shown this once. Dashes, spaces and capitals make no difference.',
    ),
  )
  const [{ hash, ...record } = {}] = records(site)
  assert.ok(isAppPasswordHash(String(hash), password?.letters ?? ''))
  assert.deepEqual(record, {
    id: password?.id,
    account: 'alice@example.org',
    label: 'Outlook, office',
    created: '2026-01-31T12:00:00.000Z',
    expires: '2026-07-30T12:00:00.000Z',
    services: ['imap', 'smtp'],
    networks: ['192.0.2.0/24', '2001:db8::1/128'],
  })
  assert.equal(statSync(site.path('state/app-passwords.jsonl')).mode & 0o777, 0o600)
})

test('create --json: one object with the password and what it is, and not a word beside it', async t => {
  const site = openSite(t, byHand)
  const { code, stdout, stderr } = await site.run(['create', 'alice@example.org', '--label', 'phone', '--json'])
  const { password, ...told } = JSON.parse(stdout)
  const id = parseAppPassword(password)?.id
  const created = '2026-01-31T12:00:00.000Z'
  const unrestricted = { expires: null, services: [], networks: [] }
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(told, { account: 'alice@example.org', id, label: 'phone', created, ...unrestricted })
  assert.ok(site.text().startsWith(byHand), 'what was there before keeps its bytes')
})

test('create: works for a disabled account, with a warning', async t => {
  const site = openSite(t)
  const { code, stderr } = await site.run(['create', 'bob@example.org', '--label', 'x', '--json'])
  assert.equal(code, 0)
  assert.equal(stderr, 'warning: bob@example.org is disabled: it works once the account is enabled\n')
})

test('create: a password is never older than its account, whatever the clock says', async t => {
  const site = openSite(t)
  const later = '{"address": "dora@example.org", "created": "2026-02-01T00:00:00Z"}\n'
  writeFileSync(site.path('accounts.jsonl'), later)
  assert.equal((await site.run(['create', 'dora@example.org', '--label', 'x'])).code, 0)
  assert.equal(records(site)[0]?.created, '2026-02-01T00:00:00.000Z')
})

test('create: nobody has the address, by extension neither', async t => {
  const site = openSite(t)
  for (const address of ['nobody@example.org', 'alice+news@example.org', 'alice'])
    assert.deepEqual(await site.run(['create', address, '--label', 'x']), {
      code: 1,
      stdout: '',
      stderr: `bearerd: no account has the address "${address}"\n`,
    })
  assert.ok(!existsSync(site.path('state/app-passwords.jsonl')))
})

test('create: all that is wrong with the arguments, at once', async t => {
  const site = openSite(t)
  const wrong = ['--label', '\t', '--expires', '2026-01-31', '--services', 'imp,fax', '--networks', '192.0.2.1/24,here']
  assert.deepEqual(await site.run(['create', 'alice@example.org', ...wrong]), {
    code: 64,
    stdout: '',
    stderr: lines(
      'bearerd: --label: expected 1 to 200 printable characters',
      'bearerd: --expires: "2026-01-31" is not in the future',
      'bearerd: --services: "imp" is no service; did you mean "imap"?',
      'bearerd: --services: "fax" is no service; there are imap, pop3, smtp, sieve',
      'bearerd: --networks: "192.0.2.1/24": expected the first address of a network; did you mean "192.0.2.0/24"?',
      'bearerd: --networks: "here": expected a network such as "192.0.2.0/24" or "2001:db8::/32", or an address',
    ),
  })
  for (const [text, message] of [
    ['6m', '"6m" is minutes; months are not a unit, write "180d"'],
    ['2w', 'expected days or hours ("180d", "12h") or a day such as "2027-01-31", got "2w"'],
  ] as const) {
    const { code, stderr } = await site.run(['create', 'alice@example.org', '--label', 'x', '--expires', text])
    assert.deepEqual([code, stderr], [64, `bearerd: --expires: ${message}\n`])
  }
  assert.equal((await site.run(['create', 'alice@example.org', '--label', 'x', '--expires', '60m'])).code, 0)
  const { code, stderr } = await site.run(['create', 'alice@example.org'])
  assert.deepEqual([code, stderr], [64, "error: required option '--label <text>' not specified\n"])
})

test('create: no password is shown that is not on disk', async t => {
  const absent = openSite(t)
  rmSync(absent.path('state'), { recursive: true })
  const { code, stdout, stderr } = await absent.run(['create', 'alice@example.org', '--label', 'x'])
  assert.deepEqual([code, stdout], [78, ''])
  assert.match(stderr, /^state: error: doesn't exist; "install -d -o bearerd -g bearerd -m 0700 .*state" makes it/)

  const circular = openSite(t)
  symlinkSync('app-passwords.jsonl', circular.path('state/app-passwords.jsonl'))
  const refused = await circular.run(['create', 'alice@example.org', '--label', 'x'])
  assert.deepEqual([refused.code, refused.stdout], [78, ''])
  assert.match(refused.stderr, /^bearerd: state\/app-passwords\.jsonl was not changed: /)
})

test('every writing command: a file with a mistake is left as it is', async t => {
  const broken = `${kfm}{"id":"kfm"}\n\n${kfm}`
  const site = openSite(t, broken)
  for (const args of [
    ['create', 'alice@example.org', '--label', 'x'],
    ['revoke', 'alice@example.org', 'kfm'],
    ['revoke', '--orphaned'],
    ['import'],
  ]) {
    const { code, stdout, stderr } = await site.run(args)
    assert.deepEqual([code, stdout], [78, ''], args.join(' '))
    assert.match(stderr, /^state\/app-passwords\.jsonl:2: error: account: expected an address/m)
    assert.match(stderr, /^state\/app-passwords\.jsonl:4: error: id: the account has another password with this id$/m)
  }
  assert.equal(site.text(), broken)

  const latin1 = Buffer.from(kfm.replace('phone', 'B\xfcro'), 'latin1')
  writeFileSync(site.path('state/app-passwords.jsonl'), latin1)
  const { stderr } = await site.run(['create', 'alice@example.org', '--label', 'x'])
  assert.match(stderr, /^state\/app-passwords\.jsonl: error: not UTF-8$/m)
})

test('two who create at the same time both get a password that works', async t => {
  const site = openSite(t, kfm)
  const args = ['create', 'alice@example.org', '--label', 'x']
  const results = await Promise.all([site.run(args), site.run(args), site.run(args)])
  const ids = results.map(({ stdout }) => parseAppPassword(stdout)?.id)
  assert.deepEqual(new Set(records(site).map(({ id }) => id)), new Set(['kfm', ...ids]))
})

test('list: by account, with what is worth knowing of each', async t => {
  const restricted = kfm.replace(
    '}\n',
    ',"expires":"2026-03-01T00:00:00Z","services":["imap"],"networks":["192.0.2.0/24"]}\n',
  )
  const site = openSite(t, gone + carols + imported + restricted + byHand)
  const uses = [
    { account: 'alice@example.org', id: 'kfm', at: '2026-01-30T09:05:00Z', from: '192.0.2.7' },
    // Of a password that had this id before.
    { account: 'alice@example.org', id: 'abc', at: '2025-12-24T00:00:00Z', from: '192.0.2.8' },
  ]
  writeFileSync(site.path('state/app-passwords.last-used.jsonl'), lines(...uses.map(use => JSON.stringify(use))))
  assert.deepEqual(await site.run(['list']), {
    code: 0,
    stderr: '',
    stdout: lines(
      'alice@example.org',
      '  imported  imported',
      '       imported {BLF-CRYPT}',
      '       created 2026-01-01 00:00 UTC, never used',
      '  abc  laptop',
      '       EXPIRED 2026-01-30 00:00 UTC',
      '       created 2026-01-01 00:00 UTC, never used',
      '  kfm  phone',
      '       created 2026-01-20 08:00 UTC, last used 2026-01-30 09:05 UTC from 192.0.2.7',
      '       expires 2026-03-01 00:00 UTC',
      '       only for imap',
      '       only from 192.0.2.0/24',
      'carol@example.org',
      '  xyz  older',
      '       ORPHANED: older than the account',
      '       created 2026-01-14 00:00 UTC, never used',
      'gone@example.org',
      '  ddd  left over',
      '       ORPHANED: no such account',
      '       created 2026-01-01 00:00 UTC, never used',
    ),
  })
  const { stdout } = await site.run(['list', 'A.Jones@example.org', '--json'])
  const rows: Record<string, unknown>[] = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(
    rows.map(({ id, imported, expired, lastUsedFrom }) => [id, imported, expired, lastUsedFrom]),
    [
      ['imported', '{BLF-CRYPT}', false, undefined],
      ['abc', undefined, true, undefined],
      ['kfm', undefined, false, '192.0.2.7'],
    ],
  )
  assert.ok(!stdout.includes('aaaa') && !stdout.includes(sha('A')), 'no hash')
})

test('list: nobody, and nothing', async t => {
  const site = openSite(t, gone)
  const ask = async (...args: string[]): Promise<unknown[]> => Object.values(await site.run(['list', ...args]))
  assert.deepEqual(await ask('bob@example.org'), [0, '', 'no app passwords of bob@example.org\n'])
  assert.deepEqual(await ask('who@example.org'), [1, '', 'bearerd: no account has the address "who@example.org"\n'])
  assert.equal((await ask('gone@example.org'))[0], 0, 'what is left of an account that has gone')
})

test('list: warns of a file that others may read, and shows nothing of a broken one', async t => {
  const site = openSite(t, kfm)
  chmodSync(site.path('state/app-passwords.jsonl'), 0o644)
  assert.match((await site.run(['list'])).stderr, /^state\/app-passwords\.jsonl: warning: has mode 0644/)
  writeFileSync(site.path('state/app-passwords.jsonl'), `${kfm}junk\n`)
  const { code, stdout } = await site.run(['list'])
  assert.deepEqual([code, stdout], [78, ''])
})

test('revoke: the named ones go, the others keep their bytes', async t => {
  const site = openSite(t, byHand + carols + kfm + gone)
  assert.deepEqual(await site.run(['revoke', 'a.jones@example.org', 'KFM', '--kick']), {
    code: 0,
    stdout: 'revoked alice@example.org kfm  phone\n',
    stderr: '',
  })
  assert.equal(site.text(), byHand + carols + gone)
  assert.deepEqual(site.kicked, ['after 2000 ms', 'alice@example.org'], 'by then bearerd has read the file')
})

test('revoke: all or none of those that are named', async t => {
  const site = openSite(t, kfm + byHand)
  const ask = async (...args: string[]): Promise<unknown[]> => Object.values(await site.run(['revoke', ...args]))
  assert.deepEqual(await ask('alice@example.org', 'kfm', 'zzz', '--kick'), [
    1,
    '',
    'bearerd: alice@example.org has no password "zzz", but kfm, abc; nothing is revoked\n',
  ])
  assert.deepEqual(await ask('bob@example.org', '--all'), [
    1,
    '',
    'bearerd: there is no app password of "bob@example.org"\n',
  ])
  assert.equal(site.text(), kfm + byHand)
  assert.deepEqual(site.kicked, [])
})

test('revoke --all, also of an account that has gone; a failed kick is a warning', async t => {
  const site = openSite(t, kfm + gone + byHand)
  const { code, stdout, stderr } = await site.run(['revoke', 'gone@example.org', '--all', '--kick'])
  assert.deepEqual([code, stdout], [0, 'revoked gone@example.org ddd  left over\n'])
  assert.equal(stderr, 'warning: nobody answers\n')
  assert.equal((await site.run(['revoke', 'alice@example.org', '--all'])).code, 0)
  assert.equal(site.text(), '')
})

test('revoke --orphaned: those without an account, and those of a former owner', async t => {
  const site = openSite(t, carols + kfm + gone)
  const { stdout } = await site.run(['revoke', '--orphaned'])
  assert.equal(stdout, lines('revoked carol@example.org xyz  older', 'revoked gone@example.org ddd  left over'))
  assert.equal(site.text(), kfm)
  const { code, stderr } = await site.run(['revoke', '--orphaned'])
  assert.deepEqual([code, stderr], [0, 'no password is orphaned\n'])
})

test('revoke: with broken account files --orphaned does nothing, and a lost phone is revoked all the same', async t => {
  const site = openSite(t, kfm + gone)
  writeFileSync(site.path('accounts.jsonl'), '{"address": "alice"}\n')
  const { code, stderr } = await site.run(['revoke', '--orphaned'])
  assert.equal(code, 78)
  assert.match(stderr, /nothing is revoked: without accounts, all passwords would be orphaned\n$/)
  assert.equal(site.text(), kfm + gone)
  assert.equal((await site.run(['revoke', 'alice@example.org', 'kfm'])).code, 0)
  assert.equal(site.text(), gone)
})

test('revoke: which ones?', async t => {
  const site = openSite(t, kfm)
  const wrong = [
    [],
    ['alice@example.org'],
    ['alice@example.org', 'kfm', '--all'],
    ['alice@example.org', '--orphaned'],
    ['--orphaned', '--all'],
  ]
  for (const args of wrong) assert.equal((await site.run(['revoke', ...args])).code, 64, args.join(' '))
  assert.equal(site.text(), kfm)
})

const sha512 = `$6$salt$${'b'.repeat(86)}`

test('import: the hashes of a passwd-file, with the networks they are restricted to', async t => {
  const site = openSite(t, kfm)
  const passwd = lines(
    '# users',
    `alice:{BLF-CRYPT}${bcrypt}:5000:5000::/home/alice::allow_nets=192.0.2.0/24,2001:db8::1`,
    `carol@Example.ORG:${sha512}`,
    'bob::5000:5000',
  )
  assert.deepEqual(await site.run(['import', '-', '--domain', 'example.org'], passwd), {
    code: 0,
    stdout: '',
    stderr: lines('passed over, without a password: 1', 'imported: 2'),
  })
  const [, alice, carol] = records(site)
  const created = '2026-01-31T12:00:00.000Z'
  assert.deepEqual(alice, {
    ...{ id: 'imported', account: 'alice@example.org', label: 'imported', hash: `{BLF-CRYPT}${bcrypt}`, created },
    networks: ['192.0.2.0/24', '2001:db8::1/128'],
  })
  assert.equal(carol?.hash, `{SHA512-CRYPT}${sha512}`)
  assert.ok(site.text().startsWith(kfm))
})

test('import: one line that cannot be taken, and none is; each is named with what to do, never with its hash', async t => {
  const site = openSite(t, imported)
  const secret = 'Tr0ub4dor'
  const bad = [
    [
      `alice@example.org:{BLF-CRYPT}${bcrypt}`,
      'alice@example.org has an imported password already; --replace takes this one',
    ],
    [`bob:{BLF-CRYPT}${bcrypt}`, 'the user has no domain; --domain says which those without one are in'],
    [`dora@example.org:{BLF-CRYPT}${bcrypt}`, 'no account has the address dora@example.org; add it first'],
    [`carol@example.org:{MD5-CRYPT}$1$${secret}`, "{MD5-CRYPT} isn't taken; the user needs an app password"],
    [
      `ALICE@example.org:{SSHA512}${secret}`,
      "line 1 is alice@example.org's too, and an account has one imported password",
    ],
    [
      `a.jones@example.org:{BLF-CRYPT}${bcrypt}`,
      'a.jones@example.org is an alias of alice@example.org; write that address, or leave the line out',
    ],
    [`bob@example.org:${secret}`, 'not a hash that can be taken; the user needs an app password'],
  ]
  const { code, stdout, stderr } = await site.run(['import'], lines(...bad.map(([line = '']) => line)))
  assert.deepEqual([code, stdout], [1, ''])
  const expected = bad.map(([, message], index) => `standard input:${index + 1}: error: ${message}`)
  assert.equal(stderr, lines(...expected, 'bearerd: nothing is imported'))
  assert.equal(site.text(), imported)
})

test('import: what a login is restricted by elsewhere, and what it would cost to check', async t => {
  const site = openSite(t, kfm)
  const cases = [
    [`{BLF-CRYPT}${bcrypt}::::::nologin`, /has nologin, which can't be taken over; leave the user out/],
    ...['user', 'username', 'domain', 'login_user', 'user:protected', 'user:default'].map(
      name => [`{BLF-CRYPT}${bcrypt}::::::${name}=bob`, new RegExp(`has ${name}, `)] as const,
    ),
    [`{BLF-CRYPT}${bcrypt}::::::nopassword`, /has nopassword, /],
    [`{BLF-CRYPT}${bcrypt}::::::passdb_import=nologin`, /has passdb_import, /],
    [`{BLF-CRYPT}${bcrypt}::::::allow_nets:protected=192.0.2.0/24`, /has allow_nets:protected, /],
    [`{BLF-CRYPT}${bcrypt}::::::allow_nets=local`, /allow_nets: expected networks/],
    [`{BLF-CRYPT}${bcrypt.replace('05', '31')}`, /cost over 15.*the user needs an app password/],
    [`{SHA256}${'A'.repeat(43)}=`, /\{SHA256\} isn't taken/],
    ['{hunter2}x', /its scheme isn't taken/],
  ] as const
  for (const [fields, message] of cases) {
    const { code, stderr } = await site.run(['import'], `alice@example.org:${fields}\n`)
    assert.equal(code, 1)
    assert.match(stderr, message)
  }
  assert.equal(site.text(), kfm)
})

test('import --replace, from a file, and first as --dry-run', async t => {
  const site = openSite(t, imported + kfm)
  const passwd = lines(`alice@example.org:${sha512}`, `bob@example.org:{blf-crypt}${bcrypt}`)
  writeFileSync(site.path('users'), passwd)
  const args = ['import', site.path('users'), '--replace', '--label', 'from Dovecot']
  assert.deepEqual(await site.run([...args, '--dry-run']), {
    code: 0,
    stdout: lines('~ alice@example.org: {SHA512-CRYPT}, in place of {BLF-CRYPT}', '+ bob@example.org: {BLF-CRYPT}'),
    stderr: 'would be imported: 2\n',
  })
  assert.equal(site.text(), imported + kfm)
  assert.equal((await site.run(args)).code, 0)
  assert.deepEqual(
    records(site).map(({ account, id, label }) => [account, id, label]),
    [
      ['alice@example.org', 'kfm', 'phone'],
      ['alice@example.org', 'imported', 'from Dovecot'],
      ['bob@example.org', 'imported', 'from Dovecot'],
    ],
  )
  const { code, stderr } = await site.run(['import', site.path('absent')])
  assert.deepEqual([code, stderr], [64, "bearerd: absent: can't be read (ENOENT)\n"])
})

test('import: from a pipe; UTF-16 is told apart; nothing in it is taken for an accident', async t => {
  const site = openSite(t, kfm)
  const pipe = site.path('pipe')
  execFileSync('mkfifo', [pipe])
  const [{ code, stderr }] = await Promise.all([
    site.run(['import', pipe, '--dry-run']),
    writeFile(pipe, `bob@example.org:${sha512}\n`),
  ])
  assert.deepEqual([code, stderr], [0, 'would be imported: 1\n'])
  writeFileSync(site.path('users'), Buffer.from(`\ufeffbob@example.org:${sha512}\n`, 'utf16le'))
  assert.deepEqual(await site.run(['import', site.path('users')]), {
    code: 1,
    stdout: '',
    stderr: 'bearerd: users: this is UTF-16; save it as UTF-8 (in a spreadsheet: "CSV UTF-8")\n',
  })
  for (const nothing of ['', '# nobody\n'])
    assert.deepEqual(await site.run(['import'], nothing), {
      code: 1,
      stdout: '',
      stderr: 'bearerd: standard input: nothing in it to import\n',
    })
  assert.equal(site.text(), kfm)
})

test('an account that is removed takes its passwords with it; without a state directory there are none', async t => {
  const site = openSite(t, kfm + gone + byHand)
  const file = site.path('state/app-passwords.jsonl')
  const removed = await removePasswordsOf(file, new Set(['alice@example.org', 'bob@example.org']))
  assert.ok(removed.kind === 'done')
  assert.deepEqual(
    removed.result.map(({ id }) => id),
    ['kfm', 'abc'],
  )
  assert.equal(site.text(), gone)
  const absent = await removePasswordsOf(site.path('absent/app-passwords.jsonl'), new Set(['alice@example.org']))
  assert.deepEqual(absent, { kind: 'done', result: [] })
})

test('a fault of ours keeps its stack', async () => {
  await assert.rejects(
    settle(ourTerminal, async () => {
      throw new TypeError('oops')
    }),
    TypeError,
  )
})
