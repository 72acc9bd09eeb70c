/**
 * Bind: how a server gets its Unix socket.
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
import { connect as netConnect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import type { ListenerConfig } from '../config/config.ts'

/** sun_path of sockaddr_un holds 108 bytes with the NUL. */
const PATH_BYTES = 107
/**
 * Connections waiting to be accepted: all that come while bearerd restarts. A Unix socket that is full refuses (EAGAIN).
 * The kernel takes at most net.core.somaxconn, 4096 by default, and the last listen(2) counts: the units have the same.
 */
const BACKLOG = 4096

export type Place = Pick<ListenerConfig, 'path' | 'mode' | 'group'> & {
  /** What asks for it, as messages name it: `listen.imap`. */
  readonly key: string
}

/** The socket can't be had. The message names the cause and the cure. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
}

/** It is somebody else's, who is listening. */
export class SocketTakenError extends ListenError {}

export async function inherit(server: Server, key: string, fd: number): Promise<void> {
  try {
    await listening(server, () => server.listen({ fd, backlog: BACKLOG }))
  } catch (error) {
    throw new ListenError(`${key}: file descriptor ${fd} from systemd is no listening socket (${code(error)})`)
  }
}

export async function bind(server: Server, place: Place): Promise<void> {
  const { key, path } = place
  if (Buffer.byteLength(path) > PATH_BYTES) {
    throw new ListenError(`${key}: path is longer than ${PATH_BYTES} bytes: ${path}`)
  }
  const directory = dirname(path)
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ListenError(`${key}: directory ${directory} does not exist; create it, or let systemd do so`)
  }
  const gid = place.group === undefined ? undefined : await groupId(key, place.group)
  try {
    await bindNow(server, place, gid)
  } catch (error) {
    if (code(error) !== 'EADDRINUSE') throw bindError(place, error)
    try {
      await removeStale(place)
      await bindNow(server, place, gid)
    } catch (again) {
      throw bindError(place, again)
    }
  }
}

/** Everything up to the `await` happens in one turn. */
async function bindNow(server: Server, { key, path, mode }: Place, gid: number | undefined) {
  await listening(server, () => {
    const umask = process.umask(0o177)
    try {
      server.listen({ path, backlog: BACKLOG })
    } finally {
      process.umask(umask)
    }
    if (!server.listening) return
    try {
      setPermissions({ key, path, mode }, gid)
    } catch (error) {
      server.close()
      throw error
    }
  })
}

/** Gives a socket that is bound already its group and mode. */
export async function permit(place: Place): Promise<void> {
  setPermissions(place, place.group === undefined ? undefined : await groupId(place.key, place.group))
}

function setPermissions({ key, path, mode }: Pick<Place, 'key' | 'path' | 'mode'>, gid: number | undefined): void {
  try {
    if (gid !== undefined) chownSync(path, -1, gid)
    chmodSync(path, mode)
  } catch (error) {
    throw new ListenError(
      `${key}: ${path} can't be given its group and mode (${code(error)}); ` +
        "make bearerd's user a member of the group, or let systemd create the socket",
    )
  }
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

async function removeStale({ key, path }: Place): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) {
    throw new ListenError(`${key}: ${path} exists and is no socket; remove it, or choose another path`)
  }
  const refusal = await probe(path)
  if (refusal === undefined || refusal === 'EAGAIN') {
    throw new SocketTakenError(`${key}: another process listens on ${path}; is bearerd running already?`)
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

async function groupId(key: string, group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group)
  try {
    const { stdout } = await promisify(execFile)('getent', ['--', 'group', group], { timeout: 10_000 })
    const gid = /^[^:]*:[^:]*:(\d+):/.exec(stdout)?.[1]
    if (gid !== undefined) return Number(gid)
  } catch {
    // Exit code 2: no such group.
  }
  throw new ListenError(`${key}: group ${group} does not exist ("getent group ${group}" finds nothing)`)
}

function bindError({ key, path }: Place, error: unknown): unknown {
  const cause = code(error)
  if (cause === undefined) return error
  const cure = cureOf(cause, path)
  return new ListenError(`${key}: can't listen on ${path} (${cause})${cure === undefined ? '' : `; ${cure}`}`)
}

function cureOf(cause: string, path: string): string | undefined {
  if (cause === 'EACCES' || cause === 'EPERM') return `bearerd's user may not create files in ${dirname(path)}`
  if (cause === 'EROFS')
    return `its unit lets bearerd write elsewhere only; have systemd make the socket: ${socketUnit}`
  // What removeStale has left: it can't tell whether the socket is in use.
  if (cause === 'EADDRINUSE')
    return `a socket that is not bearerd's is there. If it is that of a socket unit: ${socketUnit}`
  return undefined
}

const socketUnit = 'enable the unit, then "systemctl restart bearerd.target"'

/** ENOENT, EADDRINUSE …; undefined if it is no error of the operating system. */
function code(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
