/**
 * Log: one line an event, JSON on stdout for the journal or coloured for a terminal. The only importer of pino.
 * docs/reference/log.md lists the events.
 *
 * Severity and what follows from it:
 *   debug  what a developer wants to see            info   normal life: a login, a reload, a provider back again
 *   warn   something an administrator should mend   error  something is not working until she does
 * A line names the cause, and the cure where there is one. Tokens, passwords and secrets never come here: there is no
 * redaction to rely on (pino's misses nested keys and message texts), so nothing secret may be passed in.
 *
 * Where stdout is the journal (systemd.exec(5), JOURNAL_STREAM), a line begins with its priority, `<N>` as in
 * sd-daemon(3), which the journal takes off: `journalctl -p warning` finds what it should. The time is the journal's own.
 */
import { fstatSync } from 'node:fs'
import { isatty } from 'node:tty'
import pino from 'pino'
import pretty from 'pino-pretty'
import type { LogConfig } from './config/config.ts'
import { escaped } from './escape.ts'

export type Log = {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** For commands that print what they find. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

export type LogLevel = LogConfig['level']

export type ProcessLog = Log & {
  level(): LogLevel
  /** Lines below are dropped from now on. */
  setLevel(level: LogLevel): void
  /** Waits until what is buffered is written, but not for long. To be called before the process ends. */
  flush(): Promise<void>
}

/** What is kept for a reader of stdout that has stopped reading; further lines are dropped. */
const bufferLimit = 16 * 1024 * 1024
const flushLimitMs = 1_000
/** Lines wait so long for others, so that a busy daemon doesn't spend its time in write(2). */
const gatherMs = 10
const gatherBytes = 65_536
const prefixBytes = 3

type Output = {
  /** `priority`: the journal's. */
  write(line: string, priority?: number): void
  flush(): Promise<void>
}

/** pino's number of a level (by which it tells the stream) → syslog's priority (sd-daemon(3): SD_ERR … SD_DEBUG). */
const priorities: Readonly<Record<number, number>> = { 20: 7, 30: 6, 40: 4, 50: 3 }

export function createLog({ level, format }: LogConfig): ProcessLog {
  const journal = isJournal(1, process.env.JOURNAL_STREAM)
  const options: pino.LoggerOptions = {
    level,
    base: null,
    formatters: { level: label => ({ level: label }) },
    timestamp: journal ? false : createTimestamp(),
  }
  const isPretty = format === 'pretty'
  if (isPretty && !journal) {
    const stream = pretty({ colorize: isatty(1), ignore: 'pid,hostname', sync: true })
    return wrap(pino(options, stream), async () => {})
  }
  const output = createOutput(process.stdout)
  if (!journal) return wrap(pino(options, output), output.flush)
  const prettify = isPretty ? createPrettify() : undefined
  return wrap(pino(options, withPriority(output, prettify)), output.flush)
}

function wrap(logger: pino.Logger, flush: () => Promise<void>): ProcessLog {
  return {
    // pino puts other functions in the place of these when the level changes.
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    level: () => logger.level as LogLevel,
    setLevel: level => {
      logger.level = level
    },
    flush,
  }
}

/** An entry of the journal is one line: a second one would begin with a priority of its own, whoever wrote what is in it. */
function createPrettify(): (line: string) => string {
  const prettify = pretty.prettyFactory({ colorize: false, singleLine: true, errorLikeObjectKeys: [] })
  return line => `${escaped(prettify(line).trimEnd())}\n`
}

/** pino tells a stream that asks for it the level of the line to come (pino's api.md, "pino.metadata"). */
function withPriority(output: Pick<Output, 'write'>, prettify: ((line: string) => string) | undefined) {
  const stream = {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write: (line: string): void =>
      output.write(prettify === undefined ? line : prettify(line), priorities[stream.lastLevel]),
  }
  return stream
}

/** Standard error, for what keeps the process from starting. In the journal each line has the priority of an error. */
export function errorOutput(): { write(line: string): unknown } {
  if (!isJournal(2, process.env.JOURNAL_STREAM)) return process.stderr
  return { write: line => process.stderr.write(`<${priorities[50]}>${line}`) }
}

/** Compared, since a child whose output goes elsewhere inherits the variable. */
function isJournal(fd: number, stream: string | undefined): boolean {
  if (stream === undefined) return false
  const { dev, ino } = fstatSync(fd, { bigint: true })
  return stream === `${dev}:${ino}`
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
function createOutput(stdout: NodeJS.WriteStream): Output {
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
  /** `<6>`, by the byte: not every line should cost another call into Node's C++. */
  function prefix(priority: number): void {
    gathered[used++] = 0x3c
    gathered[used++] = 0x30 + priority
    gathered[used++] = 0x3e
  }
  // stdout is gone: nobody is left to tell.
  stdout.on('error', () => {})
  return {
    write(line, priority) {
      const mostBytes = 3 * line.length + prefixBytes
      if (stdout.writableLength + used + line.length > bufferLimit) return
      if (used + mostBytes > gatherBytes) send()
      if (priority !== undefined) prefix(priority)
      if (mostBytes > gatherBytes) {
        if (used > 0) send()
        stdout.write(line)
      } else used += gathered.write(line, used)
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
