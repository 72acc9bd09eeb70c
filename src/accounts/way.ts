/**
 * Way: the way to a file, one directory after the other, as the system would go it, but not through others' links.
 *
 * Whoever may write in a directory can put a symbolic link there, and lead root to any file of the system. So a link is
 * followed only if it is root's or the effective user's, in the middle of the way as at its end, also where there is
 * nothing yet. (Linux does the same in sticky directories, proc(5): protected_symlinks.)
 *
 * Limits: it tells how things are now. Where somebody else may change them meanwhile, act as him (`as-owner.ts`).
 */
import type { Stats } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import { isAbsolute, join, resolve, sep } from 'node:path'
import { FileError } from './file-error.ts'
import { codeOf } from './stamp.ts'

export type Step = {
  /** Without links. */
  readonly path: string
  /** Undefined: nothing there. Only at the end. */
  readonly status: Stats | undefined
}

/** As many as Linux follows. */
const maxLinks = 40

/** Every directory, the uppermost first, and then the file. Throws a FileError at a link that isn't followed. */
export async function* wayTo(file: string): AsyncGenerator<Step> {
  const names = namesIn(resolve(file))
  let path: string = sep
  let links = 0
  yield { path, status: await lstat(path) }
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const next = join(path, name)
    const status = await lstat(next).catch((error: unknown) => {
      if (names.length > 0 || codeOf(error) !== 'ENOENT') throw error
      return undefined
    })
    if (status?.isSymbolicLink()) {
      if (!isTrusted(status)) throw foreignLink(file, next, status)
      if (++links > maxLinks) throw new FileError('ELOOP', `${file} was not changed: ${next} leads in a circle`)
      const aim = await readlink(next)
      names.unshift(...namesIn(aim))
      if (isAbsolute(aim)) path = sep
    } else {
      path = next
      yield { path, status }
    }
  }
}

/** Where the way ends. */
export async function targetOf(file: string): Promise<string> {
  let target = file
  for await (const { path } of wayTo(file)) target = path
  return target
}

function namesIn(path: string): string[] {
  return path.split(sep).filter(name => name !== '')
}

function isTrusted({ uid }: Stats): boolean {
  return uid === 0 || uid === process.geteuid?.()
}

function foreignLink(file: string, link: string, { uid }: Stats): FileError {
  const why = `${link} is a symbolic link of user ${uid}, and only root's and one's own are followed`
  return new FileError('EACCES', `${file} was not changed: ${why}; remove it, or if it is meant: chown -h root ${link}`)
}
