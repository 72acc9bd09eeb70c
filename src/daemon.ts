/**
 * Daemon: builds the parts, connects them, opens the listeners; reloads and drains them.
 *
 * A reload takes effect whole or not at all: what follows from the new configuration is made ready beside what is in force
 * (generation.ts, listeners.ts), and then takes its place in one turn of the event loop. Logins under way end as they
 * began; open connections ask the new generation from their next request on.
 *
 * A stop first closes the sockets for logins, then waits until mail processes have picked up what was granted, and closes
 * those for lookups last.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { createPenalty } from './auth/penalty.ts'
import { createTokenSizes, tokenSizesFile } from './auth/token-sizes.ts'
import type { Config } from './config/config.ts'
import { fileProblem, isError, type Problem } from './config/problem.ts'
import { createLogins } from './dovecot/logins.ts'
import { createGeneration, type Generation, type Means } from './generation.ts'
import { type Change, createListeners } from './listeners.ts'
import type { Log, LogLevel, ProcessLog } from './log.ts'
import { type Control, openControl } from './monitor/control.ts'
import { createMonitor } from './monitor/monitor.ts'
import { createManager, inheritedSockets } from './net/systemd.ts'
import { mechanisms } from './sasl/mechanisms.ts'
import { createState, logProblems, type StateOptions, statusLine, summary, whyNot } from './state.ts'
import type { ReloadOutcome, Status } from './status.ts'

/** An AUTH never takes longer (8 s). */
const lastLoginMs = 9_000

/**
 * From SIGTERM on. Who comes in time gets a verdict, within the default timeout of a directory, and time to make use of it;
 * and all in all, smtpd doesn't wait for the next bearerd as long as it would (10 s).
 */
const loginDrain = { quietMs: 250, lateMs: 2_000, endMs: 5_500 }
const redeemMs = 3_000
/** A list of all users may be under way. */
const lookupMs = 3_000
const drainMs = 8_500
/** For files to be written, and the rest of `[http]`: nobody waits for what a provider that hangs would say. */
const closeMs = 1_500

export type LoadedConfig = { readonly config: Config | undefined; readonly problems: readonly Problem[] }

export type DaemonOptions = Pick<StateOptions, 'version'> & {
  /** Reads the configuration again, for a reload; by default it stays as it is. */
  readonly load?: () => Promise<LoadedConfig>
}

export type DaemonLog = Log & Partial<Pick<ProcessLog, 'level' | 'setLevel'>>

export type Daemon = {
  /** Reads everything again, and puts all of it into force or nothing. One at a time; never rejects. */
  reload(): Promise<ReloadOutcome>
  status(): Status
  /** Lets requests under way finish, then closes everything. */
  stop(): Promise<void>
}

