/**
 * systemd: sockets handed over at the start (sd_listen_fds(3)) and messages back to the manager (sd_notify(3)).
 *
 * Node has no Unix datagrams, so `systemd-notify` carries the messages; the unit needs NotifyAccess=all for that.
 */
import { execFile } from 'node:child_process'

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

/** `READY=1`, `RELOADING=1`, `STOPPING=1`, `STATUS=…`. False if there was a manager to tell and it wasn't told. */
export function notify(...state: string[]): Promise<boolean> {
  if (process.env.NOTIFY_SOCKET === undefined) return Promise.resolve(true)
  return new Promise(resolve => {
    execFile('systemd-notify', state, { timeout: 5_000 }, error => resolve(error === null))
  })
}
