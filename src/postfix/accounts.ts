/**
 * The accounts as Postfix's lookups see them: mail is deferred while none have ever been loaded, and the log says so once,
 * not once a recipient.
 */
import type { AccountIndex } from '../accounts/account.ts'
import type { Log } from '../log.ts'
import type { Telemetry } from '../telemetry.ts'

export type LookupOptions = {
  /** Name of the listener, for the log. */
  readonly listener: string
  /** Undefined until the account files have been loaded without a problem. */
  accounts(): AccountIndex | undefined
  readonly log: Log
  /** Is told of each question about an address. */
  readonly telemetry?: Pick<Telemetry, 'lookup'> | undefined
}

export function watchedAccounts({ listener, accounts, log }: LookupOptions): () => AccountIndex | undefined {
  let deferring = false
  return () => {
    const index = accounts()
    if (deferring !== (index === undefined)) {
      deferring = !deferring
      if (deferring) {
        const fields = { event: 'accounts_unavailable', listener, cure: 'Run "bearerd check".' }
        log.error(fields, 'no accounts are loaded: Postfix is told to defer mail')
      } else log.info({ event: 'accounts_available', listener }, 'accounts are loaded: lookups are answered again')
    }
    return index
  }
}
