/** The accounts in force, while their files come, change, break and go. */
import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, rename, symlink, unlink } from 'node:fs/promises'
import test from 'node:test'
import { formatProblem, type Problem } from '../../src/config/problem.ts'
import { eventually } from '../support/process.ts'
import { newcomer, openShelf, type Shelf } from '../support/store.ts'
import { whileReplaced, writeSlowly } from '../support/writers.ts'

const jsonl = (...addresses: string[]): string => addresses.map(address => `{"address":"${address}"}\n`).join('')
const toml = (...addresses: string[]): string => addresses.map(a => `[[account]]\naddress = "${a}"\n`).join('')
const said = (shelf: Shelf, problems: readonly Problem[]): string[] =>
  problems.map(problem => formatProblem(problem).replace(`${shelf.folder}/`, ''))

/** As an editor or a careful program does it: aside, then in one step. */
async function replace(shelf: Shelf, name: string, text: string, mode = 0o644): Promise<void> {
  await shelf.write(`${name}.aside`, text)
  await chmod(shelf.path(`${name}.aside`), mode)
  await rename(shelf.path(`${name}.aside`), shelf.path(name))
}

test('the files are read in order, and the log counts', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', toml('a@example.org'))
  await shelf.write('b.jsonl', jsonl('b@example.org', 'c@example.org'))
  const store = shelf.open(['a.toml', 'b.jsonl'])
  assert.equal(store.current(), undefined)
  assert.deepEqual(await store.load(), [])
  assert.deepEqual(store.addresses(), ['a@example.org', 'b@example.org', 'c@example.org'])
  const { accounts, cause, ms, level } = await store.logged('accounts_loaded')
  assert.deepEqual([accounts, cause, typeof ms, level], [3, 'load', 'number', 'info'])
})

test('a file that doesn’t exist is a problem, and then it is mended', async t => {
  const shelf = await openShelf(t)
  const store = shelf.open(['a.jsonl'])
  assert.deepEqual(said(shelf, await store.load()), [
    'a.jsonl: error: doesn\'t exist; restore it; or if there never was one, "bearerd account add ADDRESS" makes it',
  ])
  assert.equal(store.current(), undefined)
  assert.equal((await store.logged('accounts_missing')).level, 'error')
  store.watch()
  await replace(shelf, 'a.jsonl', jsonl('a@example.org'))
  assert.equal((await store.logged('accounts_loaded')).cause, 'change')
  assert.deepEqual(store.addresses(), ['a@example.org'])
})

test('empty files: fine where accounts are created, an error where they are not', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', '')
  await shelf.write('b.jsonl', '')
  assert.deepEqual(await shelf.open(['a.toml', 'b.jsonl'], { unknown: 'create' }).load(), [])
  const store = shelf.open(['a.toml', 'b.jsonl'], { unknown: 'reject' })
  assert.deepEqual(said(shelf, await store.load()), [
    'a.toml: error: no account in any file: every login and all mail would be refused',
  ])
  assert.equal(store.current(), undefined)
})

test('after an error the old accounts stay, and a good file takes over', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', toml('a@example.org'))
  await shelf.write('b.jsonl', jsonl('b@example.org'))
  const store = shelf.open(['a.toml', 'b.jsonl'])
  await store.load()
  store.watch()
  await store.logged('accounts_loaded')

  await replace(shelf, 'b.jsonl', `${jsonl('b@example.org', 'c@example.org')}{"address":"a@exam`)
  const problem = await store.logged('accounts_problem')
  assert.deepEqual([problem.level, problem.line, problem.message], ['error', 3, 'expected one JSON object on the line'])
  assert.deepEqual((await store.logged('accounts_kept')).accounts, 2)
  assert.deepEqual(store.addresses(), ['a@example.org', 'b@example.org'])

  await replace(shelf, 'b.jsonl', jsonl('c@example.org'))
  await store.logged('accounts_loaded')
  assert.deepEqual(store.addresses(), ['a@example.org', 'c@example.org'])
})

test('an error in one file keeps a good change of another from taking effect', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', toml('a@example.org'))
  await shelf.write('b.jsonl', jsonl('b@example.org'))
  const store = shelf.open(['a.toml', 'b.jsonl'])
  await store.load()
  await shelf.write('a.toml', toml('new@example.org'))
  await shelf.write('b.jsonl', jsonl('b@example.org', 'new@example.org'))
  assert.deepEqual(said(shelf, await store.load()), [
    `b.jsonl:2: error: address: new@example.org already belongs to the account at ${shelf.path('a.toml')}:1`,
  ])
  assert.deepEqual(store.addresses(), ['a@example.org', 'b@example.org'])
})

