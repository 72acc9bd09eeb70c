/**
 * State directory (`state-dir`): where the password file and its last uses are. It need not be there as long as nobody has
 * an app password, but then somebody should know.
 */
import { stat } from 'node:fs/promises'
import { codeOf } from '../accounts/stamp.ts'
import type { Problem } from '../config/problem.ts'
import { problem } from './load.ts'

/** What is wrong with it: at most a warning. */
export async function checkStateDir(stateDir: string): Promise<Problem | undefined> {
  try {
    const status = await stat(stateDir)
    return status.isDirectory() ? undefined : warning(stateDir, 'not a directory')
  } catch (error) {
    return warning(stateDir, codeOf(error) === 'ENOENT' ? 'does not exist' : `can't be looked at (${codeOf(error)})`)
  }
}

function warning(stateDir: string, what: string): Problem {
  return problem(stateDir, `${what}, so that there are no app passwords; create it, or correct state-dir`, 'warning')
}
