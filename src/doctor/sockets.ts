/**
 * Sockets: whether each `[listen.NAME]` is there, answered, and within reach of those it is for: Postfix's user
 * (mail_owner) and the user of Dovecot's login processes (default_login_user). auth-master is asked by root alone.
 */
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { connect } from 'node:net'
import type { ListenerConfig, Protocol } from '../config/config.ts'
import { errorCode } from '../oidc/fault.ts'
import type { Finding, Findings } from './finding.ts'
import { createFindings } from './findings.ts'
import { connectAs, obstacleOn, type SystemUser } from './system-user.ts'

/** Those who use the sockets, as far as they are installed. */
export type MailUsers = { readonly postfix: SystemUser | undefined; readonly dovecot: SystemUser | undefined }

/** An idle daemon greets at once; Postfix waits for 10 s. */
const patienceMs = 5_000

/** Where the server speaks first. */
const greets: readonly Protocol[] = ['dovecot-auth', 'dovecot-master', 'postfix-sasl']

export async function examineSocket(
  listener: ListenerConfig,
  users: MailUsers,
  greetingMs = patienceMs,
): Promise<Finding[]> {
  const findings = createFindings(`listen.${listener.name}`)
  const status = await stat(listener.path).catch((error: unknown) => errorCode(error) ?? 'unknown error')
  if (typeof status === 'string') tellMissing(listener, status, findings)
  else if (!status.isSocket())
    findings.fail('socket', `${listener.path} is no socket`, {
      cure: `Look what it is ("ls -ld ${listener.path}"), remove it, and restart bearerd.`,
    })
  else {
    findings.ok('socket', listener.path)
    await checkAnswer(listener, greetingMs, findings)
    checkMode(listener, status, findings)
    const user = userOf(listener.protocol, users)
    if (user !== undefined) await checkReach(listener, user, findings)
  }
  return [...findings.list]
}

function tellMissing({ name, path }: ListenerConfig, code: string, findings: Findings): void {
  if (code === 'EACCES') findings.skip('socket', `${path}: out of reach for this user; root sees more`)
  else
    findings.fail('socket', code === 'ENOENT' ? `${path} does not exist` : `${path} can't be looked at (${code})`, {
      cure: `Start bearerd ("systemctl start bearerd"); with systemd's sockets: "systemctl enable --now bearerd-${name}.socket".`,
    })
}

async function checkAnswer({ path, protocol }: ListenerConfig, waitMs: number, findings: Findings): Promise<void> {
  const code = await tryConnect(path, greets.includes(protocol), waitMs)
  if (code === undefined) findings.ok('answer', 'somebody listens')
  else if (code === 'EACCES') findings.skip('answer', 'this user may not connect; root may')
  else
    findings.fail('answer', code === 'TIMEOUT' ? 'connects, but nobody speaks' : `nobody listens (${code})`, {
      cure: 'Start bearerd: "systemctl restart bearerd"; why it is down: "systemctl status bearerd", "journalctl -u bearerd".',
    })
}

/** The code of the failure; TIMEOUT: no greeting. */
function tryConnect(path: string, waitForGreeting: boolean, waitMs: number): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connect(path)
    const finish = (code?: string): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(code)
    }
    const timer = setTimeout(() => finish('TIMEOUT'), waitMs)
    socket.once(waitForGreeting ? 'data' : 'connect', () => finish())
    socket.once('end', () => finish('it hangs up'))
    socket.once('error', error => finish(errorCode(error) ?? 'unknown error'))
  })
}

/** Whoever reaches it reads everybody's userdb entry. */
function checkMode({ name, path, protocol }: ListenerConfig, { mode }: Stats, findings: Findings): void {
  if (protocol !== 'dovecot-master' || (mode & 0o2) === 0) return
  findings.warn(
    'permissions',
    `mode ${(mode & 0o777).toString(8).padStart(4, '0')}: everybody can read all userdb entries`,
    {
      expected: '0600',
      cure: `Set mode = "0600" in [listen.${name}] (SocketMode= of its unit), or keep others out of the directory of ${path}.`,
    },
  )
}

function userOf(protocol: Protocol, { postfix, dovecot }: MailUsers): SystemUser | undefined {
  if (protocol === 'dovecot-master') return undefined
  return protocol === 'dovecot-auth' ? dovecot : postfix
}

async function checkReach({ name, path }: ListenerConfig, user: SystemUser, findings: Findings): Promise<void> {
  const check = `reach of ${user.name}`
  const obstacle = await obstacleOn(path, user).catch(() => undefined)
  const code = process.getuid?.() === 0 ? await connectAs(path, user) : obstacle && 'EACCES'
  if (code === undefined) findings.ok(check, 'she can connect')
  // Nobody listens: that has been said.
  if (code !== 'EACCES' && code !== 'EPERM') return
  const cure =
    obstacle === path || obstacle === undefined
      ? `Set group = "${user.name}" and mode = "0660" in [listen.${name}]; with systemd, SocketGroup= and SocketMode= of bearerd-${name}.socket.`
      : `Let her through: "chgrp ${user.name} ${obstacle} && chmod g+x ${obstacle}", or "chmod o+x ${obstacle}".`
  const seen =
    obstacle === undefined ? `${path} is refused to her (${code})` : `${obstacle} stands in her way (${code})`
  findings.fail(check, seen, { cure })
}