test('a file that held accounts is neither emptied nor removed by accident', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', toml('a@example.org'))
  await shelf.write('b.jsonl', jsonl('b@example.org', 'c@example.org'))
  const store = shelf.open(['a.toml', 'b.jsonl'])
  await store.load()
  await shelf.write('b.jsonl', '\n\n')
  assert.deepEqual(said(shelf, await store.load()), [
    'b.jsonl: error: was emptied: it held 2 accounts; restart bearerd if that is intended',
  ])
  await unlink(shelf.path('b.jsonl'))
  assert.deepEqual(said(shelf, await store.load()), [
    'b.jsonl: error: doesn\'t exist; restore it; or if there never was one, "bearerd account add ADDRESS" makes it',
  ])
  assert.equal(store.current()?.size, 3)
})

test('a file that lost most of its accounts is not believed until somebody asks for it', async t => {
  const shelf = await openShelf(t)
  const many = Array.from({ length: 10 }, (_, n) => `user${n}@example.org`)
  await shelf.write('a.jsonl', jsonl(...many))
  const store = shelf.open(['a.jsonl'])
  await store.load()
  store.watch()
  await shelf.write('a.jsonl', jsonl(...many.slice(0, 4)))
  assert.match(String((await store.logged('accounts_problem')).message), /has 4 of 10 accounts left/)
  assert.equal(store.current()?.size, 10)
  assert.deepEqual(await store.load(), [])
  assert.equal(store.current()?.size, 4)
})

test('a file that was being written when bearerd started is not taken for whole', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', jsonl('a@b'))
  const store = shelf.open(['a.jsonl'], { options: { pollMs: 500 } })
  const loading = store.load()
  await shelf.write('a.jsonl', jsonl('a@b', 'c@b'))
  await loading
  assert.equal(store.current()?.size, 2)
})

test('a file that is still being written is not taken for whole', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', jsonl('a@b', 'c@b', 'd@b'))
  const store = shelf.open(['a.jsonl'], { options: { pollMs: 500 } })
  await store.load()
  await shelf.write('a.jsonl', jsonl('a@b'))
  const loading = store.load()
  // The time that it takes to read a file, and more.
  for (let n = 0; n < 3; n++) await shelf.open(['a.jsonl']).load()
  await shelf.write('a.jsonl', jsonl('a@b', 'c@b', 'd@b', 'e@b'))
  assert.deepEqual(await loading, [])
  assert.deepEqual(
    store.lines.map(({ accounts }) => accounts),
    [3, 4],
  )
})

test('an account that is disabled while others write all the time is disabled, in this file and the next', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', '')
  await shelf.write('b.toml', toml('b@b'))
  const store = shelf.open(['a.jsonl', 'b.toml'], { options: { pollMs: 100 } })
  await store.load()
  store.watch()
  let enabled = true
  const isEnabled = (name: string): boolean | undefined => store.current()?.byName(name)?.enabled
  await whileReplaced(
    shelf.path('a.jsonl'),
    () => `{"address":"a@b","enabled":${enabled}}\n`,
    async () => {
      while (isEnabled('a@b') !== true) await store.logged('accounts_loaded')
      enabled = false
      await replace(shelf, 'b.toml', `${toml('b@b')}enabled = false\n`)
      while (isEnabled('a@b') || isEnabled('b@b')) await store.logged('accounts_loaded')
    },
  )
  assert.deepEqual(
    store.lines.filter(({ level }) => level !== 'info'),
    [],
    'and nobody is told to write otherwise',
  )
})

for (const way of ['over the old one', 'beside the old one, which is now its backup'])
  test(`a file that is written slowly, ${way}, is never believed halfway`, async t => {
    const shelf = await openShelf(t)
    await shelf.write('a.jsonl', jsonl('a@b'))
    const store = shelf.open(['a.jsonl'], { options: { pollMs: 100 } })
    await store.load()
    store.watch()
    if (way.startsWith('beside')) await rename(shelf.path('a.jsonl'), shelf.path('a.jsonl~'))
    const written = await writeSlowly(shelf.path('a.jsonl'), n => jsonl(`u${n}@b`), store.logged('accounts_kept'))
    await store.logged('accounts_loaded')
    await store.logged('accounts_loaded')
    assert.deepEqual(
      store.lines.flatMap(({ event, accounts }) => (event === 'accounts_loaded' ? [accounts] : [])),
      [1, written],
    )
    assert.ok(store.lines.some(({ message }) => /keeps changing/.test(String(message))))
  })

