/**
 * `node --import tsx packaging/completion.ts OUTDIR`: writes completion for bash (`bearerd`) and zsh (`_bearerd`).
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readProgram } from './commands.ts'
import { bashCompletion } from './completion/bash.ts'
import { zshCompletion } from './completion/zsh.ts'

const [out] = process.argv.slice(2)
if (out === undefined) {
  console.error('usage: node --import tsx packaging/completion.ts OUTDIR')
  process.exit(64)
}
const program = readProgram()
mkdirSync(out, { recursive: true })
writeFileSync(join(out, 'bearerd'), bashCompletion(program), { mode: 0o644 })
writeFileSync(join(out, '_bearerd'), zshCompletion(program), { mode: 0o644 })
