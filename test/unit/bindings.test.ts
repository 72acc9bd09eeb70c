/** Bindings: who is bound while logins bind, commands unbind, and the file is not what it should be. */
import assert from 'node:assert/strict'
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import test from 'node:test'
import { formatBinding } from '../../src/accounts/binding.ts'
import { carryBindings } from '../../src/accounts/binding-edit.ts'
import { readBindings } from '../../src/accounts/binding-file.ts'
import { withLock } from '../../src/accounts/lock.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { account } from '../support/accounts.ts'
import { alice, bob, bound, now, openBindings, unbound } from '../support/bindings.ts'

test('before the first load nothing is known, and nobody is bound; a file that never existed binds nobody', async t => {
  const { bind, current, load } = await openBindings(t)
  assert.equal(current(), undefined)
  await assert.rejects(bind(alice, 'main', 's1') ?? Promise.resolve())
  assert.deepEqual(await load(), [])
  assert.equal(current()?.size, 0)
})

test('who is bound is so at once, and on disk when the promise resolves, for the owner of the file only', async t => {
  const { bind, current, load, file, read, open } = await openBindings(t)
  await load()
  const written = bind(alice, 'main', 's1')
  assert.equal(current()?.subjectOf(alice, 'main'), 's1')
  await written
  assert.deepEqual(await read(), [
    '{"account":"alice@example.org","directory":"main","subject":"s1","bound":"2026-01-31T12:00:00.000Z"}',
    '',
  ])
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.equal(bind(alice, 'main', 's1'), undefined, 'on disk already')
  const next = open()
  await next.load()
  assert.deepEqual(next.owners('s1'), ['alice'])
})

test('of two logins at once one binds; the other waits for it, or is told that it is another', async t => {
  const { bind, load, read, lines } = await openBindings(t)
  await load()
  const [first, same, other] = [bind(alice, 'main', 's1'), bind(alice, 'main', 's1'), bind(alice, 'main', 's2')]
  await assert.rejects(other ?? Promise.resolve(), /bound otherwise/)
  assert.equal(same, first, 'neither is let in before it is written')
  await Promise.all([first, same])
  assert.equal((await read()).length, 2)
  assert.equal(lines.filter(({ event }) => event === 'account_bound').length, 1)
})

test('all who log in while the file is being written go into one write', async t => {
  const { bind, load, read, file } = await openBindings(t)
  await load()
  const many = Array.from({ length: 50 }, (_, n) => account({ address: `u${n}@example.org` }))
  let writes: (Promise<void> | undefined)[] = []
  await withLock(file, async () => {
    writes = many.map(one => bind(one, 'main', one.address))
  })
  await Promise.all(writes)
  assert.equal((await read()).length, 51)
})

test('a binding is not older than its account, even where the clock is', async t => {
  const { bind, current, load } = await openBindings(t)
  await load()
  const carol = account({ address: 'carol@example.org', created: now + 60_000 })
  await bind(carol, 'main', 's3')
  assert.equal(current()?.subjectOf(carol, 'main'), 's3')
})

test('where it can not be written the account is as it was, and the log says why', async t => {
  const { bind, current, load, append, folder, lines } = await openBindings(t)
  const again = account({ address: 'alice@example.org', created: now })
  await append(bound('alice', 'former', 'main', 1), bound('bob', 's2'))
  await load()
  await rm(folder, { recursive: true })
  await assert.rejects(bind(again, 'main', 's1') ?? Promise.resolve(), /does not exist/)
  assert.equal(current()?.subjectOf(again, 'main'), undefined)
  assert.deepEqual(current()?.addressesOf('s1', 'main'), [])
  assert.deepEqual(current()?.addressesOf('former', 'main'), ['alice@example.org'])
  assert.equal(current()?.subjectOf(bob, 'main'), 's2')
  const [line] = lines.filter(({ event }) => event === 'binding_not_written')
  assert.match(String(line?.why), /bindings\.jsonl was not changed: /)
})

test('a watched file takes effect when a command unbinds somebody, or binds her to another', async t => {
  const { load, watch, append, logged, owners } = await openBindings(t)
  await append(bound('alice', 's1'), bound('bob', 's2'))
  await load()
  await logged('bindings_loaded')
  watch()
  await append(unbound('alice'))
  await logged('bindings_loaded')
  assert.deepEqual([owners('s1'), owners('s2')], [[], ['bob']])
  await append(bound('bob', 's1'))
  await logged('bindings_loaded')
  assert.deepEqual([owners('s1'), owners('s2')], [['bob'], []])
})

test('what a command has written meanwhile stands: a login that came too late does not bind', async t => {
  const { bind, load, append, current, read } = await openBindings(t)
  await load()
  await append(bound('alice', 'by-hand'))
  const late = bind(alice, 'main', 's1')
  const other = bind(bob, 'main', 's2')
  await assert.rejects(late ?? Promise.resolve(), /otherwise meanwhile/)
  await other
  assert.equal(current()?.subjectOf(alice, 'main'), 'by-hand')
  assert.equal(current()?.subjectOf(bob, 'main'), 's2')
  assert.equal((await read()).length, 3)
})