test('warnings are told, and hinder nothing', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', '{"address":"a@b","username":"u"}\n{"address":"c@b","username":"u"}\n')
  const store = shelf.open(['a.jsonl'])
  assert.deepEqual(
    (await store.load()).map(({ severity, line }) => [severity, line]),
    [['warning', 2]],
  )
  assert.equal((await store.logged('accounts_problem')).level, 'warn')
  assert.equal(store.current()?.size, 2)
})

test('a directory that isn’t configured is an error', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', '{"address":"a@b","directory":"mian"}\n')
  assert.deepEqual(said(shelf, await shelf.open(['a.jsonl']).load()), [
    'a.jsonl:1: error: directory: no [directory.NAME] has this name; did you mean "main"?',
  ])
})

test('names of users and groups become numbers, in the defaults and in accounts', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', `${toml('a@b', 'c@b')}userdb.uid = "daemon"\n`)
  const store = shelf.open(['a.toml'], { defaults: { uid: 'nobody', gid: '8', home: '/home/{local}' } })
  assert.deepEqual(await store.load(), [])
  const fields = ['a@b', 'c@b'].map(name => {
    const index = store.current()
    const account = index?.byName(name)
    return index && account && index.userdb(account)
  })
  assert.deepEqual(fields, [
    { uid: '65534', gid: '8', home: '/home/a' },
    { uid: '1', gid: '8', home: '/home/c' },
  ])
})

test('a user who doesn’t exist is an error, with its line', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', `${toml('a@b')}userdb.uid = "no-such-user"\n`)
  const store = shelf.open(['a.toml'], { defaults: { gid: 'no-such-group', uid: 'root' } })
  const problems = await store.load()
  assert.deepEqual(said(shelf, problems), [
    'bearerd.toml: error: accounts.defaults.uid: this is root, whom Dovecot never serves',
    'a.toml:1: error: userdb.uid: no user "no-such-user" on this machine; create it, or give a number',
  ])
  assert.deepEqual(
    problems.map(({ file }) => file),
    ['bearerd.toml', 'a.toml'].map(shelf.path),
  )
  assert.equal(store.current(), undefined)
})

test('an error outside the files is tried again, in silence while it stays', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', jsonl('a@b'))
  // A directory service that is down, then up.
  await shelf.write('getent', '#!/bin/sh\necho asked >> "$0.asked"; exit 3\n')
  await chmod(shelf.path('getent'), 0o755)
  const path = process.env.PATH
  process.env.PATH = `${shelf.folder}:${path}`
  t.after(() => {
    process.env.PATH = path
  })
  const store = shelf.open(['a.jsonl'], { defaults: { uid: 'vmail' }, options: { retryMs: 0 } })
  assert.deepEqual(said(shelf, await store.load()), [
    'bearerd.toml: error: accounts.defaults.uid: "getent passwd vmail" failed (3); a number needs no lookup',
  ])
  store.watch()
  const asked = async (): Promise<number> => (await readFile(shelf.path('getent.asked'), 'utf8')).length
  await eventually('three more tries', async () => ((await asked()) > 3 * 'asked\n'.length ? true : undefined))
  await replace(shelf, 'getent', '#!/bin/sh\necho "vmail:x:5000:5000::/:"\n', 0o755)
  assert.equal((await store.logged('accounts_loaded')).cause, 'retry')
  assert.deepEqual(
    store.lines.map(({ event }) => event),
    ['accounts_problem', 'accounts_missing', 'accounts_loaded'],
  )
})

test('a file that can’t be read is an error with its cause', async t => {
  const shelf = await openShelf(t)
  await symlink('loop.jsonl', shelf.path('loop.jsonl'))
  assert.deepEqual(said(shelf, await shelf.open(['loop.jsonl']).load()), ["loop.jsonl: error: can't be read (ELOOP)"])
})

