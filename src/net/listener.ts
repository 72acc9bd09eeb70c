/**
 * Listener: one Unix socket and the connections that came by it.
 *
 * The socket is either inherited from systemd, or bound by path (`bind.ts`). What is spoken on it, and within which limits,
 * can change while it is open: for connections that come later.
 */
import { createServer, type Socket } from 'node:net'
import type { LimitsConfig, ListenerConfig } from '../config/config.ts'
import { describeError, type Log } from '../log.ts'
import type { ListenerStatus } from '../status.ts'
import { bind, inherit, permit } from './bind.ts'
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts'
import { type DrainTimes, drain } from './drain.ts'
import type { Dialect } from './session.ts'
import { pathOf } from './systemd.ts'

export type Listener = {
  readonly config: ListenerConfig
  readonly inherited: boolean
  status(): ListenerStatus
  /** Gives the socket the mode and group of this configuration. Throws ListenError. */
  permit(config: ListenerConfig): Promise<void>
  /** For connections that come from now on. */
  serve<Frame>(config: ListenerConfig, dialect: Dialect<Frame>, limits: LimitsConfig): void
  /** Stops accepting, and hangs up: at once, or in these times. */
  close(times?: DrainTimes): Promise<void>
}

type Service = {
  readonly config: ListenerConfig
  readonly limits: LimitsConfig
  readonly open: (socket: Socket, options: ConnectionOptions) => Connection
}

export async function listen<Frame>(
  config: ListenerConfig,
  dialect: Dialect<Frame>,
  limits: LimitsConfig,
  log: Log,
  inheritedFd: number | undefined,
): Promise<Listener> {
  const connections = new Set<Connection>()
  const door = createDoor(log)
  let service = serviceOf(config, dialect, limits)
  let counted = 0
  let emptied = () => {}

  function accept(socket: Socket): void {
    const { config, limits, open } = service
    if (connections.size >= limits.connections) {
      socket.destroy()
      door.refused(config.name, `limits.connections = ${limits.connections} reached`)
      return
    }
    door.accepted(config.name)
    const connection = open(socket, {
      listener: config.name,
      id: ++counted,
      requests: limits.requests,
      log,
      closed: () => {
        connections.delete(connection)
        if (connections.size === 0) emptied()
      },
    })
    connections.add(connection)
  }

  // allowHalfOpen: else Node would answer a peer's FIN with one of its own, and a FIN is what smtpd can't bear.
  const server = createServer({ allowHalfOpen: true }, accept)
  const key = `listen.${config.name}`
  if (inheritedFd === undefined) await bind(server, { ...config, key })
  else await inherit(server, key, inheritedFd)
  server.on('error', error => door.refused(service.config.name, describeError(error).error))
  const inheritedPath = inheritedFd === undefined ? undefined : pathOf(inheritedFd)

  async function close(times?: DrainTimes): Promise<void> {
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    const empty = new Promise<void>(resolve => {
      emptied = resolve
      if (connections.size === 0) resolve()
    })
    if (times !== undefined) await drain(connections, times)
    for (const connection of [...connections]) connection.release()
    await Promise.all([empty, closed])
  }

  return {
    get config() {
      return service.config
    },
    inherited: inheritedFd !== undefined,
    status: () => ({
      name: service.config.name,
      protocol: service.config.protocol,
      path: inheritedPath ?? service.config.path,
      inherited: inheritedFd !== undefined,
      open: server.listening,
      connections: connections.size,
      refusing: door.isRefusing(),
    }),
    permit: next => permit({ ...next, key: `listen.${next.name}` }),
    serve: (...given) => {
      service = serviceOf(...given)
    },
    close,
  }
}

function serviceOf<Frame>(config: ListenerConfig, dialect: Dialect<Frame>, limits: LimitsConfig): Service {
  return { config, limits, open: (socket, options) => openConnection(socket, dialect, options) }
}

/** Says when connections begin to be refused and when they are accepted again, not each time. */
function createDoor(log: Log) {
  let refusing = false
  return {
    isRefusing: () => refusing,
    refused: (listener: string, why: string) => {
      if (refusing) return
      refusing = true
      log.warn({ event: 'refusing', listener, why }, 'connections are refused; raise the limit if this is normal load')
    },
    accepted: (listener: string) => {
      if (!refusing) return
      refusing = false
      log.info({ event: 'accepting', listener }, 'connections are accepted again')
    },
  }
}
