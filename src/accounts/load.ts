/**
 * Load: the account files as they stand, to an index of all accounts, or to what is wrong with them.
 *
 * In three steps, none of which holds up logins for more than some milliseconds: the files are read, and compared with
 * what the index in force has of them; what stayed as it was is taken over from there; the rest is parsed and added.
 *
 * Files that change meanwhile are read again: half a file is a file too, if the cut is at a newline. A file that lost all
 * its accounts is an error, and so is one that was found to have lost most of them: it is more often an accident than
 * meant, and all its users would be refused mail for good.
 */
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import type { AccountsConfig } from '../config/config.ts'
import type { Problem } from '../config/problem.ts'
import { createIndex, type IndexBuilder } from './accounts.ts'
import type { Block } from './block.ts'
import type { Entry, Parsed } from './file.ts'
import { hourMs } from './newcomers.ts'
import { createNssResolver, type NssResolver } from './nss.ts'
import { fileProblem, type Piece, parseBlock, readPieces } from './read.ts'
import type { Section } from './sections.ts'
import { seed } from './seed.ts'
import { codeOf, type Stamp, stampsOf } from './stamp.ts'
import type { Fields } from './userdb.ts'

export type Loaded = {
  /** Whole, unless there is an error among the problems: then not to be used. */
  readonly builder: IndexBuilder
  readonly problems: readonly Problem[]
  /** Accounts by file. */
  readonly counts: Map<string, number>
  /** No account gave reason for a word, so that nothing need be said again of what stays as it is. */
  readonly flawless: boolean
  /** userdb fields for all, uid and gid as numbers. */
  readonly defaults: Fields
  /** When accounts with a directory were made, as those who come by themselves are, within the last hour. */
  readonly newcomers: readonly number[]
  /** The cause lies outside the files, and may go away while they stay as they are. */
  readonly transient: boolean
  /** Spent on it, waiting aside. */
  readonly ms: number
}

export type LoadOptions = {
  readonly config: AccountsConfig
  readonly directories: readonly string[]
  /** What is in force now. */
  readonly former: Loaded | undefined
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

async function loadOnce({ config, directories, former, mayShrink }: LoadOptions): Promise<Omit<Loaded, 'ms'>> {
  const nss = createNssResolver()
  const problems: Problem[] = []
  const newcomers: number[] = []
  const hourAgo = Date.now() - hourMs
  let errors = 0
  let transient = false

  function note(problem: Problem, isTransient = false): void {
    if (problem.severity === 'error') errors++
    if (problem.severity === 'error' || problems.length < maxProblems) problems.push(problem)
    transient ||= isTransient
  }

  const common = await nss.resolve(config.defaults)
  if (!common.ok)
    note({ ...fileProblem('bearerd.toml', common.message), path: `accounts.defaults.${common.key}` }, true)
  const defaults = common.ok ? common.fields : {}
  const builder = createIndex({ delimiter: config.recipientDelimiter, defaults, directories, seed })

  async function resolve(entries: readonly Entry[], file: string): Promise<Entry[]> {
    const resolved: Entry[] = []
    for (const given of entries) {
      const entry = nss.needed(given.account.userdb) ? await numbered(given, file, nss) : given
      if ('message' in entry) note(entry, true)
      resolved.push('message' in entry ? given : entry)
    }
    return resolved
  }

  /** Adds what a part holds, after a look at all of it. */
  async function take({ section, parse }: Part): Promise<void> {
    const { entries, problems } = parse()
    for (const problem of problems) note(problem)
    for (const { account } of entries)
      if (account.directory !== undefined && (account.created ?? 0) > hourAgo) newcomers.push(account.created ?? 0)
    const areNumbers = !entries.some(({ account }) => nss.needed(account.userdb))
    const resolved = areNumbers ? entries : await resolve(entries, section.file)
    for (const problem of builder.fill(section, resolved)) note(problem)
  }

  const parts: Part[] = []
  for (const file of config.files) {
    const before = sectionsByBlock(former, file)
    try {
      for await (const piece of readPieces(file, [...before.keys()]))
        parts.push(...partsOf(piece, file, before, builder))
    } catch (error) {
      const code = codeOf(error)
      note(fileProblem(file, code === 'ENOENT' ? missing(config) : `can't be read (${code})`), code !== 'ENOENT')
    }
  }
  const kept = former?.flawless && sameFields(former.defaults, defaults) ? keptSections(parts) : new Map()
  if (former !== undefined && kept.size > 0) for (const _ of builder.inherit(former.builder, kept)) await nextTurn()
  const inherited = new Set(kept.values())
  for (const part of parts.filter(({ section }) => !inherited.has(section))) {
    await take(part)
    if (errors >= maxProblems) break
    await nextTurn()
  }
  const flawless = problems.length === 0
  const counts = countByFile(builder)
  if (errors < maxProblems)
    for (const problem of census(config, counts, former?.counts ?? new Map(), mayShrink, problems)) note(problem)
  return { builder, problems, counts, newcomers, transient, flawless, defaults }
}

/** So many accounts of TOML are added without a pause. */
const batch = 1_000

/** Some of a file. `before` is where the index in force has the same bytes. */
type Part = { readonly section: Section; readonly before: Section | undefined; readonly parse: () => Parsed }

/** What the index in force has of a file. */
function sectionsByBlock(former: Loaded | undefined, file: string): Map<Block, Section> {
  const sections = former?.builder.sections.list.filter(section => section.file === file) ?? []
  return new Map(sections.flatMap(section => (section.block === undefined ? [] : [[section.block, section]])))
}

function partsOf(piece: Piece, file: string, before: Map<Block, Section>, { sections }: IndexBuilder): Part[] {
  if ('cuts' in piece)
    return piece.cuts.map(({ block, line }) => {
      const parse = (): Parsed => parseBlock(file, block, line)
      return { section: sections.addBlock(file, block, line), before: before.get(block), parse }
    })
  const { entries, problems } = piece.parsed
  const parts: Part[] = []
  for (let start = 0; start === 0 || start < entries.length; start += batch) {
    const some = entries.slice(start, start + batch)
    const parsed: Parsed = { entries: some, problems: start === 0 ? problems : [] }
    parts.push({ section: sections.addEntries(file, some), before: undefined, parse: () => parsed })
  }
  return parts
}

/** Where something was looked up for an account, it is looked up again. If little is left, nothing is worth keeping. */
function keptSections(parts: readonly Part[]): Map<Section, Section> {
  const kept = new Map<Section, Section>()
  let lines = 0
  for (const { section, before } of parts) {
    if (before === undefined || before.held.size > 0) continue
    kept.set(before, section)
    lines += section.size
  }
  return 2 * lines > parts.reduce((sum, { section }) => sum + section.size, 0) ? kept : new Map()
}

function countByFile({ sections }: IndexBuilder): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { file, count } of sections.list) counts.set(file, (counts.get(file) ?? 0) + count)
  return counts
}

function sameFields(a: Fields, b: Fields): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** An empty file does only beside others, or where accounts come by themselves. */
function missing({ files, unknown }: AccountsConfig): string {
  const mayBeEmpty = files.length > 1 || unknown === 'create'
  return `doesn't exist; ${mayBeEmpty ? 'create it empty if that is intended' : 'check "accounts.files", or restore it'}`
}

/** An account whose uid and gid are numbers. */
async function numbered({ account, line }: Entry, file: string, nss: NssResolver): Promise<Entry | Problem> {
  const resolved = await nss.resolve(account.userdb)
  if (resolved.ok) return { account: { ...account, userdb: resolved.fields }, line, resolved: true }
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
