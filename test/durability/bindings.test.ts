/**
 * Bindings while whoever writes them is killed, or has no room left, at any change on disk: nobody else is unbound by it,
 * and what is acknowledged is there.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { formatBinding } from '../../src/accounts/binding.ts'
import { readBindings } from '../../src/accounts/binding-file.ts'
import { bound } from '../support/bindings.ts'
import { assertClean, prepareCommand } from '../support/durability.ts'
import { atEveryChange, type Ended, type Program } from '../support/faulty.ts'

const first = formatBinding(bound('first', 'first'))
const alice = formatBinding(bound('alice', 's1'))
const torn = '{"account":"bob@exa'

/** Who is bound to what, of main's. What there was before is as it was, to the byte. */
async function subjectsIn(file: string, old: string): Promise<Record<string, string | undefined>> {
  const text = await readFile(file, 'utf8').catch(() => '')
  assert.ok(text.startsWith(old), 'what was there stays')
  if (text !== old) assert.ok(text.endsWith('\n'), 'the last line is whole')
  const { table, problems } = await readBindings(file)
  assert.equal(problems.length, old.endsWith(torn) ? 1 : 0, 'only what was torn before makes no sense')
  const names = ['first', 'alice', 'new0', 'new1']
  const subjectOf = (name: string) => table.subjectOf({ address: `${name}@example.org`, created: undefined }, 'main')
  return Object.fromEntries(names.map(name => [name, subjectOf(name)]))
}

const diskFull = /bindings\.jsonl was not changed: the disk is full|a power cut may undo it/

for (const [name, old] of [
  ['the first ones', ''],
  ['after a last line that was cut off', `${first}\n${torn}`],
] as const) {
  const prepare = async (folder: string): Promise<Program> => {
    const file = join(folder, 'bindings.jsonl')
    if (old !== '') await writeFile(file, old)
    return { script: 'bind-accounts.ts', args: [file, 'new', '2'] }
  }
  const check = async (folder: string, { code, stdout, stderr, fault }: Ended): Promise<void> => {
    if (fault === '') assert.equal(code, 0, stderr)
    await assertClean(folder, ['bindings.jsonl'])
    const subjects = await subjectsIn(join(folder, 'bindings.jsonl'), old)
    assert.equal(subjects.first, old === '' ? undefined : 'first')
    for (const subject of stdout.split('\n').slice(0, -1)) assert.equal(subjects[subject], subject, 'is lost')
  }

  test(`first logins, ${name}: killed at any change`, async () => {
    const met = await atEveryChange({ how: 'kill' }, prepare, check)
    assert.deepEqual(
      met.filter(change => change === 'sync' || change === 'rename'),
      ['sync', 'rename', 'sync', 'sync', 'rename', 'sync'],
    )
  })

  test(`first logins, ${name}: a full disk at any change`, async () => {
    await atEveryChange({ how: 'ENOSPC' }, prepare, async (folder, ended) => {
      await check(folder, ended)
      // Where only the lock stays behind, it is the next writer who says so.
      if (ended.code !== 0 && ended.fault !== 'rmdir') assert.match(ended.stderr, diskFull)
    })
  })
}

const old = `${first}\n${alice}\n`

const site = {
  files: {
    'accounts.jsonl': '{"address":"first@example.org"}\n{"address":"alice@example.org"}\n',
    'bindings.jsonl': old,
  },
  directory: 'issuer = "https://accounts.example.org"\nbind = "first-login"',
}

function prepareSite(folder: string, args: readonly string[]): Promise<Program> {
  return prepareCommand(folder, ['account', ...args], site)
}

for (const how of ['kill', 'ENOSPC'] as const)
  test(`account rebind, ${how} at any change: alice is bound as before, or free`, async () => {
    await atEveryChange(
      { how },
      folder => prepareSite(folder, ['rebind', 'alice@example.org', '--yes']),
      async (folder, { code, stderr, fault }) => {
        await assertClean(join(folder, 'state'), ['bindings.jsonl'])
        const subjects = await subjectsIn(join(folder, 'state', 'bindings.jsonl'), old)
        assert.equal(subjects.first, 'first')
        if (fault === '' || code === 0) assert.deepEqual([code, subjects.alice], [0, undefined], stderr)
        else assert.ok([undefined, 's1'].includes(subjects.alice))
        if (how === 'ENOSPC' && code !== 0) assert.match(stderr, diskFull)
      },
    )
  })

test('account rename, killed at any change: whoever has the account is bound', async () => {
  await atEveryChange(
    { how: 'kill' },
    folder => prepareSite(folder, ['rename', 'alice@example.org', 'new0@example.org', '--no-alias']),
    async (folder, { code, stderr, fault }) => {
      const state = join(folder, 'state')
      await assertClean(state, ['accounts.jsonl', 'app-passwords.jsonl', 'bindings.jsonl'])
      const subjects = await subjectsIn(join(state, 'bindings.jsonl'), old)
      const renamed = (await readFile(join(state, 'accounts.jsonl'), 'utf8')).includes('new0')
      assert.equal(subjects[renamed ? 'new0' : 'alice'], 's1')
      assert.equal(subjects.first, 'first')
      if (fault === '') assert.deepEqual([code, renamed, subjects.alice], [0, true, undefined], stderr)
    },
  )
})
