/**
 * Control: the socket at which `bearerd status`, `reload` and `log-level` reach the daemon. HTTP/1.1 with JSON:
 *
 *   GET /status                         → Status (src/status.ts)
 *   POST /reload                        → {"ok":true} | {"ok":false,"problems":[…]}, when all has been read
 *   GET /log-level                      → {"level":"info"}
 *   PUT /log-level {"level":"debug"}    → {"level":"debug"}
 *
 * What can't be answered gets a status of 400 or more and {"error":"…"}. Whoever may connect may do all of it: mode 0600
 * leaves that to bearerd's own user and root. One request a connection, few connections, short bodies.
 *
 * Mail doesn't depend on this socket. That it can't be had (a full disk, a state directory that is gone) is a warning in
 * the log; only where another bearerd answers there the start fails, since two must not share a state directory.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { describeError, type Log, type LogLevel } from '../log.ts'
import { bind, ListenError, SocketTakenError } from '../net/bind.ts'
import type { ReloadOutcome, Status } from '../status.ts'

export type ControlServices = {
  status(): Status
  reload(): Promise<ReloadOutcome>
  logLevel(): LogLevel
  setLogLevel(level: LogLevel): void
}

export type Control = {
  /** Hangs up on everybody, and removes the socket. */
  close(): Promise<void>
}

type Answer = { readonly code: number; readonly body: object }
type Route = (request: IncomingMessage) => Answer | Promise<Answer>

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
const bodyLimit = 4_096
const headerLimit = 4_096
const connectionLimit = 16
/** For a request to come. */
const requestTimeoutMs = 5_000
/** Without a byte either way: longer than a reload takes. */
const idleTimeoutMs = 120_000

/** Undefined: without the socket, which is said in the log. Throws where another process listens on it. */
export async function openControl(path: string, services: ControlServices, log: Log): Promise<Control | undefined> {
  const routes = createRoutes(services, log)
  const options = {
    maxHeaderSize: headerLimit,
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: 1_000,
  }
  const server = createServer(options, (request, response) => void serve(routes, request, response, log))
  server.maxConnections = connectionLimit
  server.timeout = idleTimeoutMs
  try {
    await bind(server, { key: 'control', path, mode: 0o600, group: undefined })
  } catch (error) {
    if (error instanceof SocketTakenError) throw error
    const cure =
      'mend this, then "systemctl restart bearerd"; until then "bearerd status", "reload" and "log-level" find no daemon'
    log.warn({ event: 'control', path, why: whyNot(error), cure }, 'no control socket; mail goes on without it')
    return undefined
  }
  server.on('error', error =>
    log.warn({ event: 'control', path, why: describeError(error).error }, 'the control socket has trouble'),
  )
  return {
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function whyNot(error: unknown): string {
  return error instanceof ListenError ? error.message : describeError(error).error
}

function createRoutes({ status, reload, logLevel, setLogLevel }: ControlServices, log: Log) {
  const done = (body: object): Answer => ({ code: 200, body })
  async function changeLevel(request: IncomingMessage): Promise<Answer> {
    const text = await readBody(request)
    if (text === undefined) return refuse(413, `a body has ${bodyLimit} bytes at most`)
    const level = parseLevel(text)
    if (level === undefined) return refuse(400, `expected {"level":"…"} with one of ${levels.join(', ')}`)
    tellChange(logLevel(), level, log, () => setLogLevel(level))
    return done({ level })
  }
  const routes: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
    '/status': { GET: () => done(status()) },
    '/reload': { POST: async () => done(await reload()) },
    '/log-level': { GET: () => done({ level: logLevel() }), PUT: changeLevel },
  }
  return new Map(Object.entries(routes))
}

async function serve(
  routes: ReturnType<typeof createRoutes>,
  request: IncomingMessage,
  response: ServerResponse,
  log: Log,
): Promise<void> {
  // Whoever asked may be gone.
  response.on('error', () => {})
  const methods = routes.get(request.url ?? '')
  const route = methods?.[request.method ?? '']
  if (methods !== undefined && route === undefined) response.setHeader('Allow', Object.keys(methods).join(', '))
  const { code, body } = await answer(request, methods !== undefined, route, log)
  response.writeHead(code, { 'Content-Type': 'application/json', Connection: 'close' })
  response.end(`${JSON.stringify(body)}\n`)
}

async function answer(request: IncomingMessage, known: boolean, route: Route | undefined, log: Log): Promise<Answer> {
  if (!known) return refuse(404, 'known are /status, /reload and /log-level')
  if (route === undefined) return refuse(405, 'not by this method')
  try {
    return await route(request)
  } catch (error) {
    // A request that broke off has nobody to be answered.
    if (!request.complete) return refuse(400, 'the request ended too early')
    log.error({ event: 'fault', ...describeError(error) }, 'a fault in bearerd')
    return refuse(500, 'a fault in bearerd; its log has the stack')
  }
}

function refuse(code: number, error: string): Answer {
  return { code, body: { error } }
}

/** Undefined: too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > bodyLimit) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

function parseLevel(text: string): LogLevel | undefined {
  try {
    const { level } = JSON.parse(text) ?? {}
    return levels.find(known => known === level)
  } catch {
    return undefined
  }
}

/** While one of the two levels lets it through, if one does. */
function tellChange(from: LogLevel, to: LogLevel, log: Log, change: () => void): void {
  const tell = (): void =>
    log.info({ event: 'log_level', from, to }, 'log level changed, until the next reload or start')
  const isTold = levels.indexOf(from) <= levels.indexOf('info')
  if (isTold) tell()
  change()
  if (!isTold) tell()
}
