/**
 * Read: an account file on disk, in pieces, so that logins go on in between.
 *
 * Regular files only, of a size that fits: TOML is parsed in one go and gets 64 MiB, `.jsonl` 1 GiB.
 */
import { Buffer } from 'node:buffer'
import { fileProblem, type Problem } from '../config/problem.ts'
import type { Block } from './block.ts'
import { type Cut, createCutter } from './cutter.ts'
import { createLineParser, type Parsed, parseTomlAccounts } from './file.ts'
import { openSource, readChunks, type Source } from './source.ts'

/** Lines that nobody has looked at yet, or what is in a TOML file. */
export type Piece = { readonly cuts: readonly Cut[] } | { readonly parsed: Parsed }

const chunkBytes = 256 * 1024
const maxJsonlBytes = 1024 ** 3
const maxTomlBytes = 64 * 1024 ** 2

/** Rejects with a system error where the file can't be read. */
export async function* readAccounts(file: string): AsyncGenerator<Parsed> {
  const source = await openSource(file)
  try {
    for await (const piece of readPieces(source, []))
      if ('parsed' in piece) yield piece.parsed
      else for (const { block, line } of piece.cuts) yield parseBlock(file, block, line)
  } finally {
    await source.handle.close()
  }
}

/** As `readAccounts`, with the lines left for later. `former`: the blocks of the file when it was last read. */
export async function* readPieces(source: Source, former: readonly Block[]): AsyncGenerator<Piece> {
  const { file, status } = source
  const isToml = file.endsWith('.toml')
  if (!status.isFile()) yield refusal(file, 'not a regular file')
  else if (status.size > (isToml ? maxTomlBytes : maxJsonlBytes))
    yield refusal(file, isToml ? 'over 64 MiB; so many accounts belong into a .jsonl file' : 'over 1 GiB')
  else if (isToml) yield { parsed: await parseTomlAccounts(file, await readText(source)) }
  else yield* readLines(source, former)
}

async function readText(source: Source): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of readChunks(source, chunkBytes, maxTomlBytes)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

async function* readLines(source: Source, former: readonly Block[]): AsyncGenerator<Piece> {
  const cutter = createCutter(former)
  for await (const chunk of readChunks(source, chunkBytes, maxJsonlBytes)) yield { cuts: cutter.push(chunk) }
  yield { cuts: cutter.end() }
}

export function parseBlock(file: string, { bytes }: Block, line: number): Parsed {
  const parser = createLineParser(file, line)
  const { entries, problems } = parser.push(bytes)
  return { entries, problems: [...problems, ...parser.end().problems] }
}

/** A file of accounts.files that doesn't exist. The last .jsonl one is made by the commands. */
export function missingProblem(file: string, files: readonly string[], cure: string): Problem {
  const isManaged = file === files.findLast(name => name.endsWith('.jsonl'))
  const make = 'restore it; or if there never was one, "bearerd account add ADDRESS" makes it'
  return fileProblem(file, `doesn't exist; ${isManaged ? make : cure}`)
}

function refusal(file: string, message: string): Piece {
  return { parsed: { entries: [], problems: [fileProblem(file, message)] } }
}
