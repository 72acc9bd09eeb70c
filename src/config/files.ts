/**
 * Files: how bearerd.toml and the small files that it names are found and read. Each read has a limit.
 *
 * A name without a leading slash belongs to the folder of bearerd.toml; for secrets and certificates, to the service's
 * credentials first (systemd.exec(5): LoadCredential=, $CREDENTIALS_DIRECTORY), if there is such a file.
 */
import { constants } from 'node:fs'
import { access, type FileHandle, open } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'

/** A CA bundle has a quarter of this. */
const maxBytes = 1024 * 1024

export type FileText =
  | { readonly ok: true; readonly text: string; readonly mode: number }
  | { readonly ok: false; readonly message: string }

export type Folders = { readonly config: string; readonly credentials: string | undefined }

/** A whole text file. The message of a failure names the file and the cause, and quotes nothing of it. */
export async function readText(file: string): Promise<FileText> {
  let handle: FileHandle | undefined
  try {
    // O_NONBLOCK: opening a FIFO that nobody writes to would never end.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
    return await readFrom(handle, file)
  } catch (error) {
    const cause = error instanceof Error ? error.message.split(',')[0] : 'failed'
    return { ok: false, message: `cannot read ${file}: ${cause}` }
  } finally {
    await handle?.close()
  }
}

async function readFrom(handle: FileHandle, file: string): Promise<FileText> {
  const stats = await handle.stat()
  if (!stats.isFile()) return { ok: false, message: `cannot read ${file}: not a regular file` }
  const buffer = Buffer.alloc(maxBytes + 1)
  let length = 0
  for (let bytesRead = -1; bytesRead !== 0 && length < buffer.length; length += bytesRead)
    ({ bytesRead } = await handle.read(buffer, length, buffer.length - length))
  if (length > maxBytes) return { ok: false, message: `cannot read ${file}: longer than ${maxBytes} bytes` }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length))
    return { ok: true, text, mode: stats.mode & 0o777 }
  } catch {
    return { ok: false, message: `cannot read ${file}: not UTF-8` }
  }
}

/** The file that is meant by the name of a secret or certificate. */
export async function findCredential(name: string, { config, credentials }: Folders): Promise<string> {
  const candidate = credentials === undefined || isAbsolute(name) ? undefined : join(credentials, name)
  return candidate !== undefined && (await exists(candidate)) ? candidate : resolve(config, name)
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch {
    return false
  }
}

/** What to tell the owner of a secret whose file lets everybody read it; undefined: it does not. */
export function openToAll(mode: number): string | undefined {
  if ((mode & 0o004) === 0) return undefined
  return `readable by everybody (mode 0${mode.toString(8)}): take that away with "chmod o= FILE"`
}
