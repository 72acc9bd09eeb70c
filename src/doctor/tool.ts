/**
 * Tool: asks a program of the mail servers or the system for what it knows, within a time, in the language that is
 * parsed here.
 */
import { execFile } from 'node:child_process'
import { errorCode } from '../oidc/fault.ts'

export type Told =
  | { readonly kind: 'text'; readonly text: string }
  /** The program isn't installed. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly why: string }

const timeoutMs = 10_000
const maxBytes = 8 * 1024 * 1024

export function askTool(command: string, args: readonly string[]): Promise<Told> {
  // Where Debian keeps postconf, for those who aren't root.
  const env = { ...process.env, PATH: [process.env.PATH, '/usr/sbin'].filter(Boolean).join(':'), LC_ALL: 'C' }
  return new Promise(resolve => {
    execFile(command, [...args], { env, timeout: timeoutMs, maxBuffer: maxBytes }, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: 'text', text: stdout })
      else if (errorCode(error) === 'ENOENT') resolve({ kind: 'absent' })
      else resolve({ kind: 'failed', why: stderr.trim().split('\n').at(-1) || `${command} ended with ${error.code}` })
    })
  })
}
