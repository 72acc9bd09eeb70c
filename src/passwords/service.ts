/**
 * Service: what a mail server says a login is for (Dovecot's `service=`, Postfix's is always smtp), and whether a password
 * is for that. PURE.
 *
 * Submission is smtp, whoever serves it. Services without a name here (doveadm, lmtp) take unrestricted passwords only.
 */
import type { Service } from './password.ts'

export const services: readonly Service[] = ['imap', 'pop3', 'smtp', 'sieve']
const byName = new Map<string, Service>([
  ...services.map((service): [string, Service] => [service, service]),
  ['submission', 'smtp'],
  ['managesieve', 'sieve'],
])

export function parseService(name: string): Service | undefined {
  return byName.get(name.toLowerCase())
}

/** `name` as the mail server spells it. */
export function allowsService(allowed: readonly Service[], name: string | undefined): boolean {
  if (allowed.length === 0) return true
  const service = parseService(name ?? '')
  return service !== undefined && allowed.includes(service)
}
