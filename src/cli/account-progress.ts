/** Progress: a bar on a terminal, and nothing elsewhere. The only importer of cli-progress, loaded when there is one. */

export type Progress = {
  readonly update: (done: number, total: number) => void
  readonly stop: () => void
}

const none: Progress = { update() {}, stop() {} }

export async function createProgress(what: string): Promise<Progress> {
  if (!process.stderr.isTTY) return none
  const { default: progress } = await import('cli-progress')
  const bar = new progress.SingleBar({
    format: `${what} {bar} {percentage}% ({value} of {total})`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  })
  let started = false
  return {
    update(done, total) {
      if (!started) bar.start(total, 0)
      started = true
      bar.update(done)
    },
    stop() {
      if (started) bar.stop()
    },
  }
}
