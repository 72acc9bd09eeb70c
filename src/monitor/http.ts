/**
 * HTTP: `[http]`, for those who watch bearerd: Prometheus, a load balancer, an administrator's curl. It tells, and can't be
 * told anything.
 *
 *   GET /metrics   the text format of Prometheus
 *   GET /healthz   200 while the event loop turns
 *   GET /readyz    200, or 503 and a line for each reason why mail servers get no answers now
 *
 * HEAD is GET without the body; everything else is 404 or 405. A provider that is down makes nothing unready: cached tokens,
 * passwords and lookups still work, and another bearerd would ask the same one. No encryption, no login: it belongs on
 * loopback, behind a proxy, or at a Unix socket, which anybody may connect to who may enter its directory.
 *
 * A connection serves one request, so that none is idle when bearerd stops, and thousands in one packet are no more. Reading
 * the metrics takes milliseconds, in which no login goes on: whoever asks while others wait gets the same text as they, and
 * there is a pause after each, so that no number of scrapers takes more than a tenth of the daemon's time.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import type { HttpConfig } from '../config/config.ts'
import { describeError, type Log } from '../log.ts'
import { bind, ListenError } from '../net/bind.ts'
import type { Status } from '../status.ts'
import type { Metrics } from './metrics.ts'

export type HttpServices = { status(): Status; readonly metrics: Pick<Metrics, 'read' | 'contentType'> }

export type HttpEndpoint = {
  /** Where it listens: of use to those who asked for port 0. */
  readonly address: ReturnType<Server['address']>
  /** Gives requests under way a second. */
  close(): Promise<void>
}

type Answer = { readonly code: number; readonly type: string; readonly body: string }

const headerBytes = 8_192
const connectionLimit = 64
/** For a request to come, and for its answer to be taken. */
const patienceMs = 5_000
const drainMs = 1_000
/** After a reading of the metrics, by how long it took; and at most, as there is patience for it. */
const pauseFactor = 9
const longestPauseMs = 1_000
/** Numbers only, read by anybody at loopback too. */
const socketMode = 0o666
const plain = 'text/plain; charset=utf-8'

/** Rejects where the address can't be had, with an Error that names the cure. */
export async function openHttp(config: HttpConfig, services: HttpServices, log: Log): Promise<HttpEndpoint> {
  const options = {
    maxHeaderSize: headerBytes,
    headersTimeout: patienceMs,
    requestTimeout: patienceMs,
    connectionsCheckingInterval: 1_000,
  }
  const read = sparing(services.metrics.read)
  const spared = { ...services, metrics: { ...services.metrics, read } }
  const served = new WeakSet<object>()
  const server = createServer(options, (request, response) => {
    // What comes behind a first request is never answered: the first answer ends the connection.
    if (served.has(request.socket)) return
    served.add(request.socket)
    void serve(request, response, spared, log)
  })
  server.maxConnections = connectionLimit
  server.timeout = patienceMs
  if (config.kind === 'unix') await bind(server, { ...config, key: 'http.listen', mode: socketMode, group: undefined })
  else await bindPort(server, config)
  server.on('error', error =>
    log.warn({ event: 'http', why: describeError(error).error }, 'the address of http.listen has trouble'),
  )
  return { address: server.address(), close: () => close(server) }
}

/** A reading at a time, that of a moment later than the question; then a pause. */
function sparing(read: () => Promise<string>): () => Promise<string> {
  let last: Promise<unknown> = Promise.resolve()
  let waiting: Promise<string> | undefined
  const take = async (): Promise<string> => {
    waiting = undefined
    const beganMs = performance.now()
    const text = read()
    last = text
      .catch(() => {})
      .then(() =>
        pause(Math.min(pauseFactor * (performance.now() - beganMs), longestPauseMs), undefined, { ref: false }),
      )
    return text
  }
  return () => {
    waiting ??= last.then(take)
    return waiting
  }
}

function bindPort(server: Server, { host, port }: Extract<HttpConfig, { kind: 'tcp' }>): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      reject(new ListenError(`http.listen: can't listen on ${host}, port ${port} (${error.code}): ${cureOf(error)}`))
    server.once('error', failed)
    server.listen({ host, port }, () => {
      server.off('error', failed)
      resolve()
    })
  })
}

function cureOf({ code }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE')
    return 'something listens there already: choose another port; if it is bearerd itself at another address, restart it'
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address'
  if (code === 'EACCES') return 'ports below 1024 are for root; choose another one'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the name is unknown; use an address'
  return 'choose another address'
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  const timer = setTimeout(() => server.closeAllConnections(), drainMs)
  server.closeIdleConnections()
  await closed
  clearTimeout(timer)
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  services: HttpServices,
  log: Log,
): Promise<void> {
  // Whoever asked may be gone.
  response.on('error', () => {})
  const { code, type, body } = await answer(request, services).catch((error: unknown): Answer => {
    log.error({ event: 'fault', ...describeError(error) }, 'a fault in bearerd')
    return text(500, 'a fault in bearerd; its log has the stack')
  })
  response.writeHead(code, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    Connection: 'close',
    ...(code === 405 && { Allow: 'GET, HEAD' }),
  })
  // Of HEAD, Node leaves the body out.
  response.end(body)
}

async function answer({ method, url = '' }: IncomingMessage, { status, metrics }: HttpServices): Promise<Answer> {
  const path = url.split('?', 1)[0]
  if (path !== '/metrics' && path !== '/healthz' && path !== '/readyz')
    return text(404, 'known are /metrics, /healthz and /readyz')
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'GET and HEAD only')
  if (path === '/metrics') return { code: 200, type: metrics.contentType, body: await metrics.read() }
  const reasons = path === '/readyz' ? whyNotReady(status()) : []
  return reasons.length === 0 ? text(200, 'ok') : text(503, reasons.join('\n'))
}

function whyNotReady({ state, listeners, accounts }: Status): string[] {
  return [
    ...(state === 'running' ? [] : [`bearerd is ${state}`]),
    ...listeners.filter(({ open }) => !open).map(({ name }) => `listen.${name} is not open`),
    ...(accounts.count === undefined ? ['no accounts are loaded; "bearerd check" says why'] : []),
  ]
}

function text(code: number, line: string): Answer {
  return { code, type: plain, body: `${line}\n` }
}
