/**
 * Watch: what the stores of accounts and passwords do all the time: a look whether their files have changed, again and
 * again, and one piece of work after the other.
 */

export type Watch = {
  start(): void
  stop(): void
}

/** Looks once in `everyMs`, never twice at a time. What goes wrong is told, and doesn't end it. */
export function createWatch(everyMs: number, look: () => Promise<unknown>, failed: (error: unknown) => void): Watch {
  let timer: NodeJS.Timeout | undefined

  function start(): void {
    timer = setTimeout(() => {
      look()
        .catch(failed)
        .finally(() => timer && start())
    }, everyMs).unref()
  }

  return {
    start,
    stop() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}

/** In the order in which it is given. */
export function createQueue(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const done = last.then(work)
    last = done.catch(() => {})
    return done
  }
}
