/**
 * Postfix: whether its settings fit our sockets: those of main.cf, and what master.cf overrides for each smtpd
 * (docs/howto/postfix.md).
 */
import type { Config, ListenerConfig } from '../config/config.ts'
import { quote } from '../config/values.ts'
import type { Finding, Findings } from './finding.ts'
import { createFindings } from './findings.ts'
import { isChrooted, type Postfix, relativeName, settingOf, socketPath } from './postfix-settings.ts'
import { checkPolicies, checkTables } from './postfix-tables.ts'
import type { Service } from './settings.ts'
import { tokenRoom } from './token-room.ts'

/** What a page of docs says where to look. */
const page = 'docs/howto/postfix.md'
/** Below this an ordinary JWT may not fit. */
const roomyBytes = 4096

/** `largestToken`: seen accepted, of any directory. */
export function examinePostfix(postfix: Postfix, config: Config, largestToken: number | undefined): Finding[] {
  const findings = createFindings('Postfix')
  for (const listener of config.listeners) {
    if (listener.protocol === 'postfix-sasl') checkSasl(postfix, listener, largestToken, findings)
    if (listener.protocol === 'postfix-socketmap') checkTables(postfix, listener, config, findings)
    if (listener.protocol === 'postfix-policy') checkPolicies(postfix, listener, findings)
  }
  if (findings.list.length === 0) findings.skip('settings', 'no [listen.NAME] is for Postfix')
  return [...findings.list]
}

function checkSasl(
  postfix: Postfix,
  listener: ListenerConfig,
  largestToken: number | undefined,
  findings: Findings,
): void {
  const logins = postfix.services.filter(
    service => service.program === 'smtpd' && settingOf(postfix, service, 'smtpd_sasl_auth_enable') === 'yes',
  )
  const ours = logins.filter(service => socketPath(postfix, saslPath(postfix, service)) === listener.path)
  const others = logins.map(service => `; ${service.name} asks ${quote(saslPath(postfix, service))}`).join('')
  if (ours.length === 0)
    findings.warn('smtpd_sasl_path', `no smtpd with smtpd_sasl_auth_enable asks listen.${listener.name}${others}`, {
      expected: relativeName(postfix, listener.path),
      cure: `Set it for the submission services in master.cf, see ${page}; or remove the listener.`,
    })
  for (const service of ours) {
    const sound = checkType(postfix, service, findings) && checkChroot(postfix, service, listener, findings)
    if (sound) findings.ok(`${service.name}: socket`, `${saslPath(postfix, service)} is listen.${listener.name}`)
    checkRoom(postfix, service, largestToken, findings)
  }
}

function saslPath(postfix: Postfix, service: Service): string {
  return settingOf(postfix, service, 'smtpd_sasl_path').replace(/^unix:/, '')
}

function checkType(postfix: Postfix, service: Service, findings: Findings): boolean {
  const type = settingOf(postfix, service, 'smtpd_sasl_type')
  if (type === 'dovecot') return true
  findings.fail(`${service.name}: smtpd_sasl_type`, type, {
    expected: 'dovecot',
    cure: `Add "-o smtpd_sasl_type=dovecot" to ${service.name} in master.cf: bearerd speaks Dovecot's protocol.`,
  })
  return false
}

function checkChroot(postfix: Postfix, service: Service, listener: ListenerConfig, findings: Findings): boolean {
  const name = saslPath(postfix, service)
  if (!name.startsWith('/') || !isChrooted(postfix, service)) return true
  const relative = relativeName(postfix, listener.path)
  const cure = relative.startsWith('/')
    ? `Put the socket below ${postfix.main.get('queue_directory')} (path in [listen.${listener.name}]), see ${page}.`
    : `Set smtpd_sasl_path=${relative}.`
  findings.fail(`${service.name}: smtpd_sasl_path`, `${name}, which an smtpd in its chroot does not see`, {
    expected: relative.startsWith('/') ? 'a socket in the queue directory' : relative,
    cure,
  })
  return false
}

/** With AUTH a token is part of a command; without an initial response it is a line of its own (smtpd_sasl_proto.c). */
function checkRoom(postfix: Postfix, service: Service, largest: number | undefined, findings: Findings): void {
  const check = `${service.name}: token size`
  const line = Number(settingOf(postfix, service, 'line_length_limit'))
  const response = Number(settingOf(postfix, service, 'smtpd_sasl_response_limit'))
  const room = Math.min(tokenRoom(line, 'AUTH OAUTHBEARER '.length), tokenRoom(response, 0))
  const limits = `line_length_limit = ${line}, smtpd_sasl_response_limit = ${response}`
  const seen = `tokens of up to ${room} bytes fit (${limits})${largest === undefined ? '' : `; the largest seen had ${largest}`}`
  const trouble = {
    expected: 'line_length_limit = 32768, smtpd_sasl_response_limit = 65536',
    cure: `Add "-o line_length_limit=32768" and "-o smtpd_sasl_response_limit=65536" to ${service.name} in master.cf: longer tokens arrive cut off, and are refused.`,
  }
  if (largest !== undefined && largest > room) findings.fail(check, seen, trouble)
  else if (room < roomyBytes) findings.warn(check, seen, trouble)
  else findings.ok(check, seen)
}
