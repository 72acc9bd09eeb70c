/** Several writers of one file: nothing that any of them acknowledged is missing. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { rewriteFile } from '../../src/accounts/durable.ts'
import { withLock } from '../../src/accounts/lock.ts'
import { age, assertClean } from '../support/durability.ts'
import { atEveryChange, finish, runToEnd, start } from '../support/faulty.ts'
import { openShelf } from '../support/store.ts'

const first = '{"address":"first@example.org"}\n'

async function addressesIn(file: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n')
  assert.equal(lines.pop(), '', 'the last line is whole')
  return lines.map(line => JSON.parse(line).address)
}

const linesOf = (text: string): string[] => text.split('\n').filter(line => line !== '')

test('many at once', async t => {
  const shelf = await openShelf(t)
  await shelf.write('a.jsonl', first)
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const ended = await Promise.all(
    names.map(name => runToEnd({ script: 'rewrite-lines.ts', args: [shelf.path('a.jsonl'), name, '10'] })),
  )
  assert.deepEqual(
    ended.map(({ code }) => code),
    names.map(() => 0),
    ended.map(({ stderr }) => stderr).join(''),
  )
  const acknowledged = ended.flatMap(({ stdout }) => linesOf(stdout))
  assert.equal(acknowledged.length, 60)
  assert.deepEqual((await addressesIn(shelf.path('a.jsonl'))).sort(), [...acknowledged, 'first@example.org'].sort())
  await assertClean(shelf.folder, ['a.jsonl'])
})

test('killed at any time', async t => {
  const shelf = await openShelf(t)
  const file = shelf.path('a.jsonl')
  await shelf.write('a.jsonl', first)
  const acknowledged = ['first@example.org']
  for (const script of ['rewrite-lines.ts', 'create-accounts.ts', 'rewrite-lines.ts', 'create-accounts.ts']) {
    for (const round of ['x', 'y', 'z']) {
      await age(`${file}.lock`)
      const child = start({ script, args: [file, `${round}${acknowledged.length}-`, '1000000'] })
      const ended = finish(child)
      // Once it has come to writing, at a time of chance.
      if (child.stdout !== null) await Promise.race([once(child.stdout, 'data'), ended])
      await pause(Math.random() * 100)
      child.kill('SIGKILL')
      const { stdout, stderr } = await ended
      assert.equal(stderr, '')
      acknowledged.push(...linesOf(stdout.slice(0, stdout.lastIndexOf('\n') + 1)))
      const found = new Set(await addressesIn(file))
      for (const address of acknowledged) assert.ok(found.has(address), `${address} is lost`)
    }
  }
  await assertClean(shelf.folder, ['a.jsonl'])
})

test('a process that stops goes on, however soon it is answered', async () => {
  await atEveryChange(
    { how: 'stop' },
    async folder => ({ script: 'rewrite-lines.ts', args: [join(folder, 'a.jsonl'), 'sleeper', '1'] }),
    async (_, { code, stderr }) => assert.equal(code, 0, stderr),
  )
})

test('stopped for so long that another takes over, at any change', async () => {
  let lost = 0
  const met = await atEveryChange(
    { how: 'stop' },
    async folder => {
      await writeFile(join(folder, 'a.jsonl'), first)
      return { script: 'rewrite-lines.ts', args: [join(folder, 'a.jsonl'), 'sleeper', '1'] }
    },
    async (folder, { code, stdout, stderr, fault }) => {
      const found = await addressesIn(join(folder, 'a.jsonl'))
      for (const address of ['first@example.org', ...(fault === '' ? [] : ['other@example.org']), ...linesOf(stdout)])
        assert.ok(found.includes(address), `${address} is lost`)
      assert.equal(code === 0, linesOf(stdout).length === 1)
      if (code === 0) return
      lost++
      assert.match(stderr, /another took the lock over; try again|changed meanwhile/)
    },
    async folder => {
      const file = join(folder, 'a.jsonl')
      await age(`${file}.lock`)
      await withLock(file, async lock => {
        await rewriteFile(file, [await readFile(file, 'utf8'), '{"address":"other@example.org"}\n'], lock)
      })
    },
  )
  // From the copy that is made aside up to the rename.
  assert.deepEqual(met.slice(met.indexOf('open') + 1, met.indexOf('rename') + 1).length, lost)
})