test('the own write is no reason to read the file again', async t => {
  const { bind, load, append, watch, lines, logged } = await openBindings(t)
  await load()
  watch()
  await bind(alice, 'main', 's1')
  await append(bound('bob', 's2'))
  await logged('bindings_loaded')
  await logged('bindings_loaded')
  assert.deepEqual(
    lines.filter(({ event }) => event === 'bindings_loaded').map(({ bindings }) => bindings),
    [0, 2],
  )
})

test('lines that make no sense are warned of, with their number, and passed over', async t => {
  const { load, write, owners, lines } = await openBindings(t)
  const good = [bound('alice', 's1'), bound('bob', 's2')].map(formatBinding)
  await write(
    'bindings.jsonl',
    `${good[0]}\n{"account":"bob@example.org","dir\nnonsense\n{"account":7}\n\n${good[1]}\n`,
  )
  assert.deepEqual(
    (await load()).map(problem => formatProblem(problem).replace(/.*\//, '')),
    [
      'bindings.jsonl:2: warning: expected one JSON object on the line; the line is passed over',
      'bindings.jsonl:3: warning: expected one JSON object on the line; the line is passed over',
      'bindings.jsonl:4: warning: expected an address in "account"; the line is passed over',
    ],
  )
  assert.deepEqual([owners('s1'), owners('s2')], [['alice'], ['bob']])
  assert.equal(lines.filter(({ level, line }) => level === 'warn' && line !== undefined).length, 3)
})

test('a last line that was cut off is ended by the next writer', async t => {
  const { load, bind, write, read, open } = await openBindings(t)
  const [first, torn] = [formatBinding(bound('bob', 's2')), '{"account":"carol@exa']
  await write('bindings.jsonl', `${first}\n${torn}`)
  await load()
  await bind(alice, 'main', 's1')
  assert.deepEqual(await read(), [first, torn, formatBinding(bound('alice', 's1')), ''])
  const next = open()
  await next.load()
  assert.deepEqual([next.owners('s1'), next.owners('s2')], [['alice'], ['bob']])
})

test('a file that can not be read is not one that binds nobody', async t => {
  const { file, load, current, bind, append, watch, logged } = await openBindings(t)
  await mkdir(file)
  const [problem] = await load()
  assert.equal(problem?.severity, 'error')
  assert.equal(current(), undefined)
  await assert.rejects(bind(alice, 'main', 's1') ?? Promise.resolve())
  watch()
  await rm(file, { recursive: true })
  await append(bound('alice', 's1'))
  while (current()?.size !== 1) await logged('bindings_loaded')
})

test('when it can not be read any more, or has gone, who is bound stays so, and nobody else is bound', async t => {
  const { file, load, current, bind, append } = await openBindings(t)
  await append(bound('alice', 's1'))
  await load()
  await rename(file, `${file}.away`)
  const [gone] = await load()
  assert.match(gone?.message ?? '', /^has gone, and held 1 bindings/)
  assert.equal(current()?.subjectOf(alice, 'main'), 's1')
  assert.equal(bind(alice, 'main', 's1'), undefined)
  await assert.rejects(bind(bob, 'main', 's2') ?? Promise.resolve(), /has a problem/)
  assert.equal(current()?.subjectOf(bob, 'main'), undefined)
  await assert.rejects(stat(file), 'it is not made anew, with one line')
  await rename(`${file}.away`, file)
  assert.deepEqual(await load(), [])
  await bind(bob, 'main', 's2')
})

test('a rename is done only when the new name has long been bound as the old one is', async t => {
  const { file, append, read } = await openBindings(t)
  await append(bound('alice', 's1'))
  const steps: string[] = []
  const carry = (): Promise<boolean> =>
    carryBindings(file, {
      from: 'alice@example.org',
      to: 'bob@example.org',
      nowMs: now,
      commit: async () => steps.push('renamed'),
    })
  assert.deepEqual([await carry(), steps], [false, []])
  await append(bound('alice', 's2'))
  assert.deepEqual([await carry(), steps], [false, []], 'she has been bound otherwise meanwhile')
  assert.deepEqual([await carry(), steps], [true, ['renamed']])
  assert.deepEqual((await read()).at(-2), formatBinding(bound('bob', 's2')))
})

test('what can not be read is no file without bindings', async t => {
  const { file, load, current } = await openBindings(t)
  await mkdir(file)
  assert.equal((await load())[0]?.severity, 'error')
  assert.equal(current(), undefined)
})

test('a hundred thousand bindings are read in pieces, so that logins go on in between', async t => {
  const { file } = await openBindings(t)
  const lines = Array.from({ length: 100_000 }, (_, n) => `${formatBinding(bound(`u${n}`, `sub-${n}`))}\n`)
  await writeFile(file, lines.join(''))
  let turns = 0
  const count = (): void => {
    turns++
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  const { table, problems } = await readBindings(file)
  clearImmediate(next)
  assert.deepEqual([table.size, problems], [100_000, []])
  assert.ok(turns > 100)
  assert.equal(table.subjectOf({ address: 'u99999@example.org', created: undefined }, 'main'), 'sub-99999')
})
