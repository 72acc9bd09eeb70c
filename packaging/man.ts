/**
 * `node --import tsx packaging/man.ts OUTDIR [VERSION]`: writes the man pages, uncompressed, with the date of the source.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makePages } from './man/pages.ts'
import { readRoot } from './source.ts'
import { dateOfSource } from './source-date.ts'

const { version: ours } = JSON.parse(readRoot('package.json')) as { version: string }
const [out, version = ours] = process.argv.slice(2)
if (out === undefined) {
  console.error('usage: node --import tsx packaging/man.ts OUTDIR [VERSION]')
  process.exit(64)
}
const date = new Date(dateOfSource() * 1000).toISOString().slice(0, 10)
mkdirSync(out, { recursive: true })
for (const [name, text] of makePages({ date, version })) writeFileSync(join(out, name), text, { mode: 0o644 })
