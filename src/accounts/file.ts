/**
 * Account file: the text of an account file to accounts, or every problem with its line. PURE.
 *
 * Two spellings of one schema. `.toml`, for people: `[[account]]` tables. `.jsonl`, for programs and scale: one JSON
 * object a line, UTF-8, read in pieces; empty lines and a byte order mark are passed over. A line is 64 KiB at most.
 *
 * An account is checked for itself here. Whether it gets on with the others (the same address twice) is `accounts.ts`'s
 * question, whether its uid exists `nss.ts`'s. Messages repeat nothing that was read but the names of keys.
 */
import type { Buffer } from 'node:buffer'
import type { Problem } from '../config/problem.ts'
import { formatPath } from '../config/values.ts'
import { type KeyPath, locateToml, parseToml } from '../toml.ts'
import type { Account } from './account.ts'
import { type Complaint, decodeAccount, isTable, type Table } from './fields.ts'
import { createJsonLines } from './json-lines.ts'

/** An account and the line that it starts at. `resolved`: its uid or gid is no longer as written there. */
export type Entry = { readonly account: Account; readonly line: number | undefined; readonly resolved?: true }

export type Parsed = { readonly entries: Entry[]; readonly problems: Problem[] }

export type LineParser = {
  /** The accounts that are complete with this chunk, which may be cut anywhere. */
  push(chunk: Buffer): Parsed
  /** The last line, if it has no newline. */
  end(): Parsed
}

export const maxLineBytes = 64 * 1024

export async function parseTomlAccounts(file: string, text: string): Promise<Parsed> {
  const toml = parseToml(text)
  if (!toml.ok)
    return {
      entries: [],
      problems: [problem(file, toml.line, [], `TOML syntax, column ${toml.column}: ${toml.message}`)],
    }
  const complaints: Complaint[] = []
  const accounts = accountTables(toml.value, complaints).map((table, index) =>
    decodeAccount(table, ({ path, message }) => complaints.push({ path: ['account', index, ...path], message })),
  )
  // Positions are dear: an orderly file is located by its headers alone.
  const headers = headerLines(text)
  const orderly = complaints.length === 0 && headers.length === accounts.length
  const locate = orderly ? undefined : await locateToml(text)
  const lineOf = (index: number): number | undefined =>
    locate === undefined ? headers[index] : locate(['account', index])
  return {
    entries: accounts.flatMap((account, index) => (account === undefined ? [] : [{ account, line: lineOf(index) }])),
    problems: complaints.map(({ path, message }) => problem(file, locate?.(path), path, message)),
  }
}

/** The tables of `[[account]]`; complains of everything else in the file. */
function accountTables(value: Table, complaints: Complaint[]): readonly Table[] {
  for (const key of Object.keys(value))
    if (key !== 'account') complaints.push({ path: [key], message: 'unknown key; an account begins with [[account]]' })
  const tables = value.account ?? []
  if (Array.isArray(tables) && tables.every(isTable)) return tables
  complaints.push({ path: ['account'], message: 'expected [[account]], in two pairs of brackets' })
  return []
}

function headerLines(text: string): number[] {
  const isHeader = /^[ \t]*\[\[[ \t]*account[ \t]*\]\]/
  return text.split('\n').flatMap((line, index) => (isHeader.test(line) ? [index + 1] : []))
}

/** `firstLine`: for what doesn't begin at the beginning of the file. */
export function createLineParser(file: string, firstLine = 1): LineParser {
  let parsed: Parsed = { entries: [], problems: [] }
  const lines = createJsonLines({
    maxLineBytes,
    firstLine,
    object(table, line) {
      const account = decodeAccount(table, ({ path, message }) =>
        parsed.problems.push(problem(file, line, path, message)),
      )
      if (account !== undefined) parsed.entries.push({ account, line })
    },
    complain: (message, line) => parsed.problems.push(problem(file, line, [], message)),
  })

  function take(): Parsed {
    const taken = parsed
    parsed = { entries: [], problems: [] }
    return taken
  }

  return {
    push(chunk) {
      lines.push(chunk)
      return take()
    },
    end() {
      lines.end()
      return take()
    },
  }
}

function problem(file: string, line: number | undefined, path: KeyPath, message: string): Problem {
  return { severity: 'error', file, line, path: path.length === 0 ? undefined : formatPath(path), message }
}
