/**
 * State directory (`state-dir`): where the password file and its last uses are. It need not be there as long as nobody has
 * an app password, but then somebody should know; and where nothing can be written, last uses are lost.
 */
import { access, constants, stat } from 'node:fs/promises'
import { codeOf } from '../accounts/stamp.ts'
import { fileProblem, type Problem } from '../config/problem.ts'

/** What is wrong with it: at most a warning. */
export async function checkStateDir(stateDir: string): Promise<Problem | undefined> {
  try {
    const status = await stat(stateDir)
    if (!status.isDirectory()) return warning(stateDir, 'not a directory')
  } catch (error) {
    return warning(stateDir, codeOf(error) === 'ENOENT' ? 'does not exist' : `can't be looked at (${codeOf(error)})`)
  }
  try {
    await access(stateDir, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return notWritable(stateDir, codeOf(error))
  }
}

function notWritable(stateDir: string, code: string): Problem {
  const uid = process.getuid?.()
  const cure =
    code === 'EROFS' ? 'the file system is read-only for bearerd' : `"chown ${uid} ${stateDir}" as root mends it`
  const message = `user ${uid} can't write there (${code}), so that the last uses of app passwords are lost; ${cure}`
  return fileProblem(stateDir, message, 'warning')
}

function warning(stateDir: string, what: string): Problem {
  return fileProblem(
    stateDir,
    `${what}, so that there are no app passwords; create it, or correct state-dir`,
    'warning',
  )
}
