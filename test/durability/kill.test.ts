/**
 * A writer that is killed, or fails, at any change that it makes on disk: every file stays whole, nothing acknowledged is
 * missing, and nothing is acknowledged that isn't on disk.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { assertClean } from '../support/durability.ts'
import { atEveryChange, type Ended, type Program } from '../support/faulty.ts'

const first = '{"address":"first@example.org"}\n'

async function addressesIn(file: string, old: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(error => {
    if (error.code === 'ENOENT' && old === '') return ''
    throw error
  })
  const lines = text.split('\n')
  assert.equal(lines.pop(), '', 'the last line is whole')
  return lines.map(line => JSON.parse(line).address)
}

const diskFull = /a\.jsonl was not changed: the disk is full|a power cut may undo it/

type Subject = { readonly script: string; readonly count: number; readonly old: string }

const subjects: Record<string, Subject> = {
  'accounts that are created': { script: 'create-accounts.ts', count: 2, old: first },
  'a file that is rewritten': { script: 'rewrite-lines.ts', count: 1, old: first },
  'a file that is made': { script: 'rewrite-lines.ts', count: 1, old: '' },
}

for (const [name, { script, count, old }] of Object.entries(subjects)) {
  const prepare = async (folder: string): Promise<Program> => {
    const file = join(folder, 'a.jsonl')
    if (old !== '') await writeFile(file, old)
    return { script, args: [file, 'new', String(count)] }
  }
  const check = async (folder: string, { code, stdout, stderr, fault }: Ended): Promise<void> => {
    const acknowledged = stdout.split('\n').filter(line => line !== '')
    if (fault === '') assert.equal(code, 0, stderr)
    assert.equal(code === 0, acknowledged.length === count)
    await assertClean(folder, ['a.jsonl'])
    const found = await addressesIn(join(folder, 'a.jsonl'), old)
    if (old !== '') assert.equal(found[0], 'first@example.org')
    for (const address of acknowledged) assert.ok(found.includes(address), `${address} is lost`)
  }

  test(`killed at any change: ${name}`, async () => {
    const changes = await atEveryChange({ how: 'kill' }, prepare, check)
    // A power cut takes what is not on disk: the copy must be there before it counts, the rename before it is confirmed.
    assert.deepEqual(
      changes.filter(change => change === 'sync' || change === 'rename'),
      Array.from({ length: count }, () => ['sync', 'rename', 'sync']).flat(),
    )
  })

  test(`a full disk at any change: ${name}`, async () => {
    await atEveryChange({ how: 'ENOSPC' }, prepare, async (folder, ended) => {
      await check(folder, ended)
      // Where only the lock stays behind, it is the next writer who says so.
      if (ended.code !== 0 && ended.fault !== 'rmdir') assert.match(ended.stderr, diskFull)
    })
  })

  test(`fsync fails: ${name}`, async () => {
    const met = await atEveryChange({ how: 'EIO', only: 'sync' }, prepare, async (folder, ended) => {
      await check(folder, ended)
      if (ended.fault === 'sync')
        assert.match(ended.stderr, /was not changed: the disk .*EIO|a power cut may undo it \(EIO/)
      assert.equal(ended.code !== 0, ended.fault === 'sync')
    })
    assert.equal(met.length, 2 * count)
  })
}
