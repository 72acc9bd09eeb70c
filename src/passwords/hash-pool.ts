/**
 * Hash pool: threads that check imported hashes. The only importer of tinypool, which is loaded with the first check.
 *
 * A thread that has had nothing to do for half a minute ends; one that is at a check for too long is ended, and the check
 * fails. How many checks there may be at a time is the caller's business: here each gets a thread at once.
 */
import { extname } from 'node:path'
import type { Tinypool } from 'tinypool'
import { describeError, type Log } from '../log.ts'
import type { HashTask } from './hash-worker.ts'

export type HashPool = {
  readonly threads: number
  /** Rejects when the thread failed or was too slow. */
  check(task: HashTask): Promise<boolean>
  close(): Promise<void>
}

/** Needed by the first check, and loaded with it, or before. */
export const loadHashPool = () => import('tinypool')

const idleMs = 30_000
/** A login has 8 s; the dearest hash that is let in takes about as long. */
const deadlineMs = 8_000

/** Argon2 takes 64 MiB and more for each of the threads. */
export function createHashPool(log: Log, threads: number): HashPool {
  let pool: Promise<Tinypool> | undefined

  async function start(): Promise<Tinypool> {
    const { Tinypool } = await loadHashPool()
    const extension = extname(import.meta.url)
    const started = new Tinypool({
      // Beside this file, whether that has been compiled or not.
      filename: new URL(`./hash-worker${extension}`, import.meta.url).href,
      ...(extension === '.ts' ? { execArgv: loaderOfSource() } : {}),
      name: 'checkHash',
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: idleMs,
    })
    // A thread that ends while it has nothing to do would otherwise end the process.
    started.on('error', error => log.error({ event: 'fault', ...describeError(error) }, 'a hashing thread failed'))
    return started
  }

  return {
    threads,
    async check(task) {
      const tooSlow = new AbortController()
      // Also keeps a process alive until the answer is there, as threads don't.
      const deadline = setTimeout(() => tooSlow.abort(), deadlineMs)
      try {
        pool ??= start()
        return (await (await pool).run(task, { signal: tooSlow.signal })) === true
      } finally {
        clearTimeout(deadline)
      }
    },
    async close() {
      const running = await pool
      await running?.destroy()
    },
  }
}

/** A thread doesn't inherit the loader that runs TypeScript in development (Node 20). */
function loaderOfSource(): string[] {
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  return ['--import', `data:text/javascript,import { register } from ${loader}; register()`]
}
