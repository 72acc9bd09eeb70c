/**
 * Key disk: an issuer's public keys in the state directory, so that a start while the provider is down can go on judging
 * JWTs. A file for each directory, `keys/NAME.json`. Nothing in it is secret, but what is in it is believed: it is as
 * well kept as the passwords beside it.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { rewriteFile } from './accounts/durable.ts'
import { FileError } from './accounts/file-error.ts'
import { withLock } from './accounts/lock.ts'
import { readWhole } from './accounts/source.ts'
import { codeOf } from './accounts/stamp.ts'

export type KeyDisk = {
  read(): Promise<string | undefined>
  write(text: string): Promise<void>
}

/** As much as an answer of the provider may hold, and then some. */
const maxBytes = 1024 * 1024

export function createKeyDisk(stateDir: string, directory: string): KeyDisk {
  const folder = join(stateDir, 'keys')
  // A directory's name may be ".." or hold a slash.
  const file = join(folder, `${encodeURIComponent(directory)}.json`)
  return {
    async read() {
      const content = await readWhole(file, maxBytes)
      if (content === undefined || Buffer.isBuffer(content)) return content?.toString()
      throw new FileError(content.code, `${file}: ${content.why}`)
    },
    async write(text) {
      await mkdir(folder, { mode: 0o700 }).catch(error => {
        if (codeOf(error) !== 'EEXIST') throw error
      })
      await withLock(file, lock => rewriteFile(file, [text], lock))
    },
  }
}