test('only regular files are read', async t => {
  const shelf = await openShelf(t)
  await mkdir(shelf.path('a.jsonl'))
  assert.deepEqual(said(shelf, await shelf.open(['a.jsonl']).load()), ['a.jsonl: error: not a regular file'])
})

test('of a thousand errors twenty are logged, and the rest is counted', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', 'junk\n'.repeat(500))
  const store = shelf.open(['a.jsonl'])
  assert.equal((await store.load()).length, 500)
  const problems = store.lines.filter(({ event }) => event === 'accounts_problem')
  assert.equal(problems.length, 21)
  assert.equal(problems.at(-1)?.more, 480)
})

test('junk without end is not read to its end', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', '{}\n'.repeat(400_000))
  await shelf.write('b.jsonl', 'junk\n')
  const problems = await shelf.open(['a.jsonl', 'b.jsonl']).load()
  assert.ok(problems.length >= 1_000 && problems.length < 400_000)
  assert.ok(problems.every(({ file }) => file === shelf.path('a.jsonl')))
})

test('thousands of warnings cut nothing short', async t => {
  const shelf = await openShelf(t)
  const lines = Array.from({ length: 20_000 }, (_, n) => `{"address":"u${n}@example.org","username":"same"}\n`)
  await shelf.write('a.jsonl', lines.join(''))
  await shelf.write('b.jsonl', jsonl('last@example.org'))
  const store = shelf.open(['a.jsonl', 'b.jsonl'])
  const problems = await store.load()
  assert.ok(problems.length > 0 && problems.every(({ severity }) => severity === 'warning'))
  assert.equal(store.current()?.size, 20_001)
})

test('errors are logged before warnings', async t => {
  const shelf = await openShelf(t)
  const lines = Array.from({ length: 50 }, (_, n) => `{"address":"u${n}@example.org","username":"same"}\n`)
  await shelf.write('a.jsonl', `${lines.join('')}junk\n`)
  const store = shelf.open(['a.jsonl'])
  await store.load()
  assert.equal((await store.logged('accounts_problem')).line, 51)
})

/** Some hundred kilobytes: several blocks, of which most stay as they are when a line changes. */
const crowd = Array.from({ length: 8_000 }, (_, n) => ({
  address: `user${n}@example.org`,
  aliases: [`u.${n}@example.net`],
  subject: `s${n}`,
  'send-as': n % 100 === 0 ? ['info@example.org'] : undefined,
}))
const written = (rows: readonly object[], mark = ''): string =>
  mark + rows.map(row => `${JSON.stringify(row)}\n`).join('')

test('a large file that changes in a few lines: what is new is in force, what is gone is gone, the rest stays', async t => {
  const shelf = await openShelf(t)
  const last = { address: 'last@example.org', aliases: ['@example.com'] }
  await shelf.write('a.toml', toml('toml@example.org'))
  await shelf.write('b.jsonl', written([...crowd, last]))
  const store = shelf.open(['a.toml', 'b.jsonl'])
  await store.load()
  const addressOf = (name: string): string | undefined => store.current()?.recipient(name)?.account.address
  assert.equal(addressOf('any@example.com'), 'last@example.org')
  const heir = { address: 'new@example.org', aliases: ['user4000@example.org', '@example.edu'] }
  const rows = [...crowd.slice(0, 100), { address: 'other@example.org' }, ...crowd.slice(100, 4000), heir]
  rows.push(...crowd.slice(4001))
  await shelf.write('b.jsonl', written(rows))
  assert.deepEqual(await store.load(), [])
  assert.equal(store.current()?.size, 8_002)
  assert.deepEqual(store.addresses(), ['toml@example.org', ...rows.map(({ address }) => address)])
  for (const [n, { address, aliases, subject }] of crowd.entries()) {
    const owner = n === 4000 ? 'new@example.org' : address
    assert.equal(addressOf(address), owner)
    assert.equal(addressOf(aliases[0] ?? ''), n === 4000 ? undefined : owner)
    assert.equal(store.current()?.bySubject(subject)[0]?.address, n === 4000 ? undefined : owner)
  }
  assert.deepEqual(
    [addressOf('other@example.org'), addressOf('any@example.edu'), addressOf('any@example.com')],
    ['other@example.org', 'new@example.org', undefined],
  )
  assert.deepEqual(
    ['example.org', 'example.edu', 'example.com'].map(domain => store.current()?.hasDomain(domain)),
    [true, true, false],
  )
  assert.equal(store.current()?.senders('info@example.org').length, 79)
})

