/** A process that adds lines to a file by rewriting all of it: FILE PREFIX COUNT [WAIT-MS]. Prints each line once it is on disk. */
import { readFile } from 'node:fs/promises'
import { rewriteFile } from '../../src/accounts/durable.ts'
import { withLock } from '../../src/accounts/lock.ts'

const [file = '', prefix = '', count = '0', waitMs = '15000'] = process.argv.slice(2)
for (let n = 0; n < Number(count); n++) {
  const line = JSON.stringify({ address: `${prefix}${n}@example.org` })
  await withLock(
    file,
    async lock => {
      const old = await readFile(file, 'utf8').catch(() => '')
      await rewriteFile(file, [old, `${line}\n`], lock)
    },
    { waitMs: Number(waitMs) },
  )
  process.stdout.write(`${prefix}${n}@example.org\n`)
}
