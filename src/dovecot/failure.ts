/**
 * Failure: what a mail client is told of a login that was refused. PURE.
 *
 * RFC 7628 section 3.2.2 and, for XOAUTH2, Google's older form of it ("status" is an HTTP status there), with
 * "schemes" as Dovecot sends it (lib-sasl/sasl-server-mech-oauth2.c).
 */
import type { OAuthFailure } from '../auth/verdict.ts'

/** "334 " + base64 + CRLF must fit the 512 bytes of an SMTP reply line (RFC 5321 section 4.5.3.1.5). */
const JSON_BYTES = 378

const httpStatus = { invalid_token: '401', insufficient_scope: '403', invalid_request: '400' } as const

/** The challenge before the failure. What doesn't fit is left out: the URL first. */
export function failureChallenge(form: 'oauthbearer' | 'xoauth2', failure: OAuthFailure): Buffer {
  const status =
    form === 'xoauth2' ? { status: httpStatus[failure.status], schemes: 'bearer' } : { status: failure.status }
  const scope = failure.scope === undefined ? {} : { scope: failure.scope }
  const url = failure.openidConfiguration === undefined ? {} : { 'openid-configuration': failure.openidConfiguration }
  for (const message of [
    { ...status, ...scope, ...url },
    { ...status, ...scope },
  ]) {
    const json = Buffer.from(JSON.stringify(message))
    if (json.length <= JSON_BYTES) return json
  }
  return Buffer.from(JSON.stringify(status))
}

/** `reason=` ends in an SMTP reply or an IMAP NO: one line of ASCII, not too long. */
export function userText(message: string | undefined): string | undefined {
  return message?.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
