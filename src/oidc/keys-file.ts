/**
 * The issuer's keys on disk: `{"issuer":"…","fetched":"2026-11-21T08:00:00.000Z","keys":[…]}`, so that a restart while the
 * issuer is down locks nobody out.
 *
 * They are public, but whoever writes the file can forge logins. One that cannot be read, or is of another issuer, is
 * none; the next fetch replaces it. A disk that fails harms nobody before the next start.
 */
import { parseObject } from './json.ts'
import { createKeySet, type KeySet } from './jws.ts'

export type Disk = { read(): Promise<string | undefined>; write(text: string): Promise<void> }

export type StoredKeys = { readonly set: KeySet; readonly fetchedMs: number }

export type KeysFile = {
  /** Never rejects. */
  read(): Promise<StoredKeys | undefined>
  /** In the background, one after the other. */
  write(keys: StoredKeys): void
  /** Resolves when all is written. */
  written(): Promise<void>
}

/** `onFailed` is told of the first failure only. */
export function createKeysFile(disk: Disk, issuer: string, onFailed: (error: unknown) => void): KeysFile {
  let hasFailed = false
  let writing = Promise.resolve()

  function failed(error: unknown): undefined {
    if (!hasFailed) onFailed(error)
    hasFailed = true
  }

  return {
    read: async () => {
      const text = await disk.read().catch(failed)
      return text === undefined ? undefined : readKeys(text, issuer)
    },
    write: ({ set, fetchedMs }) => {
      const content = { issuer, fetched: new Date(fetchedMs).toISOString(), keys: set.keys }
      writing = writing.then(() => disk.write(`${JSON.stringify(content, null, 2)}\n`)).catch(failed)
    },
    written: () => writing,
  }
}

async function readKeys(text: string, issuer: string): Promise<StoredKeys | undefined> {
  const content = parseObject(Buffer.from(text))
  if (typeof content === 'string' || content.issuer !== issuer) return undefined
  const fetchedMs = Date.parse(String(content.fetched))
  const set = await createKeySet(content).catch(() => undefined)
  return set === undefined || Number.isNaN(fetchedMs) ? undefined : { set, fetchedMs }
}
