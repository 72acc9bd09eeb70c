/**
 * Log: one line an event, JSON on stdout for the journal or coloured for a terminal. The only importer of pino.
 *
 * Severity and what follows from it:
 *   debug  what a developer wants to see            info   normal life: a login, a reload, a provider back again
 *   warn   something an administrator should mend   error  something is not working until she does
 * A line names the cause, and the cure where there is one. Tokens, passwords and secrets never come here: there is no
 * redaction to rely on (pino's misses nested keys and message texts), so nothing secret may be passed in.
 */
import { isatty } from 'node:tty'
import pino from 'pino'
import pretty from 'pino-pretty'
import type { LogConfig } from './config/config.ts'

export type Log = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** For commands that print what they find. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

export type ProcessLog = Log & {
  /** Waits until what is buffered is written, but not for long. To be called before the process ends. */
  flush(): Promise<void>
}

/** What is kept for a reader of stdout that has stopped reading; further lines are dropped. */
const bufferLimit = 16 * 1024 * 1024
const flushLimitMs = 1_000
/** Lines wait so long for others, so that a busy daemon doesn't spend its time in write(2). */
const gatherMs = 10
const gatherBytes = 65_536

/** journald stamps the time itself, so JSON lines carry none when it reads them (JOURNAL_STREAM is set). */
export function createLog({ level, format }: LogConfig): ProcessLog {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    formatters: { level: label => ({ level: label }) },
    timestamp: process.env.JOURNAL_STREAM === undefined ? createTimestamp() : false,
  }
  if (format === 'pretty') {
    const stream = pretty({ colorize: isatty(1), ignore: 'pid,hostname', sync: true })
    return Object.assign(pino(options, stream), { flush: async () => {} })
  }
  const output = createOutput(process.stdout)
  return Object.assign(pino(options, output), { flush: output.flush })
}

/** RFC 3339, written out once a millisecond: a busy daemon logs tens of lines in one. */
function createTimestamp(): () => string {
  let writtenMs = 0
  let text = ''
  return () => {
    const nowMs = Date.now()
    if (nowMs !== writtenMs) {
      writtenMs = nowMs
      text = `,"time":"${new Date(nowMs).toISOString()}"`
    }
    return text
  }
}

/**
 * Lines are written in order, those of 10 ms at once. A slow reader of stdout delays no login, and a
 * stalled one not the end of the process: Node writes to pipes and sockets without blocking. `pino.destination` leaves
 * that to a thread, and a process whose thread is stuck in write(2) can't exit.
 */
function createOutput(stdout: NodeJS.WriteStream) {
  // Bytes from the start: a text that grows by pieces for 10 ms is what garbage collection would spend its time on.
  const gathered = Buffer.allocUnsafe(gatherBytes)
  let used = 0
  let timer: NodeJS.Timeout | undefined

  function send(written?: () => void): void {
    clearTimeout(timer)
    timer = undefined
    stdout.write(Buffer.from(gathered.subarray(0, used)), written)
    used = 0
  }
  // stdout is gone: nobody is left to tell.
  stdout.on('error', () => {})
  return {
    write(line: string): void {
      const mostBytes = 3 * line.length
      if (stdout.writableLength + used + line.length > bufferLimit) return
      if (used + mostBytes > gatherBytes) send()
      if (mostBytes > gatherBytes) stdout.write(line)
      else used += gathered.write(line, used)
      timer ??= setTimeout(send, gatherMs)
    },
    async flush(): Promise<void> {
      let limit: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => {
        limit = setTimeout(resolve, flushLimitMs)
      })
      await Promise.race([new Promise<void>(resolve => send(resolve)), late])
      clearTimeout(limit)
    },
  }
}

/** What of an unknown thrown value may be logged: its class and stack without the message, which may quote input. */
export function describeError(error: unknown): { error: string; stack?: string } {
  if (!(error instanceof Error)) return { error: typeof error }
  const frames = error.stack
    ?.split('\n')
    .filter(line => /^\s+at /.test(line))
    .map(line => line.trim())
    .join(' | ')
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  return frames === undefined ? { error: `${error.name}${code}` } : { error: `${error.name}${code}`, stack: frames }
}
