/**
 * Read: an account file on disk, in pieces, so that logins go on in between.
 *
 * Regular files only, of a size that fits: TOML is parsed in one go and gets 64 MiB, `.jsonl` 1 GiB.
 */
import { Buffer } from 'node:buffer'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Problem } from '../config/problem.ts'
import { createLineParser, type Parsed, parseTomlAccounts } from './file.ts'

const chunkBytes = 256 * 1024
const maxJsonlBytes = 1024 ** 3
const maxTomlBytes = 64 * 1024 ** 2

/** Rejects with a system error where the file can't be read. */
export async function* readAccounts(file: string): AsyncGenerator<Parsed> {
  // Not to be held up by a FIFO that nobody writes to.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = await handle.stat()
    const isToml = file.endsWith('.toml')
    if (!status.isFile()) yield refusal(file, 'not a regular file')
    else if (status.size > (isToml ? maxTomlBytes : maxJsonlBytes))
      yield refusal(file, isToml ? 'over 64 MiB; so many accounts belong into a .jsonl file' : 'over 1 GiB')
    else if (isToml) yield await parseTomlAccounts(file, await handle.readFile('utf8'))
    else yield* readLines(file, handle)
  } finally {
    await handle.close()
  }
}

async function* readLines(file: string, handle: FileHandle): AsyncGenerator<Parsed> {
  const parser = createLineParser(file)
  const buffer = Buffer.alloc(chunkBytes)
  for (let left = maxJsonlBytes; left >= 0; ) {
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes)
    if (bytesRead === 0) break
    left -= bytesRead
    yield parser.push(buffer.subarray(0, bytesRead))
  }
  yield parser.end()
}

export function fileProblem(file: string, message: string, severity: Problem['severity'] = 'error'): Problem {
  return { severity, file, line: undefined, path: undefined, message }
}

function refusal(file: string, message: string): Parsed {
  return { entries: [], problems: [fileProblem(file, message)] }
}
