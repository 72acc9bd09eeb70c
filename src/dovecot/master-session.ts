/**
 * Master session: userdb lookups, and the redemption of logins (logins.ts), over the auth-master protocol (master.ts).
 *
 * Whoever reaches this socket may read every userdb entry: it is for root. Everything is answered at once from memory,
 * except LIST, which is sent in parts so that a million names hold up neither the loop nor memory.
 *
 * Without loaded accounts the answer is FAIL, a temporary failure (lmtp: 451), never NOTFOUND (550).
 */
import type { Account, AccountIndex } from '../accounts/account.ts'
import type { Log } from '../log.ts'
import { lines } from '../net/framing.ts'
import { type Dialect, ProtocolError, type Session, type Wire } from '../net/session.ts'
import type { LookupEvent, Telemetry } from '../telemetry.ts'
import type { Logins } from './logins.ts'
import {
  createMask,
  decodeMaster,
  encodeDone,
  encodeFlushed,
  encodeListed,
  encodeMasterFail,
  encodeMasterGreeting,
  encodeNotFound,
  encodePass,
  encodeUser,
  type MasterMessage,
} from './master.ts'

/** Requests are short; Dovecot's own server allows 1024 bytes (MAX_INBUF_SIZE), without forward_fields. */
const LINE_BYTES = 16_384
/** Accounts looked at in one turn of the event loop during LIST: about a quarter of a millisecond. */
const LIST_ACCOUNTS = 1000

/** They ask for a recipient of mail, who may be an alias or a catch-all and have an extension. */
const deliveryServices: ReadonlySet<string> = new Set(['lmtp', 'lda', 'quota-status'])

export type MasterDialectOptions = {
  /** Name of the listener, for the log. */
  readonly listener: string
  /** Undefined until the accounts are loaded. */
  accounts(): AccountIndex | undefined
  readonly logins: Logins
  readonly spid: number
  /** Empties the token caches and tells how many entries there were. */
  flush(): number
  readonly log: Log
  /** Is told of each userdb entry that is asked for. */
  readonly telemetry?: Pick<Telemetry, 'lookup'> | undefined
}

type Lookup = Extract<MasterMessage, { kind: 'user' | 'pass' }>
type Redemption = Extract<MasterMessage, { kind: 'request' }>
type List = Extract<MasterMessage, { kind: 'list' }>

export function createMasterDialect(options: MasterDialectOptions): Dialect<string> {
  return {
    framer: () => lines({ maxBytes: LINE_BYTES }),
    open: wire => openSession(wire, options),
  }
}

function openSession(
  wire: Wire,
  { listener, accounts, logins, spid, flush, log, telemetry }: MasterDialectOptions,
): Session<string> {
  let greeted = false
  let listing = false
  let open = true

  function receive(line: string): void {
    const message = decodeMaster(line)
    if (greeted !== (message.kind !== 'version')) {
      throw new ProtocolError(greeted ? 'a second VERSION' : 'the first line is not VERSION')
    }
    switch (message.kind) {
      case 'version':
        greeted = true
        break
      case 'user':
      case 'pass':
        wire.send(lookup(message))
        break
      case 'request':
        wire.send(redeem(message))
        break
      case 'cache-flush':
        wire.send(encodeFlushed(message.id, flush()))
        break
      case 'list':
        void list(message)
    }
  }

  function lookup({ kind, id, name, service }: Lookup): string {
    const index = accounts()
    if (index === undefined) return told('unavailable', encodeMasterFail(id, 'accounts are not loaded'))
    const account = find(index, name, service)
    if (account === undefined) return told('not-found', encodeNotFound(id))
    return kind === 'pass' ? told('found', encodePass(id, account.address)) : userdb(id, index, account, {})
  }

  function redeem({ id, clientPid, loginId, cookie }: Redemption): string {
    const login = logins.redeem(clientPid, loginId, cookie)
    if (login === undefined) return refused(id, 'no such login is waiting, or it was redeemed already')
    const index = accounts()
    const account = index?.byName(login.address)
    if (index === undefined || account?.address !== login.address || !account.enabled) {
      return refused(id, 'the account is gone or disabled since the login')
    }
    return userdb(id, index, account, { auth_mech: login.mechanism })
  }

  /** No reason to the client: what it would show to the user, she can't mend. */
  function refused(id: number, why: string): string {
    log.warn({ event: 'request', listener, why }, 'a mail process asked for a login in vain')
    return told('unavailable', encodeMasterFail(id))
  }

  function userdb(id: number, index: AccountIndex, account: Account, more: Record<string, string>): string {
    const reply = encodeUser(id, account.address, { ...index.userdb(account), ...more })
    if (reply !== undefined) return told('found', reply)
    const cure = 'shorten the userdb fields of the account'
    log.error({ event: 'userdb', listener, account: account.address, cure }, 'a userdb entry is too long for Dovecot')
    return told('unavailable', encodeMasterFail(id))
  }

  function told(answer: LookupEvent['answer'], reply: string): string {
    telemetry?.lookup({ listener, answer })
    return reply
  }

  async function list({ id, mask }: List): Promise<void> {
    const index = accounts()
    if (listing || index === undefined) {
      wire.send(encodeDone(id, false))
      return
    }
    listing = true
    wire.begin()
    const matches = mask === undefined ? () => true : createMask(mask)
    let text = ''
    let seen = 0
    for (const { address } of index.all()) {
      if (matches(address)) text += encodeListed(id, address)
      if (++seen % LIST_ACCOUNTS !== 0) continue
      wire.send(text)
      text = ''
      await wire.drained()
      await nextTurn()
      if (!open) return
    }
    wire.send(text + encodeDone(id, true))
    listing = false
    wire.end()
  }

  wire.send(encodeMasterGreeting(spid))
  return {
    receive,
    closed: () => {
      open = false
    },
  }
}

/** A mail server's other services know a user by her own name only: the address, or an alias. */
function find(index: AccountIndex, name: string, service: string): Account | undefined {
  if (!deliveryServices.has(service)) return index.byName(name)
  const account = index.recipient(name)?.account
  return account?.receives ? account : undefined
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
