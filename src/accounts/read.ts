/**
 * Read: an account file on disk, in pieces, so that logins go on in between.
 *
 * Regular files only, of a size that fits: TOML is parsed in one go and gets 64 MiB, `.jsonl` 1 GiB.
 */
import { Buffer } from 'node:buffer'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Problem } from '../config/problem.ts'
import type { Block } from './block.ts'
import { type Cut, createCutter } from './cutter.ts'
import { createLineParser, type Parsed, parseTomlAccounts } from './file.ts'

/** Lines that nobody has looked at yet, or what is in a TOML file. */
export type Piece = { readonly cuts: readonly Cut[] } | { readonly parsed: Parsed }

const chunkBytes = 256 * 1024
const maxJsonlBytes = 1024 ** 3
const maxTomlBytes = 64 * 1024 ** 2

/** Rejects with a system error where the file can't be read. */
export async function* readAccounts(file: string): AsyncGenerator<Parsed> {
  for await (const piece of readPieces(file, []))
    if ('parsed' in piece) yield piece.parsed
    else for (const { block, line } of piece.cuts) yield parseBlock(file, block, line)
}

/** As `readAccounts`, with the lines left for later. `former`: the blocks of the file when it was last read. */
export async function* readPieces(file: string, former: readonly Block[]): AsyncGenerator<Piece> {
  // Not to be held up by a FIFO that nobody writes to.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = await handle.stat()
    const isToml = file.endsWith('.toml')
    if (!status.isFile()) yield refusal(file, 'not a regular file')
    else if (status.size > (isToml ? maxTomlBytes : maxJsonlBytes))
      yield refusal(file, isToml ? 'over 64 MiB; so many accounts belong into a .jsonl file' : 'over 1 GiB')
    else if (isToml) yield { parsed: await parseTomlAccounts(file, await handle.readFile('utf8')) }
    else yield* readLines(handle, former)
  } finally {
    await handle.close()
  }
}

async function* readLines(handle: FileHandle, former: readonly Block[]): AsyncGenerator<Piece> {
  const cutter = createCutter(former)
  const buffer = Buffer.alloc(chunkBytes)
  for (let left = maxJsonlBytes; left >= 0; ) {
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes)
    if (bytesRead === 0) break
    left -= bytesRead
    yield { cuts: cutter.push(buffer.subarray(0, bytesRead)) }
  }
  yield { cuts: cutter.end() }
}

export function parseBlock(file: string, { bytes }: Block, line: number): Parsed {
  const parser = createLineParser(file, line)
  const { entries, problems } = parser.push(bytes)
  return { entries, problems: [...problems, ...parser.end().problems] }
}

export function fileProblem(file: string, message: string, severity: Problem['severity'] = 'error'): Problem {
  return { severity, file, line: undefined, path: undefined, message }
}

function refusal(file: string, message: string): Piece {
  return { parsed: { entries: [], problems: [fileProblem(file, message)] } }
}
