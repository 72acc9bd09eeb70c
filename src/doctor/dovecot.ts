/**
 * Dovecot: its settings as `doveconf` tells them, where they are about our sockets (docs/howto/dovecot.md).
 *
 * 2.3 names the sockets in `executable`, 2.4 in settings of their own, some of them hidden: these are asked for by name.
 */
import type { Config, ListenerConfig, Protocol } from '../config/config.ts'
import { quote } from '../config/values.ts'
import { checkDelimiter } from './delimiter.ts'
import type { Finding, Findings } from './finding.ts'
import { createFindings } from './findings.ts'
import { readBlocks, type Settings } from './settings.ts'
import { tokenRoom } from './token-room.ts'
import { askTool } from './tool.ts'

export type Dovecot = {
  readonly version: string
  readonly settings: Settings
  /** Of 2.4; empty where they don't exist. */
  readonly login: string
  readonly master: string
  readonly lookup: string
}

/** Protocol → its service before the login, and after. */
const services: Readonly<Record<string, { readonly login: string; readonly after: string }>> = {
  imap: { login: 'imap-login', after: 'imap' },
  pop3: { login: 'pop3-login', after: 'pop3' },
  submission: { login: 'submission-login', after: 'submission' },
  sieve: { login: 'managesieve-login', after: 'managesieve' },
}

/** LOGIN_MAX_AUTH_BUF_SIZE of 2.3 (login-common/client-common.h): base64 of one SASL response. */
const responseBytes = 8192

/** Text: why there is nothing to look at. */
export async function readDovecot(): Promise<Dovecot | string> {
  const told = await askTool('doveconf', ['-a'])
  if (told.kind === 'absent') return 'not installed here: skipped'
  if (told.kind === 'failed') return `doveconf failed: ${told.why}`
  const settings = readBlocks(told.text)
  const value = async (name: string): Promise<string> => {
    const answer = await askTool('doveconf', ['-h', name])
    return answer.kind === 'text' ? answer.text.trim() : ''
  }
  const version = await askTool('dovecot', ['--version'])
  return {
    version: version.kind === 'text' ? version.text.trim() : '',
    settings,
    login: await value('login_socket_path'),
    master: await value('auth_master_socket_path'),
    lookup: settings.get('auth_socket_path') ?? (await value('auth_socket_path')),
  }
}

/** A setting that may be another's name: `$default_login_user`. */
export function expanded({ settings }: Dovecot, name: string): string {
  const value = settings.get(name) ?? ''
  return value.startsWith('$') ? (settings.get(value.slice(1).replace(/^SET:/, '')) ?? '') : value
}

/** `largestToken`: seen accepted, of any directory. */
export function examineDovecot(dovecot: Dovecot, config: Config, largestToken: number | undefined): Finding[] {
  const findings = createFindings('Dovecot')
  const of = (protocol: Protocol): ListenerConfig[] => config.listeners.filter(found => found.protocol === protocol)
  const [clients, masters] = [of('dovecot-auth'), of('dovecot-master')]
  if (clients.length > 0) {
    checkLogins(dovecot, { clients, masters }, findings)
    checkCleartext(dovecot, findings)
    checkRoom(dovecot, largestToken, findings)
  }
  if (masters.length > 0) {
    checkLookups(dovecot, masters, findings)
    checkUid(dovecot, config, findings)
    checkDelimiter(dovecot.settings.get('recipient_delimiter'), config.accounts, 'Postfix', findings)
  }
  if (findings.list.length === 0) findings.skip('settings', 'no [listen.NAME] is for Dovecot')
  return [...findings.list]
}

type Ours = { readonly clients: readonly ListenerConfig[]; readonly masters: readonly ListenerConfig[] }

function checkLogins(dovecot: Dovecot, ours: Ours, findings: Findings): void {
  for (const [protocol, service] of Object.entries(services)) {
    if (!isEnabled(dovecot, protocol) || !dovecot.settings.has(`service/${service.login}/executable`)) continue
    if (checkLogin(dovecot, service.login, ours.clients, findings)) checkAfter(dovecot, service.after, ours, findings)
  }
}

/** `protocols = imap lmtp`, or, in 2.4, `protocols { imap = yes }`. */
function isEnabled({ settings }: Dovecot, protocol: string): boolean {
  const list = (settings.get('protocols') ?? '').replaceAll('"', '').split(/\s+/)
  return list.includes(protocol) || settings.get(`protocols/${protocol}`) === 'yes'
}

