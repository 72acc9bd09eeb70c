/**
 * Socketmap session: the lookup tables that Postfix asks for (socketmap_table(5)).
 *
 *   mailbox   virtual_mailbox_maps: does this address take mail? For addresses with an extension and aliases too.
 *   alias     virtual_alias_maps: an alias → the account's address, its extension kept; a catch-all → the account's address
 *   login     smtpd_sender_login_maps: who may send from this address?
 *   domain    is this domain ours? (For relay_domains and the like; virtual_mailbox_domains better be static.)
 *
 * Postfix asks a socketmap for the full address and nothing else (maps.c:maps_find: DICT_FLAG_PATTERN), so extension,
 * catch-all and case are resolved by the account index. A catch-all is an alias, never a mailbox: Dovecot wouldn't know
 * the address. A real mailbox is never an alias, else the catch-all of its domain would swallow it. Accounts that take
 * no mail are in neither map, which is 550 5.1.1; the domain's catch-all doesn't get their mail either.
 */
import type { AccountIndex, Recipient } from '../accounts/account.ts'
import { netstrings } from '../net/framing.ts'
import type { Dialect } from '../net/session.ts'
import { type LookupOptions, watchedAccounts } from './accounts.ts'
import { encodeSocketmapReply, readSocketmapQuery, type SocketmapReply } from './socketmap.ts'

/** Longer than any SMTP command, and so than any address that Postfix could ask for. */
const maxBytes = 65_536
/** Names of unknown maps that are remembered as having been logged. */
const maxComplaints = 16

const told = { ok: 'found', notfound: 'not-found', temp: 'unavailable' } as const
const notFound: SocketmapReply = { kind: 'notfound' }
const unavailable: SocketmapReply = { kind: 'temp', reason: 'no accounts are loaded, see the log of bearerd' }

type Table = {
  /** Whether a key can be in the table at all. Others are answered without the accounts. */
  fits(key: string): boolean
  find(index: AccountIndex, key: string): string | undefined
}

/**
 * trivial-rewrite asks `alias` for bare domains too, if virtual_alias_domains has its default, and smtpd remembers a
 * failure there for its whole life (smtpd_resolve.c). So these are not found even while the accounts are unavailable.
 */
const isAddress = (key: string): boolean => key.includes('@')
const isDomain = (key: string): boolean => !isAddress(key)

const tables: ReadonlyMap<string, Table> = new Map([
  ['mailbox', { fits: isAddress, find: findMailbox }],
  ['alias', { fits: isAddress, find: findAlias }],
  ['login', { fits: isAddress, find: findLogins }],
  ['domain', { fits: isDomain, find: findDomain }],
])
const known = [...tables.keys()].join(', ')

export function createSocketmapDialect(options: LookupOptions): Dialect<string> {
  const { listener, log, telemetry } = options
  const current = watchedAccounts(options)
  const complained = new Set<string>()

  function complain(map: string): void {
    if (complained.has(map) || complained.size >= maxComplaints) return
    complained.add(map)
    const cure = `Correct the end of "socketmap:unix:…:${map}" in main.cf to one of: ${known}.`
    log.warn({ event: 'unknown_map', listener, map, cure }, 'Postfix asks for a map that does not exist')
  }

  function answer(payload: string): SocketmapReply {
    const { map, key } = readSocketmapQuery(payload)
    const table = tables.get(map)
    if (table === undefined) {
      complain(map)
      return { kind: 'temp', reason: `unknown map, known are: ${known}` }
    }
    if (!table.fits(key)) return notFound
    const index = current()
    if (index === undefined) return unavailable
    const value = table.find(index, key)
    return value === undefined ? notFound : { kind: 'ok', value }
  }

  return {
    framer: () => netstrings({ maxBytes }),
    open: wire => ({
      receive: payload => {
        const reply = answer(payload)
        telemetry?.lookup({ listener, answer: told[reply.kind] })
        wire.send(encodeSocketmapReply(reply))
      },
      closed: () => {},
    }),
  }
}

function findMailbox(index: AccountIndex, key: string): string | undefined {
  const found = receiver(index, key)
  return found === undefined || found.kind === 'catch-all' ? undefined : found.account.address
}

/** cleanup reads the answer as a list of addresses; canonical ones hold nothing that would need quoting there. */
function findAlias(index: AccountIndex, key: string): string | undefined {
  const found = receiver(index, key)
  if (found === undefined || found.kind === 'mailbox') return undefined
  const { account, extension } = found
  const at = account.address.lastIndexOf('@')
  return account.address.slice(0, at) + extension + account.address.slice(at)
}

/** Disabled accounts too: an address without an owner is anybody's under reject_known_sender_login_mismatch. */
function findLogins(index: AccountIndex, key: string): string | undefined {
  const senders = index.senders(key)
  return senders.length === 0 ? undefined : senders.map(account => account.address).join(',')
}

function findDomain(index: AccountIndex, key: string): string | undefined {
  return key !== '' && index.hasDomain(key) ? key.toLowerCase() : undefined
}

function receiver(index: AccountIndex, key: string): Recipient | undefined {
  const found = index.recipient(key)
  return found?.account.receives ? found : undefined
}
