/**
 * Policy: the codec of Postfix's access policy delegation (SMTPD_POLICY_README). PURE.
 *
 *   request=smtpd_access_policy        a request: `name=value` lines in any order, ended by an empty one;
 *   recipient=alice@example.org        cut into lines by `blocks` of net/framing.ts
 *
 *   action=DUNNO                       the reply, ended by an empty line; LF only, CRLF makes smtpd wait for ever
 *
 * An action that is empty or nothing but digits means *permit* to smtpd (smtpd_check.c:check_table_result), and so do OK
 * and RELAY: mail for strangers would be relayed. So only three forms of an action can be encoded here at all.
 */
import { ProtocolError } from '../net/session.ts'

export type PolicyRequest = {
  /** What kind of question it is; so far always `smtpd_access_policy`. */
  readonly request: string
  /** Unquoted, in any case, with anything in it. Empty where it isn't about one recipient (MAIL, DATA, END-OF-MESSAGE). */
  readonly recipient: string
}

/** A request from its lines. Attributes that nothing here asks for are passed over, as the README wants it. */
export function readPolicyRequest(lines: readonly string[]): PolicyRequest {
  let request: string | undefined
  let recipient: string | undefined
  for (const line of lines) {
    if (line.indexOf('=') < 1) throw new ProtocolError('a line of a policy request is not "name=value"')
    if (line.startsWith('recipient=')) recipient = once(recipient, line)
    else if (line.startsWith('request=')) request = once(request, line)
  }
  if (request === undefined) throw new ProtocolError('a policy request without the attribute "request"')
  return { request, recipient: recipient ?? '' }
}

/** The value, which may itself contain `=`. */
function once(before: string | undefined, line: string): string {
  if (before !== undefined) throw new ProtocolError('a policy request with an attribute twice')
  return line.slice(line.indexOf('=') + 1)
}

/** No opinion; a temporary failure, unless something else rejects; an SMTP reply that refuses. Never a permission. */
const harmless = /^(?:DUNNO|DEFER_IF_PERMIT 4\.\d{1,3}\.\d{1,3} [ -~]+|(?:4\d\d 4|5\d\d 5)\.\d{1,3}\.\d{1,3} [ -~]+)$/

/** The reply with this action. Throws on an action that could permit or that smtpd could not read. */
export function encodePolicyReply(action: string): string {
  if (!harmless.test(action)) throw new TypeError('not an action that bearerd sends')
  return `action=${action}\n\n`
}
