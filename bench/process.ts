/**
 * Process: what /proc says of the servers under test (proc(5)). Linux only.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Ticks of utime and stime, USER_HZ: 100 on every Linux that Node runs on. */
const tickMs = 10

/** Fields 3 (state), 4 (parent), …; the second one is in brackets and may hold blanks. */
function stat(pid: number): { command: string; fields: string[] } {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const close = text.lastIndexOf(')')
  return { command: text.slice(text.indexOf('(') + 1, close), fields: text.slice(close + 2).split(' ') }
}

/** Processor time of a process so far, all threads, user and system. */
export function cpuMs(pid: number): number {
  const { fields } = stat(pid)
  return (Number(fields[11]) + Number(fields[12])) * tickMs
}

/** Resident memory. */
export function residentMiB(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
  return Number(kilobytes) / 1024
}

/** The children of a process that run a command. */
export function children(parent: number, command: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(pid => {
      if (!Number.isInteger(pid)) return false
      try {
        const found = stat(pid)
        return found.command === command && Number(found.fields[1]) === parent
      } catch {
        return false // gone meanwhile
      }
    })
}
