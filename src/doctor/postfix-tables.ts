/**
 * Postfix's tables: the parameters that ask our socketmap and policy sockets, and those that must not
 * (docs/howto/postfix.md, Pitfalls): smtpd remembers a failed lookup of these for its whole life (smtpd_resolve.c).
 */
import type { Config, ListenerConfig } from '../config/config.ts'
import { quote } from '../config/values.ts'
import { checkDelimiter } from './delimiter.ts'
import type { Findings } from './finding.ts'
import { isChrooted, type Postfix, relativeName, socketPath } from './postfix-settings.ts'

const mapNames = ['mailbox', 'alias', 'login', 'domain']
const mustNot = ['virtual_mailbox_domains', 'virtual_alias_domains', 'transport_maps', 'relay_domains', 'mydestination']

type Found = { readonly proxy?: string; readonly socket?: string; readonly map?: string }

type Reference = {
  /** `virtual_mailbox_maps`, or `submission/inet/smtpd_recipient_restrictions`. */
  readonly parameter: string
  readonly socket: string
  /** Only tables have one. */
  readonly map: string
  /** By way of proxymap, which is in no chroot. */
  readonly isProxied: boolean
}

const table = /\b(?<proxy>proxy:)?socketmap:unix:(?<socket>[^\s,:{}]+):(?<map>[^\s,{}]+)/g
const policy = /\bcheck_policy_service\s+\{?\s*unix:(?<socket>[^\s,:{}]+)/g

export function checkTables(postfix: Postfix, listener: ListenerConfig, config: Config, findings: Findings): void {
  const references = findReferences(postfix, table, listener)
  if (references.length === 0)
    tellUnused(
      listener,
      findings,
      `virtual_mailbox_maps = socketmap:unix:${relativeName(postfix, listener.path)}:mailbox`,
    )
  else checkDelimiter(postfix.main.get('recipient_delimiter'), config.accounts, 'Dovecot', findings)
  for (const reference of references) checkTable(postfix, reference, listener, findings)
}

export function checkPolicies(postfix: Postfix, listener: ListenerConfig, findings: Findings): void {
  const references = findReferences(postfix, policy, listener)
  if (references.length === 0)
    tellUnused(listener, findings, `check_policy_service unix:${relativeName(postfix, listener.path)}`)
  for (const reference of references)
    if (isVisible(postfix, reference, listener, findings))
      findings.ok(reference.parameter, `asks listen.${listener.name}`)
}

function findReferences(postfix: Postfix, pattern: RegExp, { path }: ListenerConfig): Reference[] {
  return [...postfix.main, ...postfix.overrides].flatMap(([parameter, value]) =>
    [...value.matchAll(pattern)].flatMap(({ groups }) => {
      const { proxy, socket = '', map = '' }: Found = { ...groups }
      return socketPath(postfix, socket) === path ? [{ parameter, socket, map, isProxied: proxy !== undefined }] : []
    }),
  )
}

function tellUnused({ name }: ListenerConfig, findings: Findings, example: string): void {
  findings.warn(`listen.${name}`, 'no parameter asks it', {
    expected: `a parameter such as ${example}`,
    cure: 'Set it in main.cf, see docs/howto/postfix.md; or remove the listener.',
  })
}

function checkTable(postfix: Postfix, reference: Reference, listener: ListenerConfig, findings: Findings): void {
  const { parameter, map } = reference
  // What proxymap may read is a list of all tables.
  if (parameter === 'proxy_read_maps') return
  if (!mapNames.includes(map))
    findings.fail(parameter, `asks for the map ${quote(map)}, which does not exist`, {
      expected: mapNames.join(', '),
      cure: `Correct the end of socketmap:unix:${reference.socket}:… in main.cf.`,
    })
  else if (mustNot.includes(parameter.replace(/^.*\//, '')))
    findings.fail(parameter, 'is a socketmap: Postfix remembers its failures for as long as an smtpd lives', {
      expected: 'a static list',
      cure:
        parameter === 'virtual_alias_domains'
          ? 'Set "virtual_alias_domains =", empty, in main.cf: its default is $virtual_alias_maps.'
          : `Write the domains themselves into ${parameter}.`,
    })
  else if (isVisible(postfix, reference, listener, findings))
    findings.ok(parameter, `asks listen.${listener.name} for ${map}`)
}

/** smtpd and cleanup look tables up, in their chroot, if they have one. */
function isVisible(postfix: Postfix, reference: Reference, { path }: ListenerConfig, findings: Findings): boolean {
  const { parameter, socket, isProxied } = reference
  const caged = postfix.services.filter(
    service => ['smtpd', 'cleanup'].includes(service.program) && isChrooted(postfix, service),
  )
  if (!socket.startsWith('/') || isProxied || caged.length === 0) return true
  const relative = relativeName(postfix, path)
  findings.fail(parameter, `${socket}, which ${caged[0]?.name} in its chroot does not see`, {
    expected: 'a name relative to the queue directory',
    cure: relative.startsWith('/')
      ? `Put the socket below ${postfix.main.get('queue_directory')}, see docs/howto/postfix.md.`
      : `Write it as ${relative}.`,
  })
  return false
}
