/**
 * Logins: the successful logins that a mail process has yet to pick up.
 *
 * imap-login gets OK on an auth-client connection and hands its pid, the request's id and the connection's cookie to imap,
 * which redeems them with REQUEST on an auth-master connection, some 20 ms later (Dovecot auth-request-handler.c,
 * auth_request_handler_master_request). A login is redeemed once, while the connection that gave it is open, and not
 * later than the mail process would wait for it.
 *
 * Two connections of one pid are both kept: pids repeat across containers, and the cookie tells them apart.
 *
 * When bearerd stops, it is bearerd that ends the connection: what was given by it may still be redeemed.
 */
import { timingSafeEqual } from 'node:crypto'
import { createExpiring, type Expiring } from '../net/expiring.ts'

/** MASTER_AUTH_SERVER_TIMEOUT_SECS. */
const LOGIN_MS = 150_000
/** Per connection; a login process has at most client_limit clients, 1000 by default, and each waits for one login. */
const LOGIN_LIMIT = 1024

export type Login = {
  /** Canonical address of the account. */
  readonly address: string
  readonly mechanism: string
}

/** The logins of one auth-client connection. */
export type Offers = {
  offer(requestId: number, login: Login): void
  withdraw(requestId: number): void
  /** The login process is gone. */
  close(): void
  /** bearerd has hung up: what is left may be redeemed as before. */
  leave(): void
}

export type Logins = {
  open(clientPid: number, cookie: Buffer): Offers
  redeem(clientPid: number, requestId: number, cookie: Buffer): Login | undefined
  /** Resolves when no login is left to be redeemed, or after so long. */
  settled(limitMs: number): Promise<void>
}

type Client = { readonly cookie: Buffer; readonly logins: Expiring<number, Login>; left: boolean }

export function createLogins(): Logins {
  const clients = new Map<number, Client[]>()
  let changed = () => {}

  function open(clientPid: number, cookie: Buffer): Offers {
    const expired = () => forgetIfDone(clientPid, client)
    const logins = createExpiring<number, Login>({ afterMs: LOGIN_MS, limit: LOGIN_LIMIT, expired })
    const client: Client = { cookie, logins, left: false }
    clients.set(clientPid, [...(clients.get(clientPid) ?? []), client])
    return {
      offer: client.logins.set,
      withdraw: client.logins.take,
      close: () => {
        client.logins.clear()
        forget(clientPid, client)
      },
      leave: () => {
        client.left = true
        forgetIfDone(clientPid, client)
      },
    }
  }

  function redeem(clientPid: number, requestId: number, cookie: Buffer): Login | undefined {
    const client = clients.get(clientPid)?.find(({ cookie: expected }) => sameCookie(expected, cookie))
    const login = client?.logins.take(requestId)
    if (client !== undefined) forgetIfDone(clientPid, client)
    return login
  }

  function forgetIfDone(clientPid: number, client: Client): void {
    if (client.left && client.logins.size() === 0) forget(clientPid, client)
  }

  function forget(clientPid: number, client: Client): void {
    const others = (clients.get(clientPid) ?? []).filter(other => other !== client)
    if (others.length === 0) clients.delete(clientPid)
    else clients.set(clientPid, others)
    changed()
  }

  /** Once bearerd has hung up on all. */
  async function settled(limitMs: number): Promise<void> {
    if (clients.size === 0) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>(resolve => {
      timer = setTimeout(resolve, limitMs)
      changed = () => {
        if (clients.size === 0) resolve()
      }
    })
    clearTimeout(timer)
  }

  return { open, redeem, settled }
}

function sameCookie(expected: Buffer, cookie: Buffer): boolean {
  return expected.length === cookie.length && timingSafeEqual(expected, cookie)
}
