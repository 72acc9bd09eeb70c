/**
 * Fault provider: an HTTP server that answers as it is told, for what a real provider can't be made to do. It keeps what
 * it was asked.
 */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'

export type Answer = (response: ServerResponse) => void

export type Asked = {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type FaultProvider = {
  /** `http://127.0.0.1:PORT`, or `https://localhost:PORT` */
  readonly origin: string
  readonly asked: readonly Asked[]
  /** How all further requests are answered. */
  answer(answer: Answer): void
  /** The same for one path; wins. */
  answerAt(path: string, answer: Answer): void
  stop(): Promise<void>
}

export async function startFaultProvider(tls?: ServerOptions): Promise<FaultProvider> {
  const server = tls === undefined ? createServer() : createTlsServer(tls)
  const asked: Asked[] = []
  const byPath = new Map<string, Answer>()
  let byDefault: Answer = json({ error: 'not told what to answer' }, 500)
  server.on('request', async (request, response) => {
    const { method, url: path, headers } = request
    let body = ''
    for await (const chunk of request) body += chunk
    asked.push({ method, path, headers, body })
    const answer = byPath.get(path ?? '') ?? byDefault
    answer(response)
  })
  // Idle connections are the client's to end.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    asked,
    answer: answer => {
      byDefault = answer
    },
    answerAt: (path, answer) => {
      byPath.set(path, answer)
    },
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

type Headers = Record<string, string | number | string[]>

/** Any text. */
export function text(body: string | Buffer, status = 200, headers: Headers = {}): Answer {
  return response => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  }
}

export function json(value: unknown, status = 200, headers: Headers = {}): Answer {
  return text(JSON.stringify(value), status, headers)
}

/** RFC 6750 section 3. */
export function challenge(status: number, error?: string): Answer {
  const more = error === undefined ? '' : `, error="${error}", error_description="error=nothing"`
  return text('', status, { 'www-authenticate': `Bearer realm="test"${more}` })
}

export const never: Answer = () => {}

export const reset: Answer = response => {
  response.socket?.resetAndDestroy()
}

/** Says that more is to come, and hangs up. */
export const truncated: Answer = response => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
  response.write('{"sub":"alice",', () => response.socket?.end())
}

/** The headers, the first half, and nothing more. */
export const stalling: Answer = response => {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.write('{"sub":"alice",')
}

/** 50 MB of one JSON object, as fast as they are read. */
export const huge: Answer = response => {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  let left = 800
  const more = (): void => {
    while (left-- > 0) if (!response.write(chunk)) return
    response.end('"}')
  }
  response.writeHead(200, { 'content-type': 'application/json' })
  response.write('{"sub":"')
  response.on('drain', more)
  more()
}

/** Not HTTP at all. */
export const garbage: Answer = response => {
  response.socket?.end('220 mail.example.org ESMTP\r\n')
}
