/**
 * Peer: in what those differ who speak the auth-client protocol: Dovecot's login processes, by their version, and smtpd.
 * A fact each, with where it was found.
 */
import type { ListenerConfig } from '../config/config.ts'
import type { Mechanism } from '../sasl/mechanism.ts'
import type { Auth } from './client.ts'

export type Peer = {
  /** smtpd does one login at a time, has no word for a temporary failure, and doesn't say when its client gives up. */
  readonly isPostfix: boolean
  /** 2.3 disconnects on a CANCELLED, which it doesn't know; 2.4.4 waits for it. */
  readonly awaitsCancelled: boolean
  /** The initial response that is meant; undefined: none. */
  initialResponse(response: string | undefined): string | undefined
  isChannelBinding(field: string): boolean
  isMta(auth: Auth): boolean
  isCut(auth: Auth): boolean
  /** The challenge by which a failure is told, before it fails; undefined: by none. */
  challengeForm(mechanism: Mechanism, auth: Auth): Mechanism['failure']
}

/** smtpd cuts `AUTH <mechanism> <response>` here unless line_length_limit is raised (smtpd_chat.c, up to 3.11). */
const postfixLineChars = 2048

/** `minor`: of the protocol's version, as the peer says it. */
export function createPeer({ protocol, xoauth2Challenge }: ListenerConfig, minor: number): Peer {
  const isPostfix = protocol === 'postfix-sasl'
  return {
    isPostfix,
    awaitsCancelled: minor >= 4,

    /** Before 1.2, an empty resp= meant that there is none. "=" is RFC 4954's empty response, which smtpd passes on. */
    initialResponse(response) {
      if (response === undefined || (response === '' && minor < 2)) return undefined
      return response === '=' ? '' : response
    },

    /** Dovecot before 2.4.4 passes on what a mail client typed, with its TABs: a field is one of ours only since 1.3. */
    isChannelBinding: field => minor >= 3 && field.startsWith('channel_binding='),

    /** On a dovecot-auth socket too there may be an smtpd, led there by mistake, or Exim, which defers as smtpd does. */
    isMta: ({ service, nologin }) => isPostfix || nologin || service === 'smtp',

    /** Asked of malformed messages only: what is left of the line after any of our mechanisms has no length of base64. */
    isCut: ({ mechanism, response }) =>
      isPostfix && response !== undefined && `AUTH ${mechanism} ${response}`.length === postfixLineChars,

    /** Over IMAP and POP3, Thunderbird can't bear the XOAUTH2 challenge: it repeats its command as the answer. */
    challengeForm({ failure }, { service }) {
      if (failure !== 'xoauth2') return failure
      const smtp = isPostfix || service === 'smtp' || service === 'submission'
      return xoauth2Challenge === 'always' || (xoauth2Challenge === 'auto' && smtp) ? 'xoauth2' : undefined
    },
  }
}
