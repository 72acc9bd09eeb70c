/**
 * `bearerd serve`: the daemon in the foreground, until SIGTERM or SIGINT. SIGHUP reads the account files again.
 */
import { startDaemon } from '../daemon.ts'
import { createLog, describeError, type ProcessLog } from '../log.ts'
import { loadConfigOrReport } from './config.ts'
import { exit } from './exit.ts'

export async function runServe(file: string): Promise<number> {
  const loaded = await loadConfigOrReport(file)
  if (loaded === undefined) return exit.config
  const { config, problems } = loaded
  const log = createLog(config.log)
  for (const { line, path, message } of problems) log.warn({ event: 'config', file, line, path }, message)
  keepGoing(log)
  const end = terminated()
  // Whoever waits for READY=1 or the ready line may send a signal at once: the handlers are there before.
  let reload = (): void => {}
  process.on('SIGHUP', () => reload())
  try {
    const daemon = await startDaemon(config, log)
    reload = () => void daemon.reload()
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

/** What an administrator can mend says so in its message; a stack would only hide it. */
function isExpected(error: unknown): boolean {
  return error instanceof Error && ['Error', 'ListenError'].includes(error.name)
}

function startProblem(error: unknown): string {
  return error instanceof Error ? error.message : 'start failed'
}

/** Handled once: the second signal ends a drain that takes too long for whoever sent the first. */
function terminated(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
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
