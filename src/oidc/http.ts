/**
 * HTTP: a bounded fetch of JSON objects. The only importer of undici.
 *
 * Limits: a request, from the wait for a free connection to the last byte of the body, takes `timeoutMs`; at most 4096
 * wait for one, and more are turned away; a body has at most 256 KiB; `connections` are open to one origin, idle ones for
 * 30 s; redirects are not followed, since they would take the token elsewhere. What is not status 200 with a JSON object
 * rejects with a Fault that holds no text of peers or libraries.
 *
 * It is shaped as fetch for openid-client (`customFetch`), on top of undici's dispatch: the fetch of Node takes four
 * times the CPU, and `agent.request` twice.
 */
import { readFileSync } from 'node:fs'
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { Agent, type Dispatcher } from 'undici'
import type { DirectoryConfig } from '../config/config.ts'
import { type Answer, readAnswer } from './answer.ts'
import { errorCode, Fault } from './fault.ts'
import { lookupName } from './name-lookup.ts'

const bodyLimitBytes = 256 * 1024
const idleMs = 30_000
const waitingLimit = 4096

export type Fetch = (
  url: string,
  options: { readonly method: string; readonly headers: Record<string, string>; readonly body?: unknown },
) => Promise<Fetched>

/** `signed`: the JWT, not verified, of an answer that is one; such an answer has no JSON. */
export type Fetched = Response & { readonly signed?: string }

export type Http = {
  readonly fetch: Fetch
  /** Lets requests under way end, which they do within `timeoutMs`. */
  close(): Promise<void>
}

type HttpConfig = Pick<DirectoryConfig, 'name' | 'timeoutMs' | 'connections' | 'tls'>

/** `onDate` is told of every answer's Date field, empty if absent. */
export function createHttp(config: HttpConfig, onDate: (date: string) => void = () => {}): Http {
  const { timeoutMs } = config
  const secureContext = createTlsContext(config)
  const agent = new Agent({
    connections: config.connections,
    pipelining: 1,
    connect: { timeout: timeoutMs, lookup: lookupName, ...(secureContext && { secureContext }) },
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
    // Ours is the only clock: undici's starts when a connection is free, and would let a queued request wait.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const queue = createQueue()
  let closing: Promise<void> | undefined

  return {
    fetch: (url, { method, headers, body }) => {
      const { origin, pathname, search } = new URL(url)
      return exchange(
        { agent, queue, timeoutMs, onDate },
        {
          origin,
          path: pathname + search,
          method,
          headers: { ...headers, 'user-agent': 'bearerd' },
          body: body instanceof URLSearchParams ? body.toString() : null,
        },
      )
    },
    close: () => {
      closing ??= close(agent, timeoutMs)
      return closing
    },
  }
}

/** What still waits for a connection then has run out of time. */
async function close(agent: Agent, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, timeoutMs)
  })
  await Promise.race([agent.close(), late])
  clearTimeout(timer)
  await agent.destroy()
}

type Queue = ReturnType<typeof createQueue>

/** Requests without a connection. undici keeps those that have run out of time until one is free, so they count, too. */
function createQueue() {
  let waiting = 0
  return {
    isFull: () => waiting >= waitingLimit,
    /** Gives the way out. */
    enter: (): (() => void) => {
      let left = false
      waiting++
      return () => {
        if (!left) waiting--
        left = true
      }
    },
  }
}

type Line = {
  readonly agent: Agent
  readonly queue: Queue
  readonly timeoutMs: number
  readonly onDate: (date: string) => void
}

