/**
 * Kick: ends the sessions that somebody has open, by `doveadm kick` (doveadm-kick(1)). bearerd refuses new logins by
 * itself; only Dovecot can end those that were let in before.
 *
 * Never a failure: what was changed on disk stays changed, so that the worst there is to say is a warning.
 */
import { type ExecFileException, execFile } from 'node:child_process'
import { quote } from '../config/values.ts'

const deadlineMs = 10_000
const maxOutput = 64 * 1024
/** Nobody of this name is logged in (src/doveadm/doveadm.h: DOVEADM_EX_NOTFOUND). */
const notFound = 68

/** Resolves with a warning, or undefined if all is well. `address` is the canonical one of an account. */
export async function kick(address: string): Promise<string | undefined> {
  const problem = isMask(address) ? 'doveadm would take its name for something else' : await runDoveadm(address)
  return problem && `warning: sessions of ${address} may still be open: ${problem}`
}

/** An option, or a pattern that other names match too (src/doveadm/doveadm-who.c); there is no way to quote it. */
function isMask(address: string): boolean {
  return address.startsWith('-') || address.includes('?')
}

/** Resolves with what went wrong. */
function runDoveadm(address: string): Promise<string | undefined> {
  return new Promise(resolve => {
    const options = { timeout: deadlineMs, killSignal: 'SIGKILL', maxBuffer: maxOutput } as const
    execFile('doveadm', ['kick', address], options, (error, output, complaint) =>
      resolve(error === null ? describeOutput(address, output) : describeFailure(error, complaint)),
    )
  })
}

/** A process that serves others too is left alone, with exit code 0 (src/doveadm/doveadm-kick.c:kick_users). */
function describeOutput(address: string, output: string): string | undefined {
  if (!output.startsWith('warning:')) return undefined
  return `they share a process with others; "doveadm kick -f ${address}" ends those too`
}

function describeFailure({ code, killed }: ExecFileException, complaint: string): string | undefined {
  if (code === notFound) return undefined
  if (code === 'ENOENT') return 'there is no doveadm on this host'
  if (killed) return `doveadm kick took more than ${deadlineMs / 1000} s`
  const [line = ''] = complaint.trim().split('\n').slice(-1)
  return `doveadm kick failed (${code})${line === '' ? '' : `: ${quote(line)}`}`
}
