/**
 * JSON Lines: the bytes of a file, in pieces, to the JSON object on each of its lines (https://jsonlines.org). PURE.
 *
 * UTF-8; bytes that aren't become U+FFFD. A byte order mark at the start and empty lines are passed over. A line may have
 * `maxLineBytes`; a longer one is complained of once, and never kept. What the objects should be is the caller's question.
 */
import { Buffer } from 'node:buffer'
import { isTable, type Table } from './fields.ts'

export type JsonLines = {
  /** Reports all lines that are complete with this chunk, which may be cut anywhere. The chunk is not kept. */
  push(chunk: Buffer): void
  /** Reports the last line, if it has no newline. */
  end(): void
}

export type JsonLinesOptions = {
  readonly maxLineBytes: number
  /** The number of the first line: 1 unless this begins inside a file. */
  readonly firstLine?: number
  readonly object: (value: Table, line: number) => void
  readonly complain: (message: string, line: number) => void
}

const newline = 10
const empty = Buffer.alloc(0)

export function createJsonLines({ maxLineBytes, firstLine = 1, object, complain }: JsonLinesOptions): JsonLines {
  let rest: Buffer = empty
  let line = firstLine
  /** Inside a line that is too long: said already, and not kept. */
  let overlong = false

  const complainOfLength = (): void => complain(`longer than ${maxLineBytes} bytes`, line)

  /** In bytes; a character has three at most, so that short lines need no counting. */
  function isTooLong(text: string): boolean {
    return text.length > maxLineBytes / 3 && Buffer.byteLength(text) > maxLineBytes
  }

  function receive(text: string): void {
    if (overlong) overlong = false
    else if (isTooLong(text)) complainOfLength()
    else receiveJson(line === 1 && text.startsWith('\ufeff') ? text.slice(1) : text)
    line++
  }

  function receiveJson(text: string): void {
    const value = parseJson(text)
    if (isTable(value)) object(value, line)
    else if (text.trim() !== '') complain('expected one JSON object on the line', line)
  }

  return {
    push(chunk) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const end = bytes.lastIndexOf(newline)
      if (end >= 0) for (const text of bytes.toString('utf8', 0, end).split('\n')) receive(text)
      // A copy, because the reader fills its buffer again.
      rest = Buffer.from(bytes.subarray(end + 1))
      if (rest.length > maxLineBytes || overlong) {
        if (!overlong) complainOfLength()
        overlong = true
        rest = empty
      }
    },
    end() {
      if (rest.length > 0) receive(rest.toString())
    },
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
