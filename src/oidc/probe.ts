/**
 * Probe: asks a provider what the daemon would ask it, but tells what came of each request, for `bearerd doctor`.
 *
 * The requests go out by the daemon's own HTTP, with its TLS, limits and credentials, so that what works here works
 * there. Tokens are made up: nobody's mail hangs on them. Nothing of an answer is judged here but whether it is one.
 */
import { randomBytes } from 'node:crypto'
import type { DirectoryConfig } from '../config/config.ts'
import { clientIdOf } from './client-auth.ts'
import { errorCode, Fault } from './fault.ts'
import { createHttp } from './http.ts'
import { clientAuthentication } from './openid.ts'
import type { Claims } from './token-verdict.ts'

export type Reply = ({ readonly claims: Claims } | { readonly fault: Fault }) & {
  /** By how much the provider's clock is ahead of ours; undefined: it didn't say. */
  readonly skewMs: number | undefined
}

export type Probe = {
  /** A document that is there for everybody: discovery, keys. */
  read(url: string): Promise<Reply>
  userinfo(url: string): Promise<Reply>
  introspect(url: string): Promise<Reply>
  tokeninfo(url: string): Promise<Reply>
  close(): Promise<void>
}

type Request = { readonly method?: string; readonly headers?: Headers; readonly body?: URLSearchParams }

/** Throws when a file or key of the configuration is unusable. */
export function createProbe(config: DirectoryConfig): Probe {
  let date = ''
  const http = createHttp(config, seen => {
    date = seen
  })
  const addCredentials = clientAuthentication(config.auth)

  async function ask(url: string, { method = 'GET', headers = new Headers(), body }: Request = {}): Promise<Reply> {
    headers.set('accept', 'application/json')
    date = ''
    const sentMs = Date.now()
    const skewMs = (): number | undefined => skewOf(date, sentMs, Date.now())
    try {
      const options = { method, headers: Object.fromEntries(headers), ...(body && { body }) }
      const response = await http.fetch(url, options)
      return { claims: (await response.json()) as Claims, skewMs: skewMs() }
    } catch (error) {
      return { fault: asFault(error), skewMs: skewMs() }
    }
  }

  return {
    read: url => ask(url),
    userinfo: url => ask(url, { headers: withToken() }),
    introspect: async url => {
      const body = new URLSearchParams({ token: madeUpToken(), token_type_hint: 'access_token' })
      const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded' })
      const server = { issuer: config.issuer ?? url, introspection_endpoint: url }
      await addCredentials(server, { client_id: clientIdOf(config.auth) }, body, headers)
      return ask(url, { method: 'POST', headers, body })
    },
    tokeninfo: url => ask(url, { method: 'POST', headers: withToken() }),
    close: http.close,
  }
}

function withToken(): Headers {
  return new Headers({ authorization: `Bearer ${madeUpToken()}` })
}

/** No provider has issued it. */
function madeUpToken(): string {
  return `bearerd-doctor-${randomBytes(18).toString('base64url')}`
}

/** The field counts whole seconds (RFC 9110 section 5.6.7), and was written between our two times. */
function skewOf(date: string, sentMs: number, receivedMs: number): number | undefined {
  const theirs = Date.parse(date)
  if (Number.isNaN(theirs)) return undefined
  if (theirs > receivedMs) return theirs - receivedMs
  return Math.min(0, theirs + 1000 - sentMs)
}

/** An error without a code is a bug. */
function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  const code = errorCode(error)
  if (code === undefined) throw error
  return new Fault(code)
}
