/**
 * As owner: what root's commands do to a file, they do as the user whose directory it is in.
 *
 * That user can put anything in the file's place, at any moment: a symbolic link, another directory. Whoever follows
 * it with root's rights does to the system what she wants. With her own rights he does no more than she could herself.
 * Whose directory: of all on the way to the file the first that isn't root's, since whoever has that one has what is
 * below.
 *
 * Effective ids only, so that the way back is open. They are the whole process's: for commands, which do one thing at a
 * time, never for the daemon. Nesting is fine, each time from root.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { explained, FileError } from './file-error.ts'
import { codeOf } from './stamp.ts'
import { wayTo } from './way.ts'

type Identity = { readonly uid: number; readonly gid: number; readonly groups: readonly number[] }

const root: Identity = { uid: 0, gid: process.getegid?.() ?? 0, groups: process.getgroups?.() ?? [] }
let acting = root

/** Run by anybody but root, it is only the work. */
export async function asOwnerOf<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  if (process.getuid?.() !== 0) return work()
  const before = acting
  become(root)
  try {
    const owner = await findOwner(file)
    if (owner !== undefined) becomeOwner(file, owner)
    return await work()
  } finally {
    become(before)
  }
}

/** root's only, to see what another user could do. `gid`: her own group. */
export async function asUser<Result>(uid: number, gid: number, work: () => Promise<Result>): Promise<Result> {
  const before = acting
  become(root)
  try {
    become(await identify(uid, gid))
    return await work()
  } finally {
    become(before)
  }
}

/** Undefined: all is root's. A directory that doesn't exist is for the work to complain of. */
async function findOwner(file: string): Promise<Identity | undefined> {
  try {
    for await (const { status } of wayTo(file))
      if (status?.isDirectory() && status.uid !== 0) return await identify(status.uid, status.gid)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') await explained(file, () => Promise.reject(error))
  }
  return undefined
}

/** With her other groups too, if the system knows her: she must be able to read what the daemon reads. */
async function identify(uid: number, gid: number): Promise<Identity> {
  const { stdout } = await promisify(execFile)('id', ['-G', String(uid)]).catch(() => ({ stdout: '' }))
  return { uid, gid, groups: [...new Set([gid, ...(stdout.match(/\d+/g) ?? []).map(Number)])] }
}

function becomeOwner(file: string, owner: Identity): void {
  try {
    become(owner)
  } catch (error) {
    const code = codeOf(error)
    const why = `it is in a directory of user ${owner.uid}, and root may not act as her here (${code})`
    throw new FileError(code, `${file} was not changed: ${why}; run this as that user`, error)
  }
}

function become(next: Identity): void {
  if (next === acting) return
  process.seteuid?.(0)
  process.setgroups?.([...next.groups])
  process.setegid?.(next.gid)
  process.seteuid?.(next.uid)
  acting = next
}
