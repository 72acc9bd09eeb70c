/**
 * Progress: a bar on a terminal, and nothing elsewhere. The only importer of cli-progress, loaded when there is one.
 *
 * The bar erases the line it is on when it stops: that comes before anything else is said.
 */
import { Writable } from 'node:stream'

export type Progress = {
  readonly update: (done: number, total: number) => void
  /** May be asked for again. */
  readonly stop: () => void
}

const none: Progress = { update() {}, stop() {} }
const signals = ['SIGINT', 'SIGTERM'] as const

/** `stream`: standard error, if that is a terminal. */
export async function createProgress(what: string, stream: unknown): Promise<Progress> {
  if (!(stream instanceof Writable && 'isTTY' in stream && stream.isTTY)) return none
  const { default: progress } = await import('cli-progress')
  const bar = new progress.SingleBar({
    format: `${what} {bar} {percentage}% ({value} of {total})`,
    stream,
    clearOnComplete: true,
    hideCursor: true,
    // Its own would go on after Ctrl-C.
    gracefulExit: false,
  })
  let started = false

  function stop(): void {
    if (!started) return
    started = false
    bar.stop()
    for (const signal of signals) process.off(signal, interrupt)
  }

  /** Cursor and line wrap come back; then the signal does what it does without a bar. */
  function interrupt(signal: NodeJS.Signals): void {
    stop()
    process.kill(process.pid, signal)
  }

  return {
    update(done, total) {
      if (!started) {
        for (const signal of signals) process.on(signal, interrupt)
        bar.start(total, 0)
      }
      started = true
      bar.update(done)
    },
    stop,
  }
}
