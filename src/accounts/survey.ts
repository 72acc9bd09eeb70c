/**
 * Survey: all accounts of all account files with the places where they stand, and everything that is wrong with them, for
 * the commands. The daemon's load (`load.ts`) asks the same of the same code, but keeps no places.
 *
 * The managed file may be given as it would be after a change, so that nothing is written that the daemon would refuse.
 */
import { Buffer } from 'node:buffer'
import type { AccountsConfig } from '../config/config.ts'
import type { Problem } from '../config/problem.ts'
import type { Account, AccountIndex } from './account.ts'
import { createIndex } from './accounts.ts'
import type { Line, Place } from './edit.ts'
import { createLineParser, type Entry, type Parsed } from './file.ts'
import { createNssResolver } from './nss.ts'
import { fileProblem, readAccounts } from './read.ts'
import { seed } from './seed.ts'
import { codeOf } from './stamp.ts'

export type Listed = { readonly account: Account; readonly place: Place }

export type Survey = {
  readonly listed: readonly Listed[]
  /** Not to be used after an error. */
  readonly index: AccountIndex
  readonly problems: readonly Problem[]
}

export type SurveyOptions = {
  readonly config: AccountsConfig
  readonly directories: readonly string[]
  /** A file as it would be, in place of what is on disk. */
  readonly instead?: { readonly file: string; readonly lines: readonly Line[] }
  /** Told how many lines of `instead` are checked. */
  readonly progress?: (lines: number) => void
}

const batchLines = 1_000

export async function survey({ config, directories, instead, progress }: SurveyOptions): Promise<Survey> {
  const nss = createNssResolver()
  const problems: Problem[] = []
  const listed: Listed[] = []
  const defaults = await nss.resolve(config.defaults)
  if (!defaults.ok)
    problems.push({ ...fileProblem('bearerd.toml', defaults.message), path: `accounts.defaults.${defaults.key}` })
  const builder = createIndex({
    delimiter: config.recipientDelimiter,
    defaults: defaults.ok ? defaults.fields : {},
    directories,
    seed,
  })

  async function add({ account, line }: Entry, placeOf: (line: number | undefined) => Place): Promise<void> {
    const place = placeOf(line)
    const numbers = nss.needed(account.userdb) ? await nss.resolve(account.userdb) : undefined
    if (numbers?.ok === false)
      problems.push({ severity: 'error', ...place, path: `userdb.${numbers.key}`, message: numbers.message })
    const resolved = numbers?.ok ? { ...account, userdb: numbers.fields } : account
    problems.push(...builder.add({ account: resolved, line: place.line }, place.file))
    listed.push({ account, place })
  }

  async function take(parsed: Parsed, placeOf: (line: number | undefined) => Place): Promise<void> {
    for (const problem of parsed.problems) problems.push({ ...problem, ...placeOf(problem.line) })
    for (const entry of parsed.entries) await add(entry, placeOf)
  }

  for (const file of config.files) {
    if (instead?.file === file) {
      const { lines } = instead
      const placeOf = (line: number | undefined): Place => lines[(line ?? 0) - 1]?.place ?? { file, line }
      for (const [parsed, checked] of parseLines(file, lines)) {
        await take(parsed, placeOf)
        progress?.(checked)
      }
      continue
    }
    try {
      for await (const parsed of readAccounts(file)) await take(parsed, line => ({ file, line }))
    } catch (error) {
      const code = codeOf(error)
      problems.push(fileProblem(file, code === 'ENOENT' ? "doesn't exist" : `can't be read (${code})`))
    }
  }
  return { listed, index: builder.index, problems }
}

/** What was parsed, and how many lines are done with it. */
function* parseLines(file: string, lines: readonly Line[]): Generator<[Parsed, number]> {
  const parser = createLineParser(file)
  for (let start = 0; start < lines.length; start += batchLines) {
    const batch = lines.slice(start, start + batchLines)
    yield [parser.push(Buffer.from(batch.map(({ text }) => `${text}\n`).join(''))), start + batch.length]
  }
}
