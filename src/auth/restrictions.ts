/**
 * Restrictions: what a password is not good for, though it is the right one.
 *
 * A restricted password is refused where it can't be known whether the restriction is met: to a mail server that names a
 * service of no known kind, or doesn't tell the client's address.
 */
import type { Account } from '../accounts/account.ts'
import { inNetworks } from '../passwords/network.ts'
import type { PasswordRecord } from '../passwords/password.ts'
import { allowsService } from '../passwords/service.ts'
import { printable } from './outcome.ts'
import type { RejectReason } from './reason.ts'
import type { LoginRequest } from './verdict.ts'

export type Restriction = { readonly reason: RejectReason; readonly detail: string }

/** The first that keeps this login out, in the order in which an administrator would look; undefined: none. */
export function restriction(
  record: PasswordRecord,
  account: Account,
  { service, remoteAddress }: Pick<LoginRequest, 'service' | 'remoteAddress'>,
  nowMs: number,
): Restriction | undefined {
  const { created, expires, services, networks } = record
  if (account.created !== undefined && created < account.created)
    return { reason: 'password_outdated', detail: `of ${date(created)}, the account is of ${date(account.created)}` }
  if (expires !== undefined && expires <= nowMs)
    return { reason: 'password_expired', detail: `expired at ${date(expires)}` }
  if (!allowsService(services, service))
    return { reason: 'password_service', detail: `for ${services.join(', ')}, not for ${printable(service)}` }
  if (!inNetworks(networks, remoteAddress))
    return { reason: 'password_network', detail: `for ${networks.join(', ')} only`.slice(0, 256) }
  return undefined
}

const date = (ms: number): string => new Date(ms).toISOString()