test('a large file: a name that somebody has is refused in a line that is new, with the place where she stands', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', '')
  await shelf.write('b.jsonl', written(crowd))
  const store = shelf.open(['a.toml', 'b.jsonl'])
  await store.load()
  await shelf.write('b.jsonl', written([{ address: 'first@example.org' }, ...crowd, { address: 'u.5000@example.net' }]))
  const taken = 'error: address: u.5000@example.net already belongs to the account user5000@example.org at'
  assert.deepEqual(said(shelf, await store.load()), [`b.jsonl:8002: ${taken} ${shelf.path('b.jsonl')}:5002`])
  assert.equal(store.current()?.size, 8_000)
  await shelf.write('b.jsonl', written(crowd))
  await shelf.write('a.toml', toml('u.5000@example.net'))
  assert.match(said(shelf, await store.load()).join('\n'), /^a\.toml:1: error: .*b\.jsonl:5001$/)
})

test('a large file: what was warned of is warned of again, as long as it stays', async t => {
  const shelf = await openShelf(t)
  const rows = crowd.map(row => ({ ...row, username: row.address.startsWith('user77') ? 'same' : row.address }))
  await shelf.write('a.jsonl', written(rows))
  const store = shelf.open(['a.jsonl'])
  const before = await store.load()
  assert.ok(before.length > 10 && before.every(({ severity }) => severity === 'warning'))
  await shelf.write('a.jsonl', written([...rows, { address: 'last@example.org' }]))
  assert.deepEqual(await store.load(), before)
  assert.deepEqual(await store.load(), before)
  assert.equal(store.current()?.size, 8_001)
  await shelf.write('a.jsonl', written(crowd))
  assert.deepEqual(await store.load(), [])
})

test('a large file: users are looked up again at each load', async t => {
  const shelf = await openShelf(t)
  await shelf.write(
    'a.jsonl',
    written(crowd.map((row, n) => (n === 7_000 ? { ...row, userdb: { uid: 'daemon' } } : row))),
  )
  const store = shelf.open(['a.jsonl'])
  for (let n = 0; n < 2; n++) {
    await store.load()
    assert.equal(store.current()?.byName('user7000@example.org')?.userdb.uid, '1')
    assert.equal(store.current()?.size, 8_000)
  }
})

test('a large file: who was created meanwhile is read like everybody else, and a byte order mark stays one', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', written(crowd, '\ufeff'))
  const store = shelf.open(['a.jsonl'])
  await store.load()
  const created = await store.create(newcomer('new@example.org'))
  assert.deepEqual(await store.load(), [])
  assert.deepEqual(store.current()?.byName('new@example.org'), created)
  assert.equal(store.current()?.size, 8_001)
  await shelf.write(
    'a.jsonl',
    `${written([{ address: 'first@example.org' }])}${await readFile(shelf.path('a.jsonl'), 'utf8')}`,
  )
  assert.deepEqual(said(shelf, await store.load()), ['a.jsonl:2: error: expected one JSON object on the line'])
})

test('two loads at once are two loads in a row', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', jsonl('a@b'))
  const store = shelf.open(['a.jsonl'])
  await Promise.all([store.load(), store.load(), store.load()])
  assert.equal(store.current()?.size, 1)
  assert.equal(store.lines.filter(({ event }) => event === 'accounts_loaded').length, 3)
})

test('many accounts in TOML are warned of', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.toml', toml(...Array.from({ length: 10_001 }, (_, n) => `u${n}@b`)))
  const store = shelf.open(['a.toml'])
  assert.deepEqual(said(shelf, await store.load()), [
    'a.toml: warning: holds over 10000 accounts; a .jsonl file loads them faster',
  ])
  assert.equal(store.current()?.size, 10_001)
})

test('nothing is looked at after closing', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', jsonl('a@b'))
  const closed = shelf.open(['a.jsonl'])
  await closed.load()
  closed.watch()
  closed.close()
  const open = shelf.open(['a.jsonl'])
  await open.load()
  await open.logged('accounts_loaded')
  open.watch()
  await replace(shelf, 'a.jsonl', jsonl('a@b', 'c@b'))
  await open.logged('accounts_loaded')
  assert.equal(open.current()?.size, 2)
  assert.equal(closed.current()?.size, 1)
})
