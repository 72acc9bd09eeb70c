/**
 * `bearerd app-password import [FILE|-]`: takes over the hashes of a Dovecot passwd-file, so that people keep their
 * passwords. All or none: if a line can't be taken, every such line is named, and nothing is written. Nothing in
 * it is taken for an accident. Both end with exit code 1.
 *
 * Nothing is told of a hash but its scheme.
 */
import type { Config } from '../config/config.ts'
import { formatProblem } from '../config/problem.ts'
import { type Change, changePasswords } from '../passwords/edit.ts'
import { type Import, planImport } from '../passwords/import.ts'
import type { PasswordIndex } from '../passwords/password.ts'
import { passwordFile } from '../passwords/paths.ts'
import { readLabel } from './app-password-options.ts'
import { loadAccountsOrReport, loadConfigOrReport } from './config.ts'
import { warningOfNew } from './daemon-user.ts'
import { exit } from './exit.ts'
import { readInput } from './input.ts'
import { complain, reportProblems, schemeOf, type Terminal, tellComplaints, tellWait } from './terminal.ts'

export type ImportOptions = {
  readonly config: string
  readonly domain?: string
  readonly label: string
  readonly replace: boolean
  readonly dryRun: boolean
}

const maxInput = 64 * 1024 ** 2

export async function runImport(file = '-', options: ImportOptions, terminal: Terminal): Promise<number> {
  const label = readLabel(options.label, message => void complain(terminal, exit.usage, message))
  if (label === undefined) return exit.usage
  const loaded = await loadConfigOrReport(options.config)
  if (loaded === undefined) return exit.config
  const { config } = loaded
  const source = await readInput(file, maxInput, terminal)
  if (!source.ok) return complain(terminal, source.why === 'unreadable' ? exit.usage : exit.no, source.message)
  const passwords = passwordFile(config.stateDir)
  const work = (index: PasswordIndex) => decide(source, { ...options, label }, index, config, terminal)
  const changed = await warningOfNew(passwords, config.stateDir, terminal, () =>
    changePasswords(passwords, work, tellWait(terminal)),
  )
  if (changed.kind === 'broken') return reportProblems(terminal, changed.problems)
  if (typeof changed.result === 'number') return changed.result
  summarize(changed.result, options.dryRun, terminal)
  return exit.done
}

/** Under the lock, as for `create`. Comes to an exit code if nothing is to be imported. */
async function decide(
  { name, text }: { readonly name: string; readonly text: string },
  { domain, label, replace, dryRun }: ImportOptions,
  passwords: PasswordIndex,
  config: Config,
  terminal: Terminal,
): Promise<Change<Import | number>> {
  const accounts = await loadAccountsOrReport(config, terminal)
  if (accounts === undefined) return { result: exit.config }
  const plan = planImport(text, { domain, label, replace, nowMs: terminal.now(), accounts, passwords })
  const { taken, passedOver, complaints } = plan
  if (complaints.length > 0) {
    const problem = { severity: 'error', file: name, path: undefined } as const
    tellComplaints(
      terminal,
      complaints.map(({ line, message }) => formatProblem({ ...problem, line, message })),
    )
    return { result: complain(terminal, exit.no, 'nothing is imported') }
  }
  if (taken.length + passedOver === 0)
    return { result: complain(terminal, exit.no, `${name}: nothing in it to import`) }
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
