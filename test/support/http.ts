/** One request to [http], by a port of loopback or by a Unix socket. */
import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'

export type Answered = {
  readonly code: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type Asked = { readonly method?: string; readonly headers?: Record<string, string> }

/** `at`: the port, or the socket's path. */
export async function ask(at: number | string, path: string, { method = 'GET', headers = {} }: Asked = {}) {
  const place = typeof at === 'number' ? { host: '127.0.0.1', port: at } : { socketPath: at }
  const asking = request({ ...place, path, method, headers, agent: false })
  asking.end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  let body = ''
  for await (const part of response) body += part
  return { code: response.statusCode, headers: response.headers, body } satisfies Answered
}
