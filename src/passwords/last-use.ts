/**
 * Last use: when and from where each password was last good for a login, in a file of the daemon's own.
 *
 * A line for each, `{"account","id","at","from"}`. Uses are gathered and written once a minute: the file is copied line by
 * line, aside, with what is new in it and without passwords that are gone. Nobody waits for that. What a crash loses of
 * it is the only loss that there may be, so lines that make no sense are passed over.
 */
import { rewriteFile } from '../accounts/durable.ts'
import { parseTime, type Table } from '../accounts/fields.ts'
import { FileError } from '../accounts/file-error.ts'
import { createJsonLines } from '../accounts/json-lines.ts'
import { withLock } from '../accounts/lock.ts'
import { openSource, readChunks } from '../accounts/source.ts'
import { codeOf } from '../accounts/stamp.ts'
import { describeError, type Log } from '../log.ts'
import type { LastUse, PasswordIndex, PasswordRecord } from './password.ts'

type Key = Pick<PasswordRecord, 'account' | 'id'>
type Use = Key & LastUse

export type LastUses = { of(record: Key): LastUse | undefined }

export type LastUseWriter = {
  note(record: Key, from: string | undefined): void
  /** Writes what has been noted, if there is anything. Never rejects: a failure is logged, and tried again later. */
  flush(): Promise<void>
  /** Writes what there is, for the last time. */
  close(): Promise<void>
}

/** A millisecond of work, or two. */
const chunkBytes = 64 * 1024
const maxLineBytes = 2 * 1024
/** What is beyond is lost. */
const maxBytes = 1024 ** 3
/** Waiting to be written. More passwords than that are not used in a minute. */
const maxPending = 100_000

/** Of the passwords at one moment. A file that doesn't exist has none; rejects where it can't be read. */
export async function readLastUses(file: string): Promise<LastUses> {
  const uses = new Map<string, LastUse>()
  for await (const use of readUses(file)) uses.set(nameOf(use), { at: use.at, from: use.from })
  return { of: record => uses.get(nameOf(record)) }
}

export type LastUseOptions = {
  readonly log: Log
  /** Those that exist; undefined: not known. */
  readonly current: () => PasswordIndex | undefined
  readonly flushMs: number
}

export function createLastUseWriter(file: string, { log, current, flushMs }: LastUseOptions): LastUseWriter {
  let pending = new Map<string, Use>()
  let timer: NodeJS.Timeout | undefined
  let writing = Promise.resolve()
  let failing = false
  let closed = false

  async function write(): Promise<void> {
    const given = pending
    pending = new Map()
    if (given.size === 0) return
    try {
      await withLock(file, lock => rewriteFile(file, merged(file, given, current()), lock))
      if (failing) log.info({ event: 'last_used_written', file }, 'last use of passwords is written again')
      failing = false
    } catch (error) {
      // What has been noted meanwhile is newer.
      pending = new Map([...given, ...pending])
      if (!failing) log.warn(failure(file, error), 'last use of passwords can not be written; logins go on')
      failing = true
    }
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing = writing.then(write)
    return writing.then(() => {
      if (pending.size > 0) schedule()
    })
  }

  function schedule(): void {
    if (!closed) timer ??= setTimeout(flush, flushMs).unref()
  }

  return {
    note({ account, id }, from) {
      const name = nameOf({ account, id })
      if (pending.size >= maxPending && !pending.has(name)) return
      pending.set(name, { account, id, at: Date.now(), from })
      schedule()
    },
    flush,
    async close() {
      closed = true
      await flush()
    },
  }
}

/** The file's lines with those that have been noted, without those whose password is gone. */
async function* merged(
  file: string,
  noted: ReadonlyMap<string, Use>,
  index: PasswordIndex | undefined,
): AsyncGenerator<string> {
  const exists = ({ account, id }: Use): boolean =>
    index === undefined || index.of(account).some(record => record.id === id)
  for await (const use of readUses(file)) if (!noted.has(nameOf(use)) && exists(use)) yield formatUse(use)
  for (const use of noted.values()) if (exists(use)) yield formatUse(use)
}

async function* readUses(file: string): AsyncGenerator<Use> {
  const source = await openSource(file).catch(nothingThere)
  if (source === undefined) return
  try {
    if (!source.status.isFile()) return
    let uses: Use[] = []
    const lines = createJsonLines({
      maxLineBytes,
      object: table => uses.push(...decodeUse(table)),
      complain: () => {},
    })
    for await (const chunk of readChunks(source, chunkBytes, maxBytes)) {
      lines.push(chunk)
      yield* uses
      uses = []
    }
    lines.end()
    yield* uses
  } finally {
    await source.handle.close()
  }
}

function decodeUse({ account, id, at, from }: Table): Use[] {
  const time = parseTime(at)
  if (typeof account !== 'string' || typeof id !== 'string' || time === undefined) return []
  return [{ account, id, at: time, from: typeof from === 'string' ? from : undefined }]
}

function formatUse({ account, id, at, from }: Use): string {
  return `${JSON.stringify({ account, id, at: new Date(at).toISOString(), from })}\n`
}

function nameOf({ account, id }: Key): string {
  return `${id} ${account}`
}

function nothingThere(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
}

function failure(file: string, error: unknown): object {
  return {
    event: 'last_used_not_written',
    file,
    ...(error instanceof FileError ? { why: error.message } : describeError(error)),
  }
}
