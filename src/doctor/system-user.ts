/**
 * System user: whether a mail server's user can get to a socket: by the permission bits of everything on the way, and,
 * where we are root, by a process of that user's which connects. Access control lists show in the second only.
 */
import { execFile } from 'node:child_process'
import type { Stats } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { askTool } from './tool.ts'

export type SystemUser = {
  readonly name: string
  readonly uid: number
  /** Her own first. */
  readonly groups: readonly number[]
}

/** Undefined: there is no such user here. `further`: "all" groups that she is a member of, or these, by name. */
export async function findUser(name: string, further: 'all' | readonly string[]): Promise<SystemUser | undefined> {
  const ask = async (option: string): Promise<number[]> => {
    const told = await askTool('id', [option, '--', name])
    return told.kind === 'text' ? (told.text.match(/\d+/g) ?? []).map(Number) : []
  }
  const [uid] = await ask('-u')
  const more = further === 'all' ? await ask('-G') : (await Promise.all(further.map(findGroup))).flat()
  const groups = [...(await ask('-g')), ...more]
  return uid === undefined || groups.length === 0 ? undefined : { name, uid, groups: [...new Set(groups)] }
}

/** group(5): the third field. */
async function findGroup(name: string): Promise<number[]> {
  const told = await askTool('getent', ['group', name])
  const gid = told.kind === 'text' ? /^[^:]*:[^:]*:(\d+):/.exec(told.text)?.[1] : undefined
  return gid === undefined ? [] : [Number(gid)]
}

/** What stands in her way to the socket, by permission bits: a directory, or the socket itself. Undefined: nothing. */
export async function obstacleOn(path: string, user: SystemUser): Promise<string | undefined> {
  if (user.uid === 0) return undefined
  const folder = await realpath(dirname(path))
  let current: string = sep
  for (const name of ['', ...folder.split(sep).filter(part => part !== '')]) {
    current = join(current, name)
    if (!may(await stat(current), user, 0o1)) return current
  }
  return may(await stat(path), user, 0o2) ? undefined : path
}

function may({ mode, uid, gid }: Stats, user: SystemUser, wanted: number): boolean {
  const bits = uid === user.uid ? mode >> 6 : user.groups.includes(gid) ? mode >> 3 : mode
  return (bits & wanted) === wanted
}

/** Gives up root for good, so it is a process of its own. */
const connectScript = `
const [path, uid, ...groups] = process.argv.slice(1)
process.setgroups(groups.map(Number))
process.setgid(Number(groups[0]))
process.setuid(Number(uid))
require('node:net').connect(path)
  .on('connect', () => process.exit(0))
  .on('error', error => { process.stdout.write(error.code); process.exit(1) })
`

/** root's only. The code of the failure, or undefined. */
export function connectAs(path: string, { uid, groups }: SystemUser): Promise<string | undefined> {
  const args = ['--eval', connectScript, path, String(uid), ...groups.map(String)]
  return new Promise(resolve => {
    execFile(process.execPath, args, { timeout: 10_000, env: {} }, (error, stdout) => {
      resolve(error === null ? undefined : stdout || 'no answer')
    })
  })
}
