/**
 * Daemon's user: whether she can use what root has put there. root's commands read everything; the daemon, which runs as
 * somebody else, would only say at its next load that it can't.
 *
 * She is the owner of the state directory; where that is root's, the user `bearerd`, if there is one. By mode bits as far as
 * directories go: access control lists aren't looked at.
 */
import { execFile } from 'node:child_process'
import { constants, type Stats } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { asUser } from '../accounts/as-owner.ts'
import { bindingFile } from '../accounts/binding-file.ts'
import { codeOf } from '../accounts/stamp.ts'
import type { Config } from '../config/config.ts'
import { fileProblem, type Problem } from '../config/problem.ts'
import { passwordFile } from '../passwords/paths.ts'
import type { Terminal } from './terminal.ts'

type User = {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** What the daemon's user can't read, or not write in. Only root is told: to others it happens. */
export async function checkOwners({ stateDir, accounts, appPasswords, directories }: Config): Promise<Problem[]> {
  const user = await findUser(stateDir)
  if (user === undefined) return []
  const binds = directories.some(({ bind }) => bind === 'first-login')
  const passwords = appPasswords.enabled ? [passwordFile(stateDir)] : []
  const files = [...accounts.files, ...passwords, ...(binds ? [bindingFile(stateDir)] : [])]
  const problems: Problem[] = []
  for (const file of files)
    if (!(await canRead(file, user))) problems.push(fileProblem(file, unreadable(file, user), 'warning'))
  const status = appPasswords.enabled || binds ? await statusOf(stateDir) : undefined
  if (status !== undefined && !(await canWriteIn(stateDir, status, user))) {
    const cure = `"install -d -o ${user.name} -g ${user.gid} -m 0700 ${stateDir}" makes it hers`
    problems.push(fileProblem(stateDir, `bearerd's user ${user.name} can't write there; ${cure}`, 'warning'))
  }
  return problems
}

/** Does the work. If it has made the file, and the daemon's user can't read that, root is told how she could. */
export async function warningOfNew<Result>(
  file: string,
  stateDir: string,
  { error }: Terminal,
  work: () => Promise<Result>,
): Promise<Result> {
  const user = (await statusOf(file)) === undefined ? await findUser(stateDir) : undefined
  const result = await work()
  if (user !== undefined && !(await canRead(file, user))) error.write(`warning: ${file} ${unreadable(file, user)}\n`)
  return result
}

/** Undefined: nobody to ask for, or we aren't root, who alone can see what others may. */
async function findUser(stateDir: string): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const owner = await statusOf(stateDir)
  if (owner !== undefined && owner.uid !== 0) return { name: String(owner.uid), uid: owner.uid, gid: owner.gid }
  const [uid, gid] = [await ask('-u'), await ask('-g')]
  return uid === undefined || gid === undefined ? undefined : { name: 'bearerd', uid, gid }
}

async function ask(option: '-u' | '-g'): Promise<number | undefined> {
  const { stdout } = await promisify(execFile)('id', [option, 'bearerd']).catch(() => ({ stdout: '' }))
  return /^\d+\n$/.test(stdout) ? Number(stdout) : undefined
}

/** What isn't there is another's to complain of. */
async function canRead(file: string, { uid, gid }: User): Promise<boolean> {
  try {
    // Not to be held up by a FIFO that nobody writes to.
    const handle = await asUser(uid, gid, () => open(file, constants.O_RDONLY | constants.O_NONBLOCK))
    await handle.close()
    return true
  } catch (error) {
    return codeOf(error) !== 'EACCES'
  }
}

async function canWriteIn(folder: string, { mode, uid, gid }: Stats, user: User): Promise<boolean> {
  try {
    return await asUser(user.uid, user.gid, async () => {
      await stat(folder)
      const groups = [user.gid, ...(process.getgroups?.() ?? [])]
      const bits = uid === user.uid ? mode >> 6 : groups.includes(gid) ? mode >> 3 : mode
      return (bits & 0o3) === 0o3
    })
  } catch (error) {
    // EPERM: root may not act as others here, and so sees nothing.
    return codeOf(error) !== 'EACCES'
  }
}

/** Undefined: not there, or out of reach. */
function statusOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined)
}

function unreadable(file: string, { name, gid }: User): string {
  return `can't be read by bearerd's user ${name}; "chown ${name}:${gid} ${file}" mends that, if the directory lets her in`
}
