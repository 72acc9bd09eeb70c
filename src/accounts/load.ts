/**
 * Load: the account files as they stand, to an index of all accounts, or to what is wrong with them.
 *
 * In three steps, none of which holds up logins for more than some milliseconds: the files are read, once nobody writes to
 * them, and compared with what the index in force has of them; what stayed as it was is taken over from there; the rest
 * is parsed and added.
 *
 * A file that lost all its accounts is an error, and so is one that was found to have lost most of them: it is more often
 * an accident than meant, and all its users would be refused mail for good.
 */
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AccountsConfig } from '../config/config.ts'
import { fileProblem, isError, type Problem } from '../config/problem.ts'
import type { IndexBuilder } from './accounts.ts'
import { beginIndex } from './begin-index.ts'
import type { Block } from './block.ts'
import type { Entry, Parsed } from './file.ts'
import { hourMs } from './newcomers.ts'
import { missingProblem, type Piece, parseBlock, readPieces } from './read.ts'
import type { Section } from './sections.ts'
import { readSettled, type Source, type Unreadable, whyUnreadable } from './source.ts'
import type { Stamp } from './stamp.ts'
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

export async function loadAccounts(options: LoadOptions): Promise<Loaded & { readonly stamps: Stamp[] }> {
  const { config, former, settleMs } = options
  const started = performance.now()
  const { contents, stamps, waitedMs } = await readSettled(config.files, settleMs, source => read(source, former))
  const loaded = await build(options, contents)
  return { ...loaded, stamps, ms: Math.round(performance.now() - started - waitedMs) }
}

/** A file that was read, and what the index in force has of it. */
type Content = {
  readonly file: string
  readonly before: ReadonlyMap<Block, Section>
  readonly pieces: readonly Piece[]
}

async function read(source: Source, former: Loaded | undefined): Promise<Content> {
  const { file } = source
  const before = sectionsByBlock(former, file)
  const pieces: Piece[] = []
  for await (const piece of readPieces(source, [...before.keys()])) pieces.push(piece)
  return { file, before, pieces }
}

async function build(
  { config, directories, former, mayShrink }: LoadOptions,
  contents: readonly (Content | Unreadable)[],
): Promise<Omit<Loaded, 'ms'>> {
  const { builder, defaults, problem, isNumbered, numbered } = await beginIndex(config, directories)
  const problems: Problem[] = []
  const newcomers: number[] = []
  const hourAgo = Date.now() - hourMs
  let errors = 0
  let transient = false

  function note(problem: Problem, isTransient = false): void {
    if (isError(problem)) errors++
    if (isError(problem) || problems.length < maxProblems) problems.push(problem)
    transient ||= isTransient
  }

  async function resolve(entries: readonly Entry[], file: string): Promise<Entry[]> {
    const resolved: Entry[] = []
    for (const given of entries) {
      const entry = await numbered(given, file)
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
    const resolved = entries.every(isNumbered) ? entries : await resolve(entries, section.file)
    for (const problem of builder.fill(section, resolved)) note(problem)
  }

  if (problem !== undefined) note(problem, true)
  const parts: Part[] = []
  for (const content of contents)
    if ('pieces' in content) for (const piece of content.pieces) parts.push(...partsOf(piece, content, builder))
    else if (content.code === 'ENOENT') note(missingProblem(content.file, config.files, cureOfMissing(config)))
    else note(fileProblem(content.file, whyUnreadable(content)), true)
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

function partsOf(piece: Piece, { file, before }: Content, { sections }: IndexBuilder): Part[] {
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
function cureOfMissing({ files, unknown }: AccountsConfig): string {
  const mayBeEmpty = files.length > 1 || unknown === 'create'
  return mayBeEmpty ? 'create it empty if that is intended' : 'check "accounts.files", or restore it'
}

/** What only shows when all is counted: accounts that have gone, and too many of them. */
function census(
  { files, unknown }: AccountsConfig,
  counts: ReadonlyMap<string, number>,
  held: ReadonlyMap<string, number>,
  mayShrink: boolean,
  found: readonly Problem[],
): Problem[] {
  const faulty = new Set(found.filter(isError).map(({ file }) => file))
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
