/**
 * Control client: asks the running daemon at its control socket (`monitor/control.ts`), within a deadline.
 *
 * root connects as whoever owns the directory, mostly bearerd's user, or else what is at the path: she can put a link there,
 * in the middle of the way too, which must not lead root to a socket that is closed to her.
 */
import { lstat } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { asOwnerOf, asUser } from '../accounts/as-owner.ts'
import { codeOf } from '../accounts/stamp.ts'
import { findControlPath } from '../config/control-path.ts'
import { formatProblem } from '../config/problem.ts'
import { exit } from './exit.ts'
import { complain, type Terminal } from './terminal.ts'

export type ControlOptions = {
  readonly config: string
  readonly socket?: string | undefined
}

export type Question = {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly resource: '/status' | '/reload' | '/log-level'
  readonly body?: object
  readonly timeoutMs?: number
}

/** Asks a question. The answer is what the daemon sends, of a version that may be another one. */
export type Ask = (question: Question) => Promise<unknown>

/** The daemon gives no answer. The message names cause and cure. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
}

/** More than a status with all its problems. */
const answerLimit = 4 * 1024 * 1024
const timeoutMs = 10_000

/** Runs a command that asks the daemon. Says why where there is no answer, and what keeps us from knowing the socket. */
export async function withDaemon(
  { config, socket }: ControlOptions,
  terminal: Terminal,
  work: (ask: Ask) => Promise<number>,
): Promise<number> {
  const { path, problem } = socket === undefined ? await findControlPath(config) : { path: socket, problem: undefined }
  try {
    return await work(question => ask(path, question))
  } catch (error) {
    if (!(error instanceof ControlError)) throw error
    if (problem !== undefined)
      terminal.error.write(
        `${formatProblem(problem)}\nbearerd: so the control socket may be elsewhere; --socket PATH names it\n`,
      )
    return complain(terminal, exit.unavailable, error.message)
  }
}

export async function ask(path: string, question: Question): Promise<unknown> {
  const limitMs = question.timeoutMs ?? timeoutMs
  let socket: Socket | undefined
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ControlError(lateMessage(path, limitMs))), limitMs)
  })
  try {
    const answer = async () => {
      socket = await connectAsOwner(path)
      return exchange(socket, path, question)
    }
    return await Promise.race([answer(), late])
  } finally {
    clearTimeout(timer)
    socket?.destroy()
  }
}

async function connectAsOwner(path: string): Promise<Socket> {
  try {
    return await asOwnerOf(path, async () => {
      const owner = process.geteuid?.() === 0 ? await lstat(path) : undefined
      if (owner === undefined || owner.uid === 0) return connectTo(path)
      return asUser(owner.uid, owner.gid, () => connectTo(path))
    })
  } catch (error) {
    throw new ControlError(whyNoConnection(path, codeOf(error)))
  }
}

function connectTo(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.once('error', reject)
  })
}

function exchange(socket: Socket, path: string, { method, resource, body }: Question): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (message: string): void => reject(new ControlError(message))
    const headers = { host: 'bearerd', connection: 'close', 'content-type': 'application/json' }
    const outgoing = request({ createConnection: () => socket, method, path: resource, headers })
    outgoing.on('error', error => fail(whyNoAnswer(path, codeOf(error))))
    outgoing.on('response', incoming => {
      readAnswer(incoming, path).then(resolve, reject)
    })
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

async function readAnswer(incoming: IncomingMessage, path: string): Promise<unknown> {
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of incoming as AsyncIterable<Buffer>) {
      length += part.length
      if (length > answerLimit) throw new ControlError(strangerMessage(path))
      parts.push(part)
    }
  } catch (error) {
    throw error instanceof ControlError ? error : new ControlError(whyNoAnswer(path, codeOf(error)))
  }
  const { statusCode = 0 } = incoming
  if (statusCode >= 500)
    throw new ControlError('there was a fault in the daemon: "journalctl -u bearerd" has its stack')
  const value = parse(Buffer.concat(parts).toString())
  if (statusCode !== 200 || value === undefined) throw new ControlError(strangerMessage(path))
  return value
}

/** An object; else undefined. */
function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

const lookAtUnit = '"systemctl status bearerd" and "journalctl -u bearerd" tell more'

function whyNoConnection(path: string, code: string): string {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `the daemon does not run, or has another control socket: there is no ${path}; ${lookAtUnit}`
    case 'ECONNREFUSED':
      return `the daemon does not run: nobody listens on ${path} any more; ${lookAtUnit}`
    case 'EACCES':
      return `no permission to use ${path}; run this as root, or as bearerd's user`
    case 'EPERM':
      return `root may not act here as the user whose socket ${path} is; run this as that user`
    case 'EAGAIN':
      return `the daemon is too busy to accept connections on ${path}; ${lookAtUnit}`
    default:
      return `${path} can't be connected to (${code}); ${lookAtUnit}`
  }
}

function whyNoAnswer(path: string, code: string): string {
  return code.startsWith('HPE_')
    ? strangerMessage(path)
    : `the connection to ${path} ended without an answer (${code}): the daemon stops, or is asked by too many at once; ${lookAtUnit}`
}

function lateMessage(path: string, limitMs: number): string {
  return `no answer on ${path} within ${limitMs / 1000} s: the daemon hangs, or something else listens there; ${lookAtUnit}`
}

function strangerMessage(path: string): string {
  return `what answers on ${path} is no bearerd, or one of another version: compare control.path, or restart the daemon after an upgrade`
}
