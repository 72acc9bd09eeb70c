/**
 * Block: some lines of a `.jsonl` file as they stand there, and the accounts on them, decoded when they are asked for. PURE.
 *
 * A million accounts as objects would take four times the memory, and the garbage collector would look at each of them
 * over and over. As bytes they can also be compared with what the file holds later: see `cutter.ts`.
 */
import type { Buffer } from 'node:buffer'
import type { Account } from './account.ts'
import { decodeAccount } from './fields.ts'

export type Block = {
  /** Whole lines, with their newlines. */
  readonly bytes: Buffer
  /** Where each line begins. */
  readonly starts: Uint32Array
}

const newline = 10

export function createBlock(bytes: Buffer): Block {
  const starts: number[] = []
  for (let start = 0; start < bytes.length; start = endOfLine(bytes, start)) starts.push(start)
  return { bytes, starts: Uint32Array.from(starts) }
}

/** The account on one of its lines, counted from 0, which have been read without a complaint; none is on an empty line. */
export function accountOn({ bytes, starts }: Block, line: number): Account | undefined {
  const start = starts[line]
  if (start === undefined) return undefined
  // Trimming takes a byte order mark for white space.
  const text = bytes.toString('utf8', start, starts[line + 1]).trim()
  return text === '' ? undefined : decodeAccount(JSON.parse(text), () => {})
}

/** Behind the newline, or of all bytes. */
export function endOfLine(bytes: Buffer, start: number): number {
  const end = bytes.indexOf(newline, start)
  return end < 0 ? bytes.length : end + 1
}