/** Whether its logins come to us. */
function checkLogin(
  { settings, login }: Dovecot,
  service: string,
  clients: readonly ListenerConfig[],
  findings: Findings,
): boolean {
  const executable = settings.get(`service/${service}/executable`) ?? ''
  const asked = executable.split(/\s+/).find((word, index) => index > 0 && word.startsWith('/')) ?? login
  const listener = clients.find(({ path }) => path === asked)
  if (listener === undefined) {
    const [path] = clients.map(client => client.path)
    findings.warn(service, asked.startsWith('/') ? `asks ${asked}` : "asks Dovecot's own auth process", {
      expected: `${path}`,
      cure:
        login === ''
          ? `Set "executable = ${service} ${path}" in service ${service}.`
          : `Set "login_socket_path = ${path}".`,
    })
    return false
  }
  const chroot = settings.get(`service/${service}/chroot`) ?? ''
  if (chroot === '') findings.ok(service, `asks listen.${listener.name}`)
  else
    findings.fail(service, `is in the chroot ${quote(chroot)}, and does not see ${asked}`, {
      expected: 'chroot =',
      cure: `Set "chroot =", empty, in service ${service}, on a line of its own.`,
    })
  return true
}

/** Who was let in by us is known to us only. */
function checkAfter({ settings, master }: Dovecot, service: string, { masters }: Ours, findings: Findings): void {
  const executable = settings.get(`service/${service}/executable`) ?? ''
  const asked = /\s-a\s+(\S+)/.exec(executable)?.[1] ?? master
  const listener = masters.find(({ path }) => path === asked)
  if (listener !== undefined) {
    findings.ok(service, `asks listen.${listener.name}`)
    return
  }
  const path = masters[0]?.path
  const setting = master === '' ? `executable = ${service} -a ` : 'auth_master_socket_path = '
  const where = master === '' ? ` in service ${service}` : ''
  const cure =
    path === undefined
      ? `Add a [listen.NAME] with protocol = "dovecot-master" to bearerd.toml, then set "${setting}PATH"${where}`
      : `Set "${setting}${path}"${where}`
  findings.fail(service, asked.startsWith('/') ? `asks ${asked}` : "asks Dovecot's own auth process", {
    expected: path ?? 'a dovecot-master listener',
    cure: `${cure}: else good logins end with an internal error.`,
  })
}

function checkLookups({ lookup }: Dovecot, masters: readonly ListenerConfig[], findings: Findings): void {
  const listener = masters.find(({ path }) => path === lookup)
  if (listener !== undefined) findings.ok('auth_socket_path', `is listen.${listener.name}`)
  else
    findings.warn('auth_socket_path', lookup === '' ? 'not set' : lookup, {
      expected: masters[0]?.path ?? '',
      cure: `Set "auth_socket_path = ${masters[0]?.path}": lmtp, lda and doveadm look users up there.`,
    })
}

function checkCleartext({ settings }: Dovecot, findings: Findings): void {
  const isAllowed = settings.get('disable_plaintext_auth') === 'no' || settings.get('auth_allow_cleartext') === 'yes'
  if (!isAllowed) findings.ok('TLS', 'tokens and passwords are taken under TLS only')
  else
    findings.warn('TLS', 'tokens and passwords are taken without TLS', {
      cure: settings.has('auth_allow_cleartext')
        ? 'Set "auth_allow_cleartext = no".'
        : 'Set "disable_plaintext_auth = yes".',
    })
}

function checkRoom({ version }: Dovecot, largest: number | undefined, findings: Findings): void {
  if (!version.startsWith('2.3.')) return
  const room = tokenRoom(responseBytes, 0)
  const seen = `tokens of up to ${room} bytes fit${largest === undefined ? '' : `; the largest seen had ${largest}`}`
  if (largest === undefined || largest <= room) findings.ok('token size', seen)
  else
    findings.warn('token size', seen, {
      cure: 'Have the provider put fewer claims into the token, or use opaque ones: Dovecot 2.3 has no setting for it.',
    })
}

function checkUid({ settings }: Dovecot, { accounts }: Config, findings: Findings): void {
  const [uid, first] = [Number(accounts.defaults.uid), Number(settings.get('first_valid_uid'))]
  // A name: Dovecot says so itself.
  if (!Number.isInteger(uid) || !Number.isInteger(first) || accounts.defaults.uid === undefined) return
  if (uid >= first) findings.ok('first_valid_uid', `${first}; accounts have ${uid}`)
  else
    findings.fail('first_valid_uid', `${first}; accounts have ${uid}`, {
      expected: 'not above accounts.defaults.uid',
      cure: `Set "first_valid_uid = ${uid}", or give the mail to another user: good logins end with "Internal error".`,
    })
}
