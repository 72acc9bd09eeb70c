/**
 * Load: the account files as they stand, to an index of all accounts, or to what is wrong with them.
 *
 * Files that change meanwhile are read again: half a file is a file too, if the cut is at a newline. A file that lost all
 * its accounts is an error, and so is one that was found to have lost most of them: it is more often an accident than
 * meant, and all its users would be refused mail for good.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { AccountsConfig } from '../config/config.ts'
import type { Problem } from '../config/problem.ts'
import { createIndex, type IndexBuilder } from './accounts.ts'
import type { Entry, Parsed } from './file.ts'
import { createNssResolver, type NssResolver } from './nss.ts'
import { fileProblem, readAccounts } from './read.ts'
import { codeOf, type Stamp, stampsOf } from './stamp.ts'

export type Loaded = {
  /** Whole, unless there is an error among the problems: then not to be used. */
  readonly builder: IndexBuilder
  readonly problems: readonly Problem[]
  /** Accounts by file. */
  readonly counts: Map<string, number>
  /** The cause lies outside the files, and may go away while they stay as they are. */
  readonly transient: boolean
  /** Spent on it, waiting aside. */
  readonly ms: number
}

export type LoadOptions = {
  readonly config: AccountsConfig
  readonly directories: readonly string[]
  /** Accounts by file, as they are in force now. */
  readonly held: ReadonlyMap<string, number>
  /** A file must have stayed the same for so long before it is believed to be whole; 0 where nobody writes. */
  readonly settleMs: number
  /** Somebody asked for this load, so that a file may have lost most of its accounts; but never all. */
  readonly mayShrink: boolean
}

/** From here on TOML is a burden. */
const manyInToml = 10_000
/** A file with at least so many must not lose more than half of them unasked. */
const manyToLose = 10
/** After so many errors the rest is not read; of warnings no more are kept. */
const maxProblems = 1_000
const maxAttempts = 5

export async function loadAccounts(options: LoadOptions): Promise<Loaded & { readonly stamps: Stamp[] }> {
  const { config, settleMs } = options
  for (let attempt = 1; ; attempt++) {
    const stamps = await stampsOf(config.files)
    await pause(settleMs)
    const started = performance.now()
    const loaded = { ...(await loadOnce(options)), ms: Math.round(performance.now() - started) }
    const now = await stampsOf(config.files)
    const restless = config.files.find((_, index) => stamps[index] !== now[index])
    if (restless === undefined) return { ...loaded, stamps }
    if (attempt === maxAttempts) {
      const problem = fileProblem(restless, 'keeps changing while it is read; write a copy aside and rename it')
      return { ...loaded, stamps, problems: [...loaded.problems, problem], transient: true }
    }
  }
}

async function loadOnce({ config, directories, held, mayShrink }: LoadOptions): Promise<Omit<Loaded, 'ms'>> {
  const nss = createNssResolver()
  const problems: Problem[] = []
  const counts = new Map<string, number>()
  let errors = 0
  let transient = false

  function note(problem: Problem, isTransient = false): void {
    if (problem.severity === 'error') errors++
    if (problem.severity === 'error' || problems.length < maxProblems) problems.push(problem)
    transient ||= isTransient
  }

  const defaults = await nss.resolve(config.defaults)
  if (!defaults.ok)
    note({ ...fileProblem('bearerd.toml', defaults.message), path: `accounts.defaults.${defaults.key}` }, true)
  const builder = createIndex({
    delimiter: config.recipientDelimiter,
    defaults: defaults.ok ? defaults.fields : {},
    directories,
  })

  async function take(file: string, parsed: Parsed): Promise<void> {
    for (const problem of parsed.problems) note(problem)
    counts.set(file, (counts.get(file) ?? 0) + parsed.entries.length)
    for (const given of parsed.entries) {
      const entry = nss.needed(given.account.userdb) ? await numbered(given, file, nss) : given
      if ('account' in entry) for (const problem of builder.add(entry, file)) note(problem)
      else note(entry, true)
    }
  }

  for (const file of config.files) {
    try {
      for await (const parsed of readAccounts(file)) {
        await take(file, parsed)
        if (errors >= maxProblems) return { builder, problems, counts, transient }
      }
    } catch (error) {
      const code = codeOf(error)
      note(fileProblem(file, code === 'ENOENT' ? missing(config) : `can't be read (${code})`), code !== 'ENOENT')
    }
  }
  for (const problem of census(config, counts, held, mayShrink, problems)) note(problem)
  return { builder, problems, counts, transient }
}

/** An empty file does only beside others, or where accounts come by themselves. */
function missing({ files, unknown }: AccountsConfig): string {
  const mayBeEmpty = files.length > 1 || unknown === 'create'
  return `doesn't exist; ${mayBeEmpty ? 'create it empty if that is intended' : 'check "accounts.files", or restore it'}`
}

/** An account whose uid and gid are numbers. */
async function numbered({ account, line }: Entry, file: string, nss: NssResolver): Promise<Entry | Problem> {
  const resolved = await nss.resolve(account.userdb)
  if (resolved.ok) return { account: { ...account, userdb: resolved.fields }, line }
  return { severity: 'error', file, line, path: `userdb.${resolved.key}`, message: resolved.message }
}

/** What only shows when all is counted: accounts that have gone, and too many of them. */
function census(
  { files, unknown }: AccountsConfig,
  counts: ReadonlyMap<string, number>,
  held: ReadonlyMap<string, number>,
  mayShrink: boolean,
  found: readonly Problem[],
): Problem[] {
  const faulty = new Set(found.filter(({ severity }) => severity === 'error').map(({ file }) => file))
  const sound = files.filter(file => !faulty.has(file))
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const cure = total > 0 || unknown === 'create' ? 'restart bearerd if that is intended' : 'restore it'
  const problems = sound.flatMap(file => {
    const before = held.get(file) ?? 0
    const now = counts.get(file) ?? 0
    if (before > 0 && now === 0) return fileProblem(file, `was emptied: it held ${before} accounts; ${cure}`)
    if (before >= manyToLose && now < before / 2 && !mayShrink)
      return fileProblem(file, `has ${now} of ${before} accounts left; reload bearerd (SIGHUP) if that is intended`)
    return []
  })
  if (total === 0 && sound.length === files.length && problems.length === 0 && unknown === 'reject')
    problems.push(fileProblem(files[0] ?? '', 'no account in any file: every login and all mail would be refused'))
  for (const file of sound.filter(file => file.endsWith('.toml') && (counts.get(file) ?? 0) > manyInToml))
    problems.push(fileProblem(file, `holds over ${manyInToml} accounts; a .jsonl file loads them faster`, 'warning'))
  return problems
}
