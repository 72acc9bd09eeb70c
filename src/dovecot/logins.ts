/**
 * Logins: the successful logins that a mail process has yet to pick up.
 *
 * imap-login gets OK on an auth-client connection and hands its pid, the request's id and the connection's cookie to imap,
 * which redeems them with REQUEST on an auth-master connection, some 20 ms later (Dovecot auth-request-handler.c,
 * auth_request_handler_master_request). A login is redeemed once, while the connection that gave it is open, and not
 * later than the mail process would wait for it.
 *
 * Two connections of one pid are both kept: pids repeat across containers, and the cookie tells them apart.
 */
import { timingSafeEqual } from 'node:crypto'

/** A mail process gives up after MASTER_AUTH_LOOKUP_TIMEOUT_SECS, 155 s. */
const GENERATION_MS = 155_000
/** Per connection; a login process has at most client_limit clients, 1000 by default, and each waits for one login. */
const GENERATION_SIZE = 1000

export type Login = {
  /** Canonical address of the account. */
  readonly address: string
  readonly mechanism: string
}

/** The logins of one auth-client connection. */
export type Offers = {
  offer(requestId: number, login: Login): void
  withdraw(requestId: number): void
  close(): void
}

export type Logins = {
  open(clientPid: number, cookie: Buffer): Offers
  redeem(clientPid: number, requestId: number, cookie: Buffer): Login | undefined
}

type Client = Offers & {
  readonly cookie: Buffer
  take(requestId: number): Login | undefined
}

export function createLogins(): Logins {
  const clients = new Map<number, Client[]>()

  function open(clientPid: number, cookie: Buffer): Offers {
    const client = createClient(cookie, () => {
      const others = (clients.get(clientPid) ?? []).filter(other => other !== client)
      if (others.length === 0) clients.delete(clientPid)
      else clients.set(clientPid, others)
    })
    clients.set(clientPid, [...(clients.get(clientPid) ?? []), client])
    return client
  }

  function redeem(clientPid: number, requestId: number, cookie: Buffer): Login | undefined {
    return clients.get(clientPid)?.find(client => sameCookie(client.cookie, cookie))?.take(requestId)
  }

  return { open, redeem }
}

/**
 * Two generations: when the young one is full or its time is over, it becomes the old one, and what is left of that is
 * forgotten. So a login can be redeemed for GENERATION_MS at least and twice that at most.
 */
function createClient(cookie: Buffer, closed: () => void): Client {
  let young = new Map<number, Login>()
  let old = new Map<number, Login>()
  let timer: NodeJS.Timeout | undefined

  function age(): void {
    clearTimeout(timer)
    old = young
    young = new Map()
    timer = old.size === 0 ? undefined : setTimeout(age, GENERATION_MS)
  }

  function offer(requestId: number, login: Login): void {
    if (young.size === GENERATION_SIZE) age()
    old.delete(requestId)
    young.set(requestId, login)
    timer ??= setTimeout(age, GENERATION_MS)
  }

  function take(requestId: number): Login | undefined {
    const login = young.get(requestId) ?? old.get(requestId)
    withdraw(requestId)
    return login
  }

  function withdraw(requestId: number): void {
    young.delete(requestId)
    old.delete(requestId)
  }

  function close(): void {
    clearTimeout(timer)
    closed()
  }

  return { cookie, offer, take, withdraw, close }
}

function sameCookie(expected: Buffer, cookie: Buffer): boolean {
  return expected.length === cookie.length && timingSafeEqual(expected, cookie)
}
