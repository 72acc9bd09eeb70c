/**
 * CSV: text to cells with the lines they began in, and back (RFC 4180). The only importer of csv-parse and csv-stringify,
 * which are loaded when they are needed.
 *
 * A byte order mark, LF as well as CRLF, and `;` between cells (where the header has no comma) are taken too.
 */
import { Buffer } from 'node:buffer'
import type { Row } from './account-from-csv.ts'

export type CsvRead =
  | { readonly ok: true; readonly rows: Row[] }
  | { readonly ok: false; readonly line: number; readonly message: string }

type Parsed = { readonly record: string[]; readonly info: { readonly bytes: number } }

const lineFeed = 10
const carriageReturn = 13

export async function readCsv(text: string): Promise<CsvRead> {
  const { CsvError, parse } = await import('csv-parse/sync')
  const bytes = Buffer.from(text.replace(/^\ufeff/, ''))
  const [header = ''] = text.split('\n', 1)
  const delimiter = header.includes(';') && !header.includes(',') ? ';' : ','
  const options = { delimiter, info: true, relax_column_count: true, skip_empty_lines: true } as const
  try {
    const parsed = parse(bytes, options) as unknown as Parsed[]
    return { ok: true, rows: locate(bytes, parsed) }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    // Its own message repeats what it read.
    return { ok: false, line: Number(error.lines) || 1, message: describe(error.code) }
  }
}

/** csv-parse counts a CRLF inside quotes as two lines, so lines are counted here. */
function locate(bytes: Buffer, parsed: readonly Parsed[]): Row[] {
  let line = 1
  let at = 0
  return parsed.map(({ record, info }) => {
    while (bytes[at] === lineFeed || bytes[at] === carriageReturn) if (bytes[at++] === lineFeed) line++
    const row = { line, cells: record }
    for (; at < info.bytes; at++) if (bytes[at] === lineFeed) line++
    return row
  })
}

function describe(code: string): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quoted cell has no end'
  return 'not CSV: a cell with a quote in it is in quotes, and the quote is doubled'
}

export async function writeCsv(rows: readonly (readonly string[])[]): Promise<string> {
  const { stringify } = await import('csv-stringify/sync')
  return stringify(
    rows.map(row => [...row]),
    { record_delimiter: 'windows' },
  )
}
