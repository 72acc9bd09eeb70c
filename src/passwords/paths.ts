/** Paths: the files in the state directory (`state-dir`) that passwords are kept in. */
import { join } from 'node:path'

/** Written by the commands, read by the daemon. */
export function passwordFile(stateDir: string): string {
  return join(stateDir, 'app-passwords.jsonl')
}

/** Written by the daemon alone. */
export function lastUsedFile(stateDir: string): string {
  return join(stateDir, 'app-passwords.last-used.jsonl')
}
