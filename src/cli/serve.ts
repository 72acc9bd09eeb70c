/**
 * `bearerd serve`: the daemon in the foreground, until SIGTERM or SIGINT. SIGHUP has everything read again.
 */
import { loadConfig } from '../config/load.ts'
import { startDaemon } from '../daemon.ts'
import { createLog, describeError, type ProcessLog } from '../log.ts'
import { isExpected, logProblems } from '../state.ts'
import { loadConfigOrReport } from './config.ts'
import { exit } from './exit.ts'
import { preload } from './preload.ts'

export async function runServe(file: string, version: string): Promise<number> {
  const loaded = await loadConfigOrReport(file)
  if (loaded === undefined) return exit.config
  const { config, problems } = loaded
  const log = createLog(config.log)
  logProblems(problems, 'config', log)
  keepGoing(log)
  const end = terminated()
  // Node's own answer is a debugger at a port of loopback, by which any user of the machine would be bearerd's.
  process.on('SIGUSR1', () => {})
  try {
    const starting = startDaemon(config, log, { version, load: () => loadConfig(file, process.env) })
    // What has changed since the files were read: a start takes its time, too.
    process.on('SIGHUP', () => void starting.then(({ reload }) => reload()).catch(() => {}))
    const daemon = await starting
    void loadRest(log)
    await end
    await daemon.stop()
    return exit.done
  } catch (error) {
    log.error({ event: 'start', ...(isExpected(error) ? {} : describeError(error)) }, startProblem(error))
    return exit.config
  } finally {
    await log.flush()
  }
}

async function loadRest(log: ProcessLog): Promise<void> {
  try {
    await preload()
    log.debug({ event: 'preloaded' }, 'every module is loaded')
  } catch (error) {
    log.error({ event: 'fault', ...describeError(error) }, 'a module of bearerd is missing: install it again')
  }
}

function startProblem(error: unknown): string {
  return error instanceof Error ? error.message : 'start failed'
}

/**
 * The first signal; a second one ends a drain that takes too long for whoever sent it. The handler stays while bearerd
 * drains: where a signal has no other handler than its own, signal-exit (of proper-lockfile) ends the process.
 */
function terminated(): Promise<void> {
  return new Promise(resolve => {
    let draining = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => {
        if (draining) {
          process.removeAllListeners(signal)
          process.kill(process.pid, signal)
        }
        draining = true
        resolve()
      })
  })
}

/**
 * A fault in one request must not end the others: the request it belongs to runs into its deadline, which is a temporary
 * failure, and the log has the stack.
 */
function keepGoing(log: ProcessLog): void {
  const report = (error: unknown): void =>
    log.error({ event: 'fault', ...describeError(error) }, 'a fault in bearerd; please report the stack')
  process.on('uncaughtException', report)
  process.on('unhandledRejection', report)
}
