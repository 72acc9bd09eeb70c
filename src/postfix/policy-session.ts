/**
 * Policy session: answers smtpd's `check_policy_service` (SMTPD_POLICY_README) whether a recipient exists.
 *
 * Only ever says DUNNO, "no", or "later": what may be relayed is not decided here. A request that isn't one ends the
 * connection; smtpd then tries once more and answers 451 4.3.5 (its default_action), so nothing is lost or let in.
 */
import type { AccountIndex } from '../accounts/account.ts'
import { blocks } from '../net/framing.ts'
import type { Dialect } from '../net/session.ts'
import { type LookupOptions, watchedAccounts } from './accounts.ts'
import { encodePolicyReply, type PolicyRequest, readPolicyRequest } from './policy.ts'

/** Thirty attributes, of which few are from the SMTP client, each no longer than an SMTP command. */
const maxBytes = 65_536

const noOpinion = encodePolicyReply('DUNNO')
/** What a recipient is, what is replied, and what is counted. */
const findings = {
  found: { reply: noOpinion, answer: 'found' },
  disabled: { reply: encodePolicyReply('550 5.2.1 Mailbox disabled, not accepting messages'), answer: 'not-found' },
  unknown: { reply: encodePolicyReply('550 5.1.1 User unknown'), answer: 'not-found' },
  /** Not in a domain of ours. */
  foreign: { reply: noOpinion, answer: 'not-found' },
  later: {
    reply: encodePolicyReply('DEFER_IF_PERMIT 4.3.0 Recipients cannot be looked up at the moment'),
    answer: 'unavailable',
  },
} as const

export function createPolicyDialect(options: LookupOptions): Dialect<string[]> {
  const { listener, telemetry } = options
  const current = watchedAccounts(options)

  function lookUp(recipient: string): string {
    const { reply, answer } = findings[find(current(), recipient)]
    telemetry?.lookup({ listener, answer })
    return reply
  }

  return {
    framer: () => blocks({ maxBytes }),
    open: wire => ({
      receive: lines => wire.send(answer(readPolicyRequest(lines), lookUp)),
      closed: () => {},
    }),
  }
}

function answer({ request, recipient: given }: PolicyRequest, lookUp: (recipient: string) => string): string {
  // Another kind of question, should there ever be one, is not ours to answer.
  if (request !== 'smtpd_access_policy') return noOpinion
  // smtpd takes a domain with the root's dot for the same (RFC 5321 section 2.3.5 has none).
  const recipient = given.replace(/\.$/, '')
  // No single recipient (MAIL, DATA, END-OF-MESSAGE), or a bare `postmaster`, which smtpd accepts as it must.
  return recipient.includes('@') ? lookUp(recipient) : noOpinion
}

function find(index: AccountIndex | undefined, recipient: string): keyof typeof findings {
  if (index === undefined) return 'later'
  const found = index.recipient(recipient)
  if (found !== undefined) return found.account.receives ? 'found' : 'disabled'
  return index.hasDomain(recipient.slice(recipient.lastIndexOf('@') + 1)) ? 'unknown' : 'foreign'
}
