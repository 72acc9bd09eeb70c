/**
 * Cutter: the bytes of a `.jsonl` file to blocks of whole lines; to the very blocks of the last time wherever the file
 * has stayed as it was. PURE.
 *
 * A file that is read again mostly differs in a few lines. Where the first line of a former block stands, and behind it
 * the rest of that block, nothing new is made. Lines that were put in or taken out only shift what follows them.
 */
import { Buffer } from 'node:buffer'
import { type Block, createBlock, endOfLine } from './block.ts'
import { maxLineBytes } from './file.ts'

/** `line` is the first one's number in the file, from 1. */
export type Cut = { readonly block: Block; readonly line: number }

export type Cutter = {
  /** The blocks that are complete with this chunk, which may be cut anywhere. The chunk is not kept. */
  push(chunk: Buffer): Cut[]
  end(): Cut[]
}

/** So much is parsed without a pause: a few milliseconds. Any line fits in that is not too long, with its newline. */
const maxBlockBytes = maxLineBytes + 1
const newline = 10
const byteOrderMark = 0xef
const lineEnd = Buffer.from('\n')

export function createCutter(former: readonly Block[], blockBytes = maxBlockBytes): Cutter {
  // Smaller ones are not looked for: added to line by line, a file would fall apart into ever more of them.
  const worthKeeping = blockBytes / 4
  // A byte order mark belongs at the start of a file, so that what begins with one is not for anywhere else.
  const kept = former.filter(({ bytes }) => bytes.length >= worthKeeping && bytes[0] !== byteOrderMark)
  const byFirstLine = new Map(kept.map(block => [lineAt(block.bytes, 0), block]))
  // Of one buffer, used again and again: so much garbage would keep the collector busy.
  let room = Buffer.alloc(4 * blockBytes)
  let rest = room.subarray(0, 0)
  let line = 1
  /** Inside a line that is too long, of which a block holds the beginning. */
  let overlong = false

  /** The former block that stands here. */
  function twinAt(start: number): Block | undefined {
    const twin = byFirstLine.size === 0 ? undefined : byFirstLine.get(lineAt(rest, start))
    return twin?.bytes.equals(rest.subarray(start, start + twin.bytes.length)) ? twin : undefined
  }

  /** Where a new block has to end: at its size, or where a former one begins. */
  function newEnd(start: number): number {
    const limit = Math.min(start + blockBytes, rest.length)
    const last = rest.lastIndexOf(newline, limit - 1) + 1
    if (last <= start) return limit
    if (byFirstLine.size === 0) return last
    let end = endOfLine(rest, start)
    while (end < last && twinAt(end) === undefined) end = endOfLine(rest, end)
    return end
  }

  /** The next block, or undefined where it takes more bytes to tell: a new one, and the former one behind it. */
  function next(start: number, isEnd: boolean): Block | undefined {
    const left = rest.length - start
    if (left === 0 || (left < 2 * blockBytes && !isEnd)) return undefined
    return twinAt(start) ?? createBlock(Buffer.from(rest.subarray(start, newEnd(start))))
  }

  function cut(isEnd: boolean): Cut[] {
    const cuts: Cut[] = []
    let start = 0
    if (overlong) {
      start = endOfLine(rest, 0)
      overlong = rest[start - 1] !== newline
    }
    for (let block = next(start, isEnd); block !== undefined; block = next(start, isEnd)) {
      cuts.push({ block, line })
      line += block.starts.length
      start += block.bytes.length
      if (block.bytes.at(-1) === newline) continue
      start = endOfLine(rest, start)
      overlong = rest[start - 1] !== newline
    }
    rest = rest.subarray(start)
    return cuts
  }

  function append(chunk: Buffer): void {
    const length = rest.length + chunk.length
    const larger = length > room.length ? Buffer.alloc(2 * length) : room
    rest.copy(larger)
    chunk.copy(larger, rest.length)
    room = larger
    rest = room.subarray(0, length)
  }

  return {
    push(chunk) {
      append(chunk)
      return cut(false)
    },
    end() {
      if (rest.length > 0 && !overlong && rest.at(-1) !== newline) append(lineEnd)
      return cut(true)
    },
  }
}

function lineAt(bytes: Buffer, start: number): string {
  return bytes.toString('latin1', start, endOfLine(bytes, start))
}
