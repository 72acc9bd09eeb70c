/**
 * Token sizes: the largest token that each directory was seen to accept, kept in the state directory for `bearerd
 * doctor`, which tells whether Postfix and Dovecot would let it through.
 *
 * `{"main":1834}`. Written aside and renamed, only when a size has grown, and at most every 10 s. Nothing hangs on it:
 * a failure is logged once, and what a crash loses comes again with the next login.
 */
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readWhole } from '../accounts/source.ts'
import { describeError, type Log } from '../log.ts'

export type TokenSizes = {
  note(directory: string, bytes: number): void
  /** Writes what has grown. Never rejects. */
  close(): Promise<void>
}

const everyMs = 10_000
const maxBytes = 1024 * 1024

export function tokenSizesFile(stateDir: string): string {
  return join(stateDir, 'token-sizes.json')
}

export function createTokenSizes(file: string, log: Pick<Log, 'warn'>): TokenSizes {
  const largest = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  let writing = Promise.resolve()
  let hasGrown = false
  let closed = false
  let failed = false

  async function write(): Promise<void> {
    timer = undefined
    if (!hasGrown) return
    hasGrown = false
    try {
      // An earlier process may have seen larger ones.
      for (const [name, bytes] of await readTokenSizes(file)) largest.set(name, Math.max(bytes, largest.get(name) ?? 0))
      await writeFile(`${file}.new`, `${JSON.stringify(Object.fromEntries(largest))}\n`, { mode: 0o600 })
      await rename(`${file}.new`, file)
    } catch (error) {
      if (!failed)
        log.warn({ event: 'token_sizes_not_written', file, ...describeError(error) }, 'token sizes can not be written')
      failed = true
    }
  }

  function inTurn(): Promise<void> {
    writing = writing.then(write)
    return writing
  }

  return {
    note(directory, bytes) {
      if (closed || bytes <= (largest.get(directory) ?? 0)) return
      largest.set(directory, bytes)
      hasGrown = true
      timer ??= setTimeout(inTurn, everyMs).unref()
    },
    close() {
      closed = true
      clearTimeout(timer)
      return inTurn()
    },
  }
}

/** Empty where there is none, or nothing that makes sense. root reads it too: no link leads her elsewhere, no FIFO stops her. */
export async function readTokenSizes(file: string): Promise<ReadonlyMap<string, number>> {
  const content = await readWhole(file, maxBytes)
  return new Map(Buffer.isBuffer(content) ? parse(content.toString()) : [])
}

function parse(text: string): [string, number][] {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return []
    return Object.entries(value).filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1]))
  } catch {
    return []
  }
}
