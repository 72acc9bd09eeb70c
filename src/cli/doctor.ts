/**
 * `bearerd doctor`: asks each directory's provider, looks at the sockets and at the settings of Postfix and Dovecot,
 * and says how to mend what it finds. `check` reads files; this looks at the world.
 *
 * Exit code 0: nothing failed. 1: something did. 69: only providers that can't be reached. 78: the configuration has
 * errors, and nothing else was looked at.
 */
import type { Config, DirectoryConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { formatPlace, formatProblem, isError, type Problem } from '../config/problem.ts'
import { formatPath } from '../config/values.ts'
import { examineDirectories, examineServers } from '../doctor/examine.ts'
import type { Finding } from '../doctor/finding.ts'
import { exit } from './exit.ts'
import { complain, ourTerminal, printable, settle, type Terminal } from './terminal.ts'
import { plural } from './words.ts'

export type DoctorOptions = {
  readonly config: string
  readonly json: boolean
  /** Only this directory, and no sockets and mail servers. */
  readonly directory?: string | undefined
}

const words = { ok: 'ok  ', warning: 'WARN', failed: 'FAIL', skipped: '-   ' } as const

export async function runDoctor(options: DoctorOptions, terminal: Terminal = ourTerminal): Promise<number> {
  const { config, problems } = await loadConfig(options.config, process.env)
  if (config === undefined) return tellErrors(problems, options, terminal)
  const wanted = config.directories.filter(({ name }) => options.directory === undefined || name === options.directory)
  if (options.directory !== undefined && wanted.length === 0) {
    const known = config.directories.map(({ name }) => name).join(', ')
    return complain(terminal, exit.usage, `there is no directory of that name; known are: ${known || 'none'}`)
  }
  return settle(terminal, async () => {
    const findings = await examine(config, wanted, problems, options.directory === undefined)
    for (const text of options.json ? findings.map(toJson) : inWords(findings)) terminal.output.write(`${text}\n`)
    if (!options.json) terminal.output.write(`\n${conclude(findings)}\n`)
    return exitCode(findings)
  })
}

function tellErrors(problems: readonly Problem[], { json, config }: DoctorOptions, { output }: Terminal): number {
  for (const problem of problems) output.write(`${json ? JSON.stringify(problem) : formatProblem(problem)}\n`)
  const errors = plural(problems.filter(isError).length, 'error')
  if (!json) output.write(`\nMend the ${errors} of ${config} first; "bearerd check" tells when they are gone.\n`)
  return exit.config
}

async function examine(
  config: Config,
  directories: readonly DirectoryConfig[],
  problems: readonly Problem[],
  all: boolean,
): Promise<Finding[]> {
  const asked = examineDirectories(directories, ({ name }) => warningsOf(name, problems))
  const seen = all ? examineServers(config) : []
  return [...(all ? elsewhere(config, problems) : []), ...(await asked), ...(await seen)]
}

function warningsOf(name: string, problems: readonly Problem[]): string[] {
  return problems.filter(problem => isOf(name, problem)).map(describe)
}

function describe({ file, line, path, message }: Problem): string {
  return `${formatPlace({ file, line })}: ${path === undefined ? '' : `${path}: `}${message}`
}

function isOf(name: string, { path = '' }: Problem): boolean {
  const table = formatPath(['directory', name])
  return path === table || path.startsWith(`${table}.`)
}

/** Warnings of `check` that are of no directory. */
function elsewhere({ directories }: Config, problems: readonly Problem[]): Finding[] {
  return problems
    .filter(problem => !directories.some(({ name }) => isOf(name, problem)))
    .map(problem => ({ subject: 'configuration', check: 'configuration', outcome: 'warning', seen: describe(problem) }))
}

function toJson({ subject, check, outcome, seen, expected, cure, unreachable }: Finding): string {
  return JSON.stringify({ subject, check, outcome, seen, expected, cure, unreachable })
}

function inWords(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ subject, check, outcome, seen, expected, cure }, index) => [
    ...(findings[index - 1]?.subject === subject ? [] : [`${index === 0 ? '' : '\n'}${printable(subject)}`]),
    `  ${words[outcome]}  ${printable(`${check}: ${seen}`)}`,
    ...(expected === undefined ? [] : [`        expected: ${printable(expected)}`]),
    ...(cure === undefined ? [] : [`        ${printable(cure)}`]),
  ])
}

function conclude(findings: readonly Finding[]): string {
  const failed = findings.filter(({ outcome }) => outcome === 'failed')
  const warnings = findings.filter(({ outcome }) => outcome === 'warning').length
  const [first] = failed
  if (first !== undefined) {
    const begin = printable(`${first.subject}, ${first.check}: ${first.cure ?? first.seen}`)
    return failed.length === 1 ? `1 thing to mend: ${begin}` : `${failed.length} things to mend; begin with: ${begin}`
  }
  return warnings === 0 ? 'Nothing to mend.' : `Nothing has failed; read the ${plural(warnings, 'warning')}.`
}

function exitCode(findings: readonly Finding[]): number {
  const failed = findings.filter(({ outcome }) => outcome === 'failed')
  if (failed.length === 0) return exit.done
  return failed.every(({ unreachable }) => unreachable) ? exit.unavailable : exit.no
}