/** Resolves when every listener is open. Rejects, with everything closed again, if one can't be opened. */
export async function startDaemon(config: Config, log: DaemonLog, options: DaemonOptions = {}): Promise<Daemon> {
  const startedMs = performance.now()
  const known = mechanisms.map(({ name }) => name)
  const monitor = await createMonitor({ http: config.http, status: () => status(), mechanisms: known, log })
  const { telemetry } = monitor
  const manager = createManager()
  const sizes = createTokenSizes(tokenSizesFile(config.stateDir), log)
  const means: Means = { sizes, penalty: createPenalty(), telemetry, log, inForce: () => inForce }
  const level = (): LogLevel => log.level?.() ?? inForce.config.log.level
  const state = createState(log, {
    ...options,
    level,
    logins: monitor.logins,
  })
  const logins = createLogins()
  const retired = createRetired()
  let inForce = await createGeneration(config, means)
  const listeners = createListeners({
    services: {
      authenticate: login => inForce.authenticate(login),
      accounts: () => inForce.accounts.current(),
      flush: () => inForce.directories.reduce((count, { tokens }) => count + tokens.flush(), 0),
      logins,
      telemetry,
    },
    inherited: inheritedSockets(process.env),
    drainTimes: loginDrain,
    log,
  })
  const status = (): Status => state.status(inForce, listeners)
  const line = (): string => statusLine(inForce, listeners)
  let control: Control | undefined

  async function close(): Promise<void> {
    await Promise.all([listeners.close('logins'), listeners.close('lookups')])
    await Promise.all([inForce.close(), retired.close(), sizes.close()])
    await Promise.all([control?.close(), monitor.close()])
  }

  const reloads = createTurns(async (): Promise<ReloadOutcome> => {
    if (state.is() !== 'running') return { ok: false, problems: [fileProblem(config.file, `bearerd is ${state.is()}`)] }
    void manager.tell('RELOADING=1')
    const outcome = await reload().catch(error => state.refuse([fileProblem(config.file, whyNot(error, log))]))
    if (state.is() === 'running') void manager.tell('READY=1', `STATUS=${line()}`)
    return outcome
  })

  try {
    const services = {
      status,
      reload: () => reloads.next(),
      logLevel: level,
      setLogLevel: (level: LogLevel) => log.setLevel?.(level),
    }
    control = await openControl(config.control.path, services, log)
    const monitored = await monitor.prepare(config.http)
    monitored.commit()
    await inForce.load('new')
    const change = await listeners.prepare(config, inForce.mechanisms)
    change.commit()
  } catch (error) {
    await close()
    throw error
  }

  /** All of a reload that may fail. */
  async function prepare(next: Config): Promise<Prepared> {
    const undo: (() => Promise<void>)[] = []
    const refuse = async (problems: readonly Problem[]): Promise<Prepared> => {
      for (const step of undo.reverse()) await step()
      return { kind: 'refused', problems }
    }
    try {
      const generation = await createGeneration(next, means, inForce)
      undo.push(generation.discard)
      const loaded = await generation.load('new')
      if (!loaded.complete) return await refuse(loaded.problems.filter(isError))
      const changes: Change[] = []
      for (const make of [() => monitor.prepare(next.http), () => listeners.prepare(next, generation.mechanisms)]) {
        const change = await make()
        changes.push(change)
        undo.push(change.undo)
      }
      if (state.is() === 'stopping') return await refuse([fileProblem(next.file, 'bearerd is stopping')])
      return { kind: 'ready', generation, changes }
    } catch (error) {
      return await refuse([fileProblem(next.file, whyNot(error, log))])
    }
  }

  function commit({ generation, changes }: Ready): void {
    const former = inForce
    inForce = generation
    for (const change of changes) change.commit()
    log.setLevel?.(generation.config.log.level)
    retired.add(former.retire(generation))
    state.accept()
    tellMechanisms(former, generation, log)
  }

  async function reload(): Promise<ReloadOutcome> {
    const beganMs = performance.now()
    log.info({ event: 'reload' }, 'reading everything again')
    const { config: next, problems } = (await options.load?.()) ?? { config: inForce.config, problems: [] }
    if (next === undefined) return state.refuse(problems)
    const fixed = findUnchangeable(inForce.config, next)
    const prepared: Prepared = fixed.length > 0 ? { kind: 'refused', problems: fixed } : await prepare(next)
    if (prepared.kind === 'refused') return state.refuse([...problems, ...prepared.problems])
    logProblems(problems, 'config', log)
    commit(prepared)
    await inForce.load('kept')
    const ms = Math.round(performance.now() - beganMs)
    log.info({ event: 'reloaded', ...summary(inForce, listeners), ms }, 'everything has been read again')
    return { ok: true }
  }

  async function end(): Promise<void> {
    const endMs = performance.now() + drainMs
    const atMost = (ms: number): number => Math.max(0, Math.min(ms, endMs - performance.now()))
    state.change('stopping')
    void manager.tell('STOPPING=1')
    await listeners.close('logins', loginDrain)
    await logins.settled(atMost(redeemMs))
    await listeners.close('lookups', { quietMs: 0, lateMs: 0, endMs: atMost(lookupMs) })
    // One that hangs (in DNS, at a directory service) takes nothing into force any more.
    await Promise.race([reloads.idle(), pause(Math.max(0, endMs - performance.now()), undefined, { ref: false })])
    await Promise.race([close(), pause(closeMs, undefined, { ref: false })])
    endWatchdog()
    log.info({ event: 'stopped' }, 'bearerd has stopped')
  }

  let ended: Promise<void> | undefined

  state.change('running')
  const ms = Math.round(performance.now() - startedMs)
  log.info({ event: 'ready', ...summary(inForce, listeners), ms }, 'bearerd is ready')
  const endWatchdog = manager.watchdog(line)
  if (!(await manager.tell('READY=1', `STATUS=${line()}`))) {
    const cure = 'systemd-notify must be on the PATH, and the unit have NotifyAccess=all'
    log.error({ event: 'notify', cure }, 'systemd could not be told that bearerd is ready, and will end it')
  }
  return {
    reload: reloads.next,
    status,
    stop: () => {
      ended ??= end()
      return ended
    },
  }
}

type Ready = { readonly kind: 'ready'; readonly generation: Generation; readonly changes: readonly Change[] }
type Prepared = Ready | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** What is spoken of by others under its old name, or was opened for good. */
function findUnchangeable(former: Config, next: Config): Problem[] {
  const fixed = {
    'state-dir': [former.stateDir, next.stateDir],
    'control.path': [former.control.path, next.control.path],
    'log.format': [former.log.format, next.log.format],
  }
  return Object.entries(fixed).flatMap(([path, [before, after]]) =>
    before === after
      ? []
      : {
          ...fileProblem(next.file, `can't change from "${before}" to "${after}" while bearerd runs; restart it`),
          path,
        },
  )
}

function tellMechanisms(former: Generation, next: Generation, log: Log): void {
  const [before, after] = [former, next].map(({ mechanisms }) => mechanisms.map(({ name }) => name).join(' '))
  if (before === after) return
  const cure = '"doveadm reload" and "postfix reload" have processes that keep their connections ask again'
  log.info(
    { event: 'mechanisms', before, after, cure },
    'other mechanisms are offered, to those who connect from now on',
  )
}

/** What is not in force any more is closed when the last login has had its time. */
function createRetired() {
  const waiting = new Map<() => Promise<void>, NodeJS.Timeout>()
  const end = async (close: () => Promise<void>): Promise<void> => {
    clearTimeout(waiting.get(close))
    waiting.delete(close)
    await close()
  }
  return {
    add: (close: () => Promise<void>) => {
      waiting.set(close, setTimeout(() => void end(close), lastLoginMs).unref())
    },
    close: async () => {
      await Promise.all([...waiting.keys()].map(end))
    },
  }
}

/** One at a time; whoever asks while one waits for its turn gets that one. */
function createTurns<Result>(work: () => Promise<Result>) {
  let running: Promise<unknown> = Promise.resolve()
  let waiting: Promise<Result> | undefined
  return {
    next: (): Promise<Result> => {
      waiting ??= running.then(() => {
        waiting = undefined
        return work()
      })
      running = waiting
      return waiting
    },
    idle: () => running,
  }
}
