/** Delimiter: whether a mail server begins address extensions as bearerd does. */
import type { AccountsConfig } from '../config/config.ts'
import { quote } from '../config/values.ts'
import type { Findings } from './finding.ts'

/** `other`: the mail server that has the setting too. */
export function checkDelimiter(
  given: string | undefined,
  { recipientDelimiter: ours }: AccountsConfig,
  other: 'Dovecot' | 'Postfix',
  findings: Findings,
): void {
  const theirs = given ?? ''
  if (theirs === ours) findings.ok('recipient_delimiter', quote(ours))
  else
    findings.warn('recipient_delimiter', quote(theirs), {
      expected: `${quote(ours)}, as accounts.recipient-delimiter`,
      cure: `Set both to the same, and recipient_delimiter of ${other} too.`,
    })
}
