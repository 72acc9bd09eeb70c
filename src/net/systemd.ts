/**
 * systemd: sockets handed over at the start (sd_listen_fds(3)) and messages back to the manager (sd_notify(3)).
 *
 * Node has no Unix datagrams, so `systemd-notify` carries the messages; the unit needs NotifyAccess=all for that.
 */
import { execFile } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'

const FIRST_FD = 3

/**
 * FileDescriptorName= → descriptor. The variables are removed, as sd_listen_fds does, so that no child takes them for
 * its own. A name that comes twice (one socket unit with two ListenStream=) is `name#2`: nobody's, and visible.
 */
export function inheritedSockets(env: NodeJS.ProcessEnv = process.env): Map<string, number> {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = env
  delete env.LISTEN_PID
  delete env.LISTEN_FDS
  delete env.LISTEN_FDNAMES
  const sockets = new Map<string, number>()
  const count = Number(LISTEN_FDS)
  if (Number(LISTEN_PID) !== process.pid || !Number.isInteger(count)) return sockets
  const names = (LISTEN_FDNAMES ?? '').split(':')
  for (let index = 0; index < count; index++) {
    const name = names[index] || 'unknown'
    let free = name
    for (let number = 2; sockets.has(free); number++) free = `${name}#${number}`
    sockets.set(free, FIRST_FD + index)
  }
  return sockets
}

/**
 * Where the socket of a descriptor is bound; undefined if the kernel doesn't tell. Node knows no path of a server whose
 * socket it was given (`server.address()` is null); proc_pid_net(5) has it: `… Inode Path`.
 */
export function pathOf(fd: number): string | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
    const lines = readFileSync('/proc/self/net/unix', 'utf8').split('\n')
    const line = lines.find(line => line.split(/ +/, 7)[6] === inode)
    return inode === undefined ? undefined : /^(?:\S+ +){7}(\/.*)$/.exec(line ?? '')?.[1]
  } catch {
    return undefined
  }
}

export type Manager = {
  /** One message after the other, in their order: `READY=1`, `STATUS=…`. False if there is a manager and it wasn't told. */
  tell(...state: string[]): Promise<boolean>
  /**
   * From now on, the manager is told three times in each WatchdogSec= that the event loop turns, and the status. Gives the
   * way to end that.
   */
  watchdog(status: () => string): () => void
}

export function createManager(env: NodeJS.ProcessEnv = process.env): Manager {
  let last: Promise<unknown> = Promise.resolve()
  return {
    tell(...state) {
      const told = last.then(() => notify(state, env))
      last = told
      return told
    },
    watchdog(status) {
      const everyMs = watchdogMs(env) / 3
      if (!(everyMs > 0)) return () => {}
      let telling = false
      const timer = setInterval(() => {
        if (telling) return
        telling = true
        void notify(['WATCHDOG=1', `STATUS=${status()}`], env).finally(() => {
          telling = false
        })
      }, everyMs)
      timer.unref()
      return () => clearInterval(timer)
    },
  }
}

/** sd_watchdog_enabled(3): 0 where nobody waits for this process. */
function watchdogMs({ NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number {
  if (NOTIFY_SOCKET === undefined || !/^[1-9]\d*$/.test(WATCHDOG_USEC ?? '')) return 0
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return 0
  return Number(WATCHDOG_USEC) / 1000
}

function notify(state: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  if (env.NOTIFY_SOCKET === undefined) return Promise.resolve(true)
  return new Promise(resolve => {
    execFile('systemd-notify', state, { timeout: 5_000, env }, error => resolve(error === null))
  })
}