function exchange({ agent, queue, timeoutMs, onDate }: Line, request: Dispatcher.DispatchOptions): Promise<Fetched> {
  if (queue.isFull()) return Promise.reject(new Fault('BUSY'))
  return new Promise((resolve, reject) => {
    const reader = createReader()
    let controller: Dispatcher.DispatchController | undefined
    let mayRepeat = true
    let leaveQueue = () => {}
    let done = false

    const dispatch = () => {
      leaveQueue = queue.enter()
      agent.dispatch(request, handler)
    }
    const settle = (act: () => void) => {
      if (done) return
      done = true
      clearTimeout(timer)
      act()
    }
    const abort = (fault: Fault) => {
      settle(() => reject(fault))
      controller?.abort(fault)
    }
    const timer = setTimeout(() => abort(new Fault('TIMEOUT')), timeoutMs)

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: started => {
        leaveQueue()
        controller = started
        // It had waited for a connection until its time was over.
        if (done) started.abort(new Fault('TIMEOUT'))
      },
      onResponseStart: (_, status, headers) => {
        mayRepeat = false
        onDate(String(headers.date ?? ''))
        reader.start(status, headers)
      },
      onResponseData: (_, chunk) => {
        if (!reader.add(chunk)) abort(new Fault('TOO_LARGE'))
      },
      onResponseEnd: () =>
        settle(() => {
          try {
            const answer = readAnswer(reader.answer())
            resolve(typeof answer === 'string' ? signedResponse(answer) : jsonResponse(answer))
          } catch (fault) {
            reject(fault)
          }
        }),
      onResponseError: (_, error) => {
        leaveQueue()
        const code = errorCode(error) ?? error.name
        // The peer may close an idle connection in the moment in which we use it (RFC 9112 section 9.3.1); a lookup
        // changes nothing, so it is repeated once.
        if (!done && mayRepeat && /^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/.test(code)) {
          mayRepeat = false
          dispatch()
        } else {
          settle(() => reject(new Fault(code)))
        }
      },
    }
    dispatch()
  })
}

function createReader() {
  let [status, contentType, challenge] = [0, '', '']
  let bytes = 0
  const chunks: Buffer[] = []
  return {
    start(code: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
      status = code
      contentType = String(headers['content-type'] ?? '')
      challenge = String(headers['www-authenticate'] ?? '')
    },
    /** False when it is too long. */
    add(chunk: Buffer): boolean {
      bytes += chunk.length
      if (bytes > bodyLimitBytes) return false
      chunks.push(chunk)
      return true
    },
    answer: (): Answer => ({ status, contentType, challenge, body: Buffer.concat(chunks) }),
  }
}

/**
 * What openid-client looks at: the status, and the JSON. The object is handed over directly, because making a stream of
 * its text in order to read and parse it again costs as much as all the rest.
 */
export function jsonResponse(object: unknown): Response {
  return Object.assign(new Response(null), { json: async () => object })
}

/** Whoever takes it for JSON is told what it is. */
function signedResponse(signed: string): Fetched {
  const json = async (): Promise<never> => {
    throw new Fault('SIGNED_ANSWER', 200)
  }
  return Object.assign(new Response(null), { signed, json })
}

/**
 * One context for all connections: with `ca` set, Node would otherwise parse some 140 root certificates for each. `ca`
 * replaces the roots that Node comes with, so they are given again.
 */
export function createTlsContext({ name, tls }: Pick<HttpConfig, 'name' | 'tls'>): SecureContext | undefined {
  const { caFile, certFile, keyFile } = tls
  if (caFile === undefined && certFile === undefined && keyFile === undefined) return undefined
  const read = (key: string, file: string | undefined) => {
    if (file === undefined) return undefined
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      throw new Error(`directory.${name}.tls.${key}: ${file} cannot be read (${errorCode(error)})`)
    }
  }
  const ca = read('ca-file', caFile)
  const cert = read('cert-file', certFile)
  const key = read('key-file', keyFile)
  try {
    return createSecureContext({ ca: ca === undefined ? undefined : [...rootCertificates, ca], cert, key })
  } catch (error) {
    throw new Error(`directory.${name}.tls: certificate or key is not valid (${errorCode(error)})`)
  }
}
