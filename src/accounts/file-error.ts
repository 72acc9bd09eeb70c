/**
 * File error: why a file could not be changed, for the administrator who reads it: which file, the cause, the cure. The
 * system's own error is its cause, and its code is kept.
 */
import { dirname } from 'node:path'

export class FileError extends Error {
  override readonly name = 'FileError'
  /** `ENOSPC` and the like; `ELOCKED` where somebody else holds the lock, `ELOST` where it was taken away. */
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** Does the work. A system error of it comes out as a FileError; what is no system error is nobody's file's fault. */
export async function explained<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw explain(file, error)
  }
}

function explain(file: string, error: unknown): unknown {
  if (error instanceof FileError || !(error instanceof Error)) return error
  const { code, path }: NodeJS.ErrnoException = error
  if (code === undefined) return error
  return new FileError(code, `${file} was not changed: ${reason(code, path ?? file) ?? error.message}`, error)
}

function reason(code: string, path: string): string | undefined {
  switch (code) {
    case 'ENOSPC':
      return `the disk is full (${code}); make room on the file system of ${dirname(path)} and try again`
    case 'EDQUOT':
      return `the disk quota is used up (${code}); raise it, or make room, and try again`
    case 'EROFS':
      return `the file system of ${dirname(path)} is read-only (${code}); see "dmesg" for why, and mount it writable`
    case 'EACCES':
    case 'EPERM':
      return noPermission(code, path)
    case 'ENOENT':
      return `${path} does not exist (${code}); create it first`
    case 'EIO':
      return `the disk reports an error (${code}); see "dmesg"`
    default:
      return undefined
  }
}

function noPermission(code: string, path: string): string {
  const user = process.geteuid?.()
  // `as-owner.ts`
  if (process.getuid?.() === 0 && user !== 0)
    return `user ${user}, as whom root works in her directory, has no permission (${code} on ${path}); see that it is where it should be, and hers`
  return `user ${user} has no permission (${code} on ${path}); run this as root or as the file's owner`
}
