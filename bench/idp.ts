/**
 * The provider of the bench, a child process: userinfo (OpenID Connect Core 5.3) and introspection (RFC 7662) over plain
 * HTTP on a free loopback port. It vouches for every token of `site.ts`, after a delay, counts the calls, and publishes the
 * keys that the tokens are signed with.
 *
 * Over the IPC channel the parent sends a new delay in milliseconds, and is answered the calls since it last did.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

export type Provider = {
  /** `http://127.0.0.1:PORT`, to be followed by `/userinfo`, `/introspect` or `/jwks`. */
  readonly url: string
  /** Sets the delay of all further answers and resolves to the calls since the last time. */
  reset(delayMs: number): Promise<number>
  stop(): void
}

const file = fileURLToPath(import.meta.url)

/** `jwks`: a JWK Set, as text. */
export async function startProvider(jwks: string): Promise<Provider> {
  const child = fork(file, [jwks])
  const [port] = await once(child, 'message')
  const waiting: ((calls: number) => void)[] = []
  child.on('message', calls => waiting.shift()?.(Number(calls)))
  return {
    url: `http://127.0.0.1:${port}`,
    reset: delayMs =>
      new Promise(resolve => {
        waiting.push(resolve)
        child.send(delayMs)
      }),
    stop: () => {
      child.kill()
    },
  }
}

/** The claims of a token, unchecked. */
function claims(token: string): Record<string, unknown> {
  const [, payload = ''] = token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}

async function presentedToken(request: IncomingMessage): Promise<string> {
  if (request.url !== '/introspect') return request.headers.authorization?.slice('Bearer '.length) ?? ''
  let body = ''
  for await (const chunk of request) body += chunk
  return new URLSearchParams(body).get('token') ?? ''
}

function serve(jwks: string): void {
  let [delayMs, calls] = [0, 0]
  const server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    calls++
    if (request.url === '/jwks') return response.writeHead(200, { 'content-type': 'application/json' }).end(jwks)
    const { sub, email, scope, aud, iss, exp, client_id } = claims(await presentedToken(request))
    const owner = { sub, email, email_verified: true, preferred_username: email, name: 'Some User' }
    const answer = request.url === '/introspect' ? { active: true, scope, aud, iss, exp, client_id, ...owner } : owner
    const body = JSON.stringify(answer)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    setTimeout(() => response.writeHead(200, headers).end(body), delayMs)
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => {
    process.send?.((server.address() as AddressInfo).port)
  })
  process.on('message', (newDelayMs: number) => {
    process.send?.(calls)
    calls = 0
    delayMs = newDelayMs
  })
  process.on('disconnect', () => process.exit())
}

if (process.argv[1] === file) serve(process.argv[2] ?? '')
