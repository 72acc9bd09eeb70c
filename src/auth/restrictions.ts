/**
 * Restrictions: what a password is not good for, though it is the right one.
 *
 * A restricted password is refused where it can't be known whether the restriction is met: to a mail server that names a
 * service of no known kind, or doesn't tell the client's address.
 */
import type { Account } from '../accounts/account.ts'
import { inNetworks } from '../passwords/network.ts'
import type { PasswordRecord, Service } from '../passwords/password.ts'
import { allowsService, parseService } from '../passwords/service.ts'
import { printable } from './outcome.ts'
import type { RejectReason } from './reason.ts'
import type { LoginRequest } from './verdict.ts'

export type Restriction = {
  readonly reason: RejectReason
  readonly detail: string
  /** Undefined: what stands in `reason.ts`. */
  readonly cure: string | undefined
}

/** The first that keeps this login out, in the order in which an administrator would look; undefined: none. */
export function restriction(
  record: PasswordRecord,
  account: Account,
  { service, remoteAddress }: Pick<LoginRequest, 'service' | 'remoteAddress'>,
  nowMs: number,
): Restriction | undefined {
  const { created, expires, services, networks } = record
  if (account.created !== undefined && created < account.created)
    return {
      reason: 'password_outdated',
      detail: `of ${date(created)}, the account is of ${date(account.created)}`,
      cure: undefined,
    }
  if (expires !== undefined && expires <= nowMs)
    return { reason: 'password_expired', detail: `expired at ${date(expires)}`, cure: undefined }
  if (!allowsService(services, service)) {
    const detail = `for ${services.join(', ')}, not for ${printable(service)}`
    return { reason: 'password_service', detail, cure: cureOfService(services, service) }
  }
  if (!inNetworks(networks, remoteAddress)) {
    const [where, cure] = remoteAddress ? [`${printable(remoteAddress)} is outside`, undefined] : untold
    return { reason: 'password_network', detail: `${where}: for ${networks.join(', ')} only`.slice(0, 256), cure }
  }
  return undefined
}

const untold = [
  'the mail server told no address',
  'See that the mail server tells where logins come from (a proxy before it may hide that); or make a password without --networks.',
] as const

function cureOfService(allowed: readonly Service[], refused: string): string {
  const make = '"bearerd app-password create ADDRESS --label DEVICE'
  const service = parseService(refused)
  if (service === undefined) return `Only one for all services is good for this one: ${make}", without --services.`
  return `Make one with ${service} among them: ${make} --services ${[...allowed, service].join(',')}".`
}

const date = (ms: number): string => new Date(ms).toISOString()
