/**
 * Survey: all accounts of all account files with the places where they stand, and everything that is wrong with them, for
 * the commands. The daemon's load (`load.ts`) asks the same of the same code, but keeps no places.
 *
 * The managed file may be given as it would be after a change, so that nothing is written that the daemon would refuse.
 */
import { Buffer } from 'node:buffer'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AccountsConfig } from '../config/config.ts'
import { fileProblem, formatPlace, type Place, type Problem } from '../config/problem.ts'
import type { Account, AccountIndex } from './account.ts'
import { beginIndex } from './begin-index.ts'
import type { Line } from './edit.ts'
import { createLineParser, type Entry, type Parsed } from './file.ts'
import { missingProblem, readAccounts } from './read.ts'
import { whyUnreadable } from './source.ts'
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
  const { builder, problem, numbered } = await beginIndex(config, directories)
  const problems: Problem[] = problem === undefined ? [] : [problem]
  const listed: Listed[] = []

  async function add({ account, line }: Entry, placeOf: (line: number | undefined) => Place): Promise<void> {
    const place = placeOf(line)
    const given: Entry = { account, line: place.line }
    const entry = await numbered(given, place.file)
    if ('message' in entry) problems.push(entry)
    problems.push(...builder.add('message' in entry ? given : entry, place.file))
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
        if (progress === undefined) continue
        progress(checked)
        // For Ctrl-C to be heard.
        await nextTurn()
      }
      continue
    }
    try {
      for await (const parsed of readAccounts(file)) await take(parsed, line => ({ file, line }))
    } catch (error) {
      const code = codeOf(error)
      if (code === 'ENOENT') problems.push(missingProblem(file, config.files, 'check "accounts.files"'))
      else problems.push(fileProblem(file, whyUnreadable({ file, code })))
    }
  }
  return { listed, index: builder.index, problems }
}

/** Where an account stands, for people. */
export function placeOfAccount({ listed }: Pick<Survey, 'listed'>, address: string): string {
  const place = listed.find(({ account }) => account.address === address)?.place
  return place === undefined ? '' : formatPlace(place)
}

/** What was parsed, and how many lines are done with it. */
function* parseLines(file: string, lines: readonly Line[]): Generator<[Parsed, number]> {
  const parser = createLineParser(file)
  for (let start = 0; start < lines.length; start += batchLines) {
    const batch = lines.slice(start, start + batchLines)
    yield [parser.push(Buffer.from(batch.map(({ text }) => `${text}\n`).join(''))), start + batch.length]
  }
}
