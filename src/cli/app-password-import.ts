/**
 * `bearerd app-password import [FILE|-]`: takes over the hashes of a Dovecot passwd-file, so that people keep their
 * passwords. All or none: if a line can't be taken, every such line is named, and nothing is written (exit code 78).
 *
 * Nothing is told of a hash but its scheme.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { codeOf } from '../accounts/stamp.ts'
import type { Config } from '../config/config.ts'
import { type Change, changePasswords } from '../passwords/edit.ts'
import { type Import, planImport } from '../passwords/import.ts'
import type { PasswordIndex } from '../passwords/password.ts'
import { passwordFile } from '../passwords/paths.ts'
import { complain, readAllAccounts, reportProblems, schemeOf, type Terminal, tellWait } from './app-password.ts'
import { readLabel } from './app-password-options.ts'
import { loadConfigOrReport } from './config.ts'
import { exit } from './exit.ts'

export type ImportOptions = {
  readonly config: string
  readonly domain?: string
  readonly label: string
  readonly replace: boolean
  readonly dryRun: boolean
}

type Source = { readonly name: string; readonly text: string }

const maxInput = 64 * 1024 ** 2

export async function runImport(file = '-', options: ImportOptions, terminal: Terminal): Promise<number> {
  const label = readLabel(options.label, message => void complain(terminal, exit.usage, message))
  if (label === undefined) return exit.usage
  const loaded = await loadConfigOrReport(options.config)
  if (loaded === undefined) return exit.config
  const { config } = loaded
  const source = file === '-' ? await readInput(terminal) : await readSource(file)
  if (typeof source === 'string') return complain(terminal, exit.config, source)
  const changed = await changePasswords(
    passwordFile(config.stateDir),
    passwords => decide(source, { ...options, label }, passwords, config, terminal),
    tellWait(terminal),
  )
  if (changed.kind === 'broken') return reportProblems(terminal, changed.problems)
  if (changed.result === undefined) return exit.config
  summarize(changed.result, options.dryRun, terminal)
  return exit.done
}

/** Under the lock, as for `create`. */
async function decide(
  { name, text }: Source,
  { domain, label, replace, dryRun }: ImportOptions,
  passwords: PasswordIndex,
  config: Config,
  terminal: Terminal,
): Promise<Change<Import | undefined>> {
  const accounts = await readAllAccounts(config, terminal)
  if (accounts === undefined) return { result: undefined }
  const plan = planImport(text, { domain, label, replace, nowMs: terminal.now(), accounts, passwords })
  const { taken, complaints } = plan
  if (complaints.length > 0) {
    const problem = { severity: 'error', file: name, path: undefined } as const
    reportProblems(
      terminal,
      complaints.map(({ line, message }) => ({ ...problem, line, message })),
    )
    complain(terminal, exit.config, 'nothing is imported')
    return { result: undefined }
  }
  if (dryRun) return { result: plan }
  const gone = taken.flatMap(({ replaced }) => replaced ?? [])
  return { gone, added: taken.map(({ record }) => record), result: plan }
}

function summarize({ taken, passedOver }: Import, dryRun: boolean, { output, error }: Terminal): void {
  if (dryRun)
    for (const { record, replaced } of taken) {
      const before = replaced === undefined ? '' : `, in place of ${schemeOf(replaced)}`
      output.write(`${replaced === undefined ? '+' : '~'} ${record.account}: ${schemeOf(record)}${before}\n`)
    }
  if (passedOver > 0) error.write(`passed over, without a password: ${passedOver}\n`)
  error.write(`${dryRun ? 'would be imported' : 'imported'}: ${taken.length}\n`)
}

async function readInput({ input, error }: Terminal): Promise<Source | string> {
  if (input.isTTY) error.write('Paste the lines, then Enter and Ctrl-D.\n')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > maxInput) return tooMuch('standard input')
    chunks.push(bytes)
  }
  return { name: 'standard input', text: Buffer.concat(chunks).toString() }
}

async function readSource(file: string): Promise<Source | string> {
  try {
    // Not to be held up by a FIFO that nobody writes to.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const status = await handle.stat()
      if (!status.isFile()) return `${file}: not a regular file; "-" reads standard input`
      return status.size > maxInput ? tooMuch(file) : { name: file, text: await handle.readFile('utf8') }
    } finally {
      await handle.close()
    }
  } catch (error) {
    return `${file}: can't be read (${codeOf(error)})`
  }
}

function tooMuch(name: string): string {
  return `${name}: over ${maxInput / 1024 ** 2} MiB`
}
