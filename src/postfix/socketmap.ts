/**
 * Socketmap: the codec of Postfix's socketmap protocol (socketmap_table(5), src/util/dict_sockmap.c). PURE.
 *
 *   25:mailbox alice@example.org,      a query, `MAP KEY`; taken out of its netstring by net/framing.ts
 *   20:OK alice@example.org,           a reply: OK VALUE, `NOTFOUND ` (with the blank) or TEMP REASON
 *
 * A malformed reply leaves the smtpd that reads it with a broken stream, and every later lookup of its fails: lengths are
 * bytes, and nothing passes the 100,000 of dict_sockmap. `OK ` with nothing after it is a configuration error there.
 */
import { Buffer } from 'node:buffer'
import { ProtocolError } from '../net/session.ts'

export type SocketmapQuery = {
  readonly map: string
  /** As the client wrote it, in any case; with anything in it. */
  readonly key: string
}

export type SocketmapReply =
  | { readonly kind: 'ok'; readonly value: string }
  | { readonly kind: 'notfound' }
  | { readonly kind: 'temp'; readonly reason: string }

/** DICT_SOCKMAP_MAX_REPLY, including the verb. */
const maxReplyBytes = 100_000

/** Map names come out of main.cf: printable, so that they can be logged. */
const mapName = /^[!-~]{1,64}$/

export function readSocketmapQuery(payload: string): SocketmapQuery {
  const space = payload.indexOf(' ')
  if (space === -1) throw new ProtocolError('a socketmap query without a blank after the name of the map')
  const map = payload.slice(0, space)
  if (!mapName.test(map)) throw new ProtocolError('a socketmap query with a name of a map that is not printable')
  return { map, key: payload.slice(space + 1) }
}

export function encodeSocketmapReply(reply: SocketmapReply): string {
  switch (reply.kind) {
    case 'notfound':
      return '9:NOTFOUND ,'
    case 'temp':
      return netstring(`TEMP ${reply.reason}`)
    case 'ok': {
      if (reply.value === '') throw new TypeError('an OK of a socketmap needs a value')
      const payload = `OK ${reply.value}`
      return Buffer.byteLength(payload) > maxReplyBytes ? netstring('TEMP answer too long') : netstring(payload)
    }
  }
}

function netstring(payload: string): string {
  return `${Buffer.byteLength(payload)}:${payload},`
}
