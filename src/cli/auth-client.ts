/**
 * Auth client: the mail server's side of the auth-client protocol (Dovecot doc/auth-protocol.txt), as a login process or
 * smtpd speaks it, for `bearerd auth-test`, the demo and tests. Talks to Dovecot's own auth process as well.
 *
 * Any number of logins may be under way. A reply that doesn't come within `timeoutMs` ends the connection, as at Postfix
 * (xsasl_dovecot_server.c: AUTH_TIMEOUT, 10 s).
 */
import { connect } from 'node:net'
import { decodeBase64 } from '../dovecot/base64.ts'
import { argument, escapeField, splitLine } from '../dovecot/tabs.ts'

const maxLine = 65_536

type ClientMechanism = {
  /** What the client says, message by message: RFC 7628 section 3.1, Google's XOAUTH2, RFC 4616, draft-murchison-sasl-login. */
  messages(user: string | undefined, secret: string): readonly [string, ...string[]]
  /** What it answers to a failure; undefined: it is never told one by a challenge. */
  readonly dummy: string | undefined
}

const clients = {
  OAUTHBEARER: {
    messages: (user, token) => {
      const authzid = user?.replaceAll('=', '=3D').replaceAll(',', '=2C')
      return [`n,${authzid === undefined ? '' : `a=${authzid}`},\x01auth=Bearer ${token}\x01\x01`]
    },
    dummy: '\x01',
  },
  XOAUTH2: {
    messages: (user = '', token) => [`user=${user}\x01auth=Bearer ${token}\x01\x01`],
    dummy: '',
  },
  PLAIN: {
    messages: (user = '', password) => [`\0${user}\0${password}`],
    dummy: undefined,
  },
  LOGIN: {
    messages: (user = '', password) => [user, password],
    dummy: undefined,
  },
} as const satisfies Record<string, ClientMechanism>

export type MechanismName = keyof typeof clients

export function isMechanism(name: string): name is MechanismName {
  return Object.hasOwn(clients, name)
}

export function takesPassword(mechanism: MechanismName): boolean {
  return mechanism === 'PLAIN' || mechanism === 'LOGIN'
}

export type Login = {
  readonly mechanism: MechanismName
  readonly user: string | undefined
  /** Or the password, in a mechanism that takes one. */
  readonly token: string
  /** imap, pop3, smtp … */
  readonly service: string
  /** Further parameters of AUTH: `nologin`, `rip=192.0.2.1` … */
  readonly parameters?: readonly string[]
  /** False: the message waits for the server's challenge, as of a client without initial response. */
  readonly initialResponse?: boolean
}

export type LoginOutcome =
  | { readonly kind: 'accepted'; readonly user: string }
  | {
      readonly kind: 'refused'
      readonly user: string | undefined
      /** `temp_fail`: not refused, but not decided either. */
      readonly code: string | undefined
      readonly reason: string | undefined
      /** What the client was told before: JSON, by RFC 7628. */
      readonly challenge: string | undefined
    }
  /** The connection ended before the verdict: what Postfix answers with 454, a temporary failure. */
  | { readonly kind: 'lost'; readonly why: string }

export type Greeting = {
  /** As announced. */
  readonly mechanisms: readonly string[]
  /** What a REQUEST on the master socket has to show. */
  readonly cookie: string | undefined
}

export type AuthClient = Greeting & {
  login(login: Login): Promise<LoginOutcome>
  close(): void
}

export type AuthClientOptions = {
  readonly timeoutMs?: number
  /** Sees every line, its fields unescaped, in the order of the wire. There are tokens and passwords in it. */
  readonly trace?: (from: 'C' | 'S', fields: readonly string[]) => void
}

/** The server is not there, or is no auth server. */
export class AuthClientError extends Error {
  override readonly name = 'AuthClientError'
}

/** Connects and shakes hands. Rejects with AuthClientError. */
export function connectAuth(path: string, options: AuthClientOptions = {}): Promise<AuthClient> {
  const { timeoutMs = 10_000, trace = () => {} } = options
  const socket = connect(path)
  let held = ''
  let why = 'the server closed the connection'

  function send(...fields: string[]): void {
    trace('C', fields)
    socket.write(`${fields.map(escapeField).join('\t')}\n`)
  }
  function end(problem: string): void {
    why = problem
    socket.destroy()
  }

  return new Promise((resolve, reject) => {
    const logins = createLogins({ send, end, timeoutMs })
    const timer = setTimeout(end, timeoutMs, `no handshake within ${timeoutMs} ms: is this an auth socket?`)
    const handshake = createHandshake(end, greeting => {
      clearTimeout(timer)
      resolve({ ...greeting, login: logins.login, close: () => end('closed') })
    })
    socket.on('connect', () => {
      send('VERSION', '1', '2')
      send('CPID', String(process.pid))
    })
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (held + text).split('\n')
      held = lines.pop() ?? ''
      for (const line of lines) {
        const fields = splitLine(line)
        trace('S', fields)
        if (!handshake(fields)) logins.receive(fields)
      }
      if (held.length > maxLine) end('the server sent what is not a line of the protocol')
    })
    socket.on('error', error => {
      why = describe(error)
    })
    socket.on('close', () => {
      clearTimeout(timer)
      logins.lost(why)
      reject(new AuthClientError(why))
    })
  })
}

