/**
 * Listener: one Unix socket and the connections that came by it.
 *
 * The socket is either inherited from systemd, which then owns its path and mode, or bound by path. A path is bound with
 * a umask that lets nobody in, and then given its group and its mode, all in one turn of the event loop: it is never
 * more open than it should be, not for an instant, and peers see the finished one. (Node binds a path within listen();
 * only its `listening` event comes later.)
 *
 * A socket file left behind by a crash is replaced, but only if it is a socket and connecting to it is refused: somebody
 * else's live socket, or a file, is never removed.
 */
import { execFile } from 'node:child_process'
import { chmodSync, chownSync, lstatSync, statSync, unlinkSync } from 'node:fs'
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { LimitsConfig, ListenerConfig } from '../config/config.ts'
import { describeError, type Log } from '../log.ts'
import { type Connection, openConnection } from './connection.ts'
import type { Dialect } from './session.ts'

/** sun_path of sockaddr_un holds 108 bytes with the NUL. */
const PATH_BYTES = 107
/** Connections waiting to be accepted: one smtpd or imap-login process each, which all come back after a restart. */
const BACKLOG = 511

export type Listener = {
  connections(): number
  /** Stops accepting, waits up to `drainMs` for requests being worked on, and hangs up. */
  close(options?: { readonly drainMs?: number }): Promise<void>
}

/** The socket can't be had. The message names the cause and the cure. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
}

export async function listen<Frame>(
  config: ListenerConfig,
  dialect: Dialect<Frame>,
  limits: LimitsConfig,
  log: Log,
  inheritedFd: number | undefined,
): Promise<Listener> {
  const connections = new Set<Connection>()
  const door = createDoor(config.name, log)
  let counted = 0
  let drained = () => {}

  function accept(socket: Socket): void {
    if (connections.size >= limits.connections) {
      socket.destroy()
      door.refused(`limits.connections = ${limits.connections} reached`)
      return
    }
    door.accepted()
    const connection = openConnection(socket, dialect, {
      listener: config.name,
      id: ++counted,
      requests: limits.requests,
      log,
      closed: () => {
        connections.delete(connection)
        if (connections.size === 0) drained()
      },
    })
    connections.add(connection)
  }

  // allowHalfOpen: else Node would answer a peer's FIN with one of its own, and a FIN is what smtpd can't bear.
  const server = createServer({ allowHalfOpen: true }, accept)
  if (inheritedFd === undefined) await bind(server, config)
  else await inherit(server, config, inheritedFd)
  server.on('error', error => door.refused(describeError(error).error))

  async function close({ drainMs = 0 } = {}): Promise<void> {
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    const empty = new Promise<void>(resolve => {
      drained = resolve
      if (connections.size === 0) resolve()
    })
    for (const connection of connections) connection.drain()
    const timer = setTimeout(() => {
      for (const connection of connections) connection.kill()
    }, drainMs)
    await empty
    clearTimeout(timer)
    await closed
  }

  return { connections: () => connections.size, close }
}

/** Says when connections begin to be refused and when they are accepted again, not each time. */
function createDoor(listener: string, log: Log) {
  let refusing = false
  return {
    refused: (why: string) => {
      if (refusing) return
      refusing = true
      log.warn({ event: 'refusing', listener, why }, 'connections are refused; raise the limit if this is normal load')
    },
    accepted: () => {
      if (!refusing) return
      refusing = false
      log.info({ event: 'accepting', listener }, 'connections are accepted again')
    },
  }
}

async function inherit(server: Server, { name }: ListenerConfig, fd: number): Promise<void> {
  try {
    await listening(server, () => server.listen({ fd, backlog: BACKLOG }))
  } catch (error) {
    throw new ListenError(`listen.${name}: file descriptor ${fd} from systemd is no listening socket (${code(error)})`)
  }
}

async function bind(server: Server, config: ListenerConfig): Promise<void> {
  const { name, path } = config
  if (Buffer.byteLength(path) > PATH_BYTES) {
    throw new ListenError(`listen.${name}: path is longer than ${PATH_BYTES} bytes: ${path}`)
  }
  const directory = dirname(path)
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ListenError(`listen.${name}: directory ${directory} does not exist; create it, or let systemd do so`)
  }
  const gid = config.group === undefined ? undefined : await groupId(name, config.group)
  try {
    await bindNow(server, config, gid)
  } catch (error) {
    if (code(error) !== 'EADDRINUSE') throw bindError(config, error)
    try {
      await removeStale(config)
      await bindNow(server, config, gid)
    } catch (again) {
      throw bindError(config, again)
    }
  }
}

/** Everything up to the `await` happens in one turn. */
async function bindNow(server: Server, { name, path, mode }: ListenerConfig, gid: number | undefined) {
  await listening(server, () => {
    const umask = process.umask(0o177)
    try {
      server.listen({ path, backlog: BACKLOG })
    } finally {
      process.umask(umask)
    }
    if (!server.listening) return
    try {
      if (gid !== undefined) chownSync(path, -1, gid)
      chmodSync(path, mode)
    } catch (error) {
      server.close()
      throw new ListenError(
        `listen.${name}: ${path} can't be given its group and mode (${code(error)}); ` +
          "make bearerd's user a member of the group, or let systemd create the socket",
      )
    }
  })
}

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      server.off('listening', succeeded)
      reject(error)
    }
    const succeeded = () => {
      server.off('error', failed)
      resolve()
    }
    server.once('error', failed)
    server.once('listening', succeeded)
    start()
  })
}

async function removeStale({ name, path }: ListenerConfig): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) {
    throw new ListenError(`listen.${name}: ${path} exists and is no socket; remove it, or choose another path`)
  }
  const refusal = await probe(path)
  if (refusal === undefined || refusal === 'EAGAIN') {
    throw new ListenError(`listen.${name}: another process listens on ${path}; is bearerd running already?`)
  }
  if (refusal === 'ECONNREFUSED') unlinkSync(path)
}

/** Why connecting fails; undefined if it doesn't. */
function probe(path: string): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = netConnect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', error => resolve(code(error) ?? 'unknown'))
  })
}

async function groupId(name: string, group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group)
  try {
    const { stdout } = await promisify(execFile)('getent', ['--', 'group', group], { timeout: 10_000 })
    const gid = /^[^:]*:[^:]*:(\d+):/.exec(stdout)?.[1]
    if (gid !== undefined) return Number(gid)
  } catch {
    // Exit code 2: no such group.
  }
  throw new ListenError(`listen.${name}: group ${group} does not exist ("getent group ${group}" finds nothing)`)
}

function bindError({ name, path }: ListenerConfig, error: unknown): unknown {
  const cause = code(error)
  if (cause === undefined) return error
  const cure =
    cause === 'EACCES' || cause === 'EPERM' ? `; bearerd's user may not create files in ${dirname(path)}` : ''
  return new ListenError(`listen.${name}: can't listen on ${path} (${cause})${cure}`)
}

/** ENOENT, EADDRINUSE …; undefined if it is no error of the operating system. */
function code(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