/** Takes the lines up to DONE, and says whether a line was one of them. */
function createHandshake(end: (why: string) => void, done: (greeting: Greeting) => void) {
  const mechanisms: string[] = []
  let cookie: string | undefined
  let over = false
  return ([verb, argument]: readonly string[]): boolean => {
    if (over) return false
    if (verb === 'MECH' && argument !== undefined) mechanisms.push(argument)
    else if (verb === 'COOKIE') cookie = argument
    else if (verb === 'VERSION' && argument !== '1') end('the server speaks another version of the protocol')
    // Postfix tells the sockets apart by this too (xsasl_dovecot_server.c:xsasl_dovecot_server_connect).
    else if (verb === 'SPID' && mechanisms.length === 0) end('this is an auth-master socket, not one for logins')
    else if (verb === 'DONE') {
      over = true
      done({ mechanisms, cookie })
    }
    return true
  }
}

type Logins = {
  login(login: Login): Promise<LoginOutcome>
  receive(fields: readonly string[]): void
  lost(why: string): void
}

type Pending = {
  /** Still to be sent, each on a challenge. */
  readonly messages: string[]
  challenge: string | undefined
  readonly dummy: string | undefined
  readonly resolve: (outcome: LoginOutcome) => void
  readonly timer: NodeJS.Timeout
}

type Line = {
  send(...fields: string[]): void
  end(why: string): void
  readonly timeoutMs: number
}

function createLogins({ send, end, timeoutMs }: Line): Logins {
  const pending = new Map<string, Pending>()
  let lastId = 0
  let gone: string | undefined

  function settle(id: string, outcome: LoginOutcome): void {
    const login = pending.get(id)
    if (login === undefined) return
    pending.delete(id)
    clearTimeout(login.timer)
    login.resolve(outcome)
  }

  function challenged(id: string, login: Pending, base64: string): void {
    const data = decodeBase64(base64)
    const message = login.messages.shift()
    const answer = message ?? login.dummy
    if (data === undefined || answer === undefined || login.challenge !== undefined) {
      end('the server sent a challenge of another mechanism')
      return
    }
    login.timer.refresh()
    if (message === undefined) login.challenge = data.toString('utf8')
    send('CONT', id, encode(answer))
  }

  return {
    login({ mechanism, user, token, service, parameters = [], initialResponse = true }) {
      if (gone !== undefined) return Promise.resolve({ kind: 'lost', why: gone })
      const id = String(++lastId)
      const { messages: build, dummy } = clients[mechanism]
      const messages: string[] = [...build(user, token)]
      const initial = initialResponse ? messages.shift() : undefined
      return new Promise(resolve => {
        const timer = setTimeout(end, timeoutMs, `no reply within ${timeoutMs} ms`)
        pending.set(id, { messages, challenge: undefined, dummy, resolve, timer })
        const response = initial === undefined ? [] : [`resp=${encode(initial)}`]
        send('AUTH', id, mechanism, `service=${service}`, ...parameters, ...response)
      })
    },
    receive([verb, id = '', ...fields]) {
      const login = pending.get(id)
      if (login === undefined) return
      const given = (key: string): string | undefined => argument(fields, 0, key)
      const user = given('user')
      if (verb === 'CONT') challenged(id, login, fields[0] ?? '')
      else if (verb === 'OK' && user) settle(id, { kind: 'accepted', user })
      else if (verb === 'OK') end('the server accepted a login without saying whose')
      else if (verb === 'FAIL') {
        const { challenge } = login
        settle(id, { kind: 'refused', user, code: given('code'), reason: given('reason'), challenge })
      }
    },
    lost(why) {
      gone = why
      for (const id of pending.keys()) settle(id, { kind: 'lost', why })
    },
  }
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64')
}

function describe(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'there is no such socket'
    case 'ECONNREFUSED':
      return 'nobody listens on the socket'
    case 'EACCES':
      return 'this user may not connect to the socket; root may'
    default:
      return `the connection failed (${error.code})`
  }
}
