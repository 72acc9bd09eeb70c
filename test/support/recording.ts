/**
 * Recording: replays what Dovecot's and Postfix's processes once said to another auth server, and compares what bearerd
 * answers with what that server did. A recording is a dialog (dialog.ts); where bearerd differs, it says so:
 *
 *   S: OK\t1\tuser=alice\ttoken=good-alice   the server that was recorded
 *   -- ours OK\t1\tuser=alice                bearerd, instead of the line before; without a line: nothing
 *   -- also CANCELLED\t1                     bearerd says this where the server said nothing
 *   -- stop                                  from here on the client answers what bearerd didn't say
 *   -- wait 8000                             milliseconds pass
 *   -- accounts alice nolog                  these are all, @example.org; without names: they can't be looked up
 *
 * Greetings have been left out. `<<XOAUTH2 1500 cut 2035>>` is a message with a token of that length, cut to that many
 * characters of base64. On the way to bearerd a name without a domain gets one, and the cookie of a REQUEST becomes the one that
 * bearerd gave to the connection with that CPID.
 *
 * Compared are the verb, the id, the user but for her domain, code= and reason=, further keys, and of a challenge whether it is
 * empty and the status in it; of a userdb entry only the name and auth_mech=.
 */
import type { AccountIndex } from '../../src/accounts/account.ts'
import type { LoginRequest, Reject, Verdict } from '../../src/auth/verdict.ts'
import type { ListenerConfig } from '../../src/config/config.ts'
import { createAuthDialect } from '../../src/dovecot/auth-session.ts'
import { createLogins } from '../../src/dovecot/logins.ts'
import { createMasterDialect } from '../../src/dovecot/master-session.ts'
import { mechanisms } from '../../src/sasl/mechanisms.ts'
import { account, indexOf } from './accounts.ts'
import type { Clock } from './clock.ts'
import { type Dialog, runDialog } from './dialog.ts'
import { createRecorder } from './log.ts'
import { connect, type Peer } from './wire.ts'

const indexed = (names: readonly string[]) => indexOf(names.map(name => account({ address: `${name}@example.org` })))

export type ReplayOptions = {
  readonly protocol: ListenerConfig['protocol'] & ('dovecot-auth' | 'postfix-sasl')
  readonly clock: Clock
  /** Said first on an auth-client connection of which the recording has not the beginning. */
  readonly handshake: string
}

export function replay(dialog: Dialog, { protocol, clock, handshake }: ReplayOptions): Promise<void> {
  const cookies = new Map<string, string>()
  const log = createRecorder()
  const logins = createLogins()
  let accounts: AccountIndex | undefined = indexed(['alice', 'bob', 'dave'])
  const master = createMasterDialect({
    listener: 'master',
    accounts: () => accounts,
    logins,
    spid: 4711,
    flush: () => 0,
    log,
  })
  const auth = createAuthDialect({
    listener: { name: 'auth', protocol, path: '/auth', mode: 0o660, group: undefined, xoauth2Challenge: 'auto' },
    mechanisms,
    tokenBytes: 9000,
    authenticate,
    logins,
    spid: 4711,
    log,
  })

  function open(name: string): Peer {
    const toMaster = name.startsWith('master')
    const peer = toMaster ? connect(master) : connect(auth)
    const cookie = /COOKIE\t(.*)/.exec(peer.read())?.[1] ?? ''
    let fresh = true
    return {
      ...peer,
      get destroyed() {
        return peer.destroyed
      },
      get inFlight() {
        return peer.inFlight
      },
      write: frame => {
        const text = String(frame)
        if (fresh && !toMaster && !/^(?:VERSION|CPID)/.test(text)) peer.write(handshake)
        fresh = false
        const fields = text.split('\t')
        if (fields[0] === 'CPID') cookies.set(fields[1]?.trim() ?? '', cookie)
        peer.write(forOurs(fields, cookies).join('\t'))
      },
    }
  }

  return runDialog(ours(dialog), {
    connect: open,
    decode: sent =>
      sent
        .split('\n')
        .slice(0, -1)
        .map(line => essence(line.split('\t'))),
    instruct: ([verb, ...words]) => {
      if (verb === 'wait') clock.pass(Number(words[0]))
      else accounts = words.length === 0 ? undefined : indexed(words)
    },
  })
}

function forOurs([verb = '', ...fields]: readonly string[], cookies: ReadonlyMap<string, string>): string[] {
  const [id = '', name = '', ...rest] = fields
  if (verb === 'USER' || verb === 'PASS') return [verb, id, name.includes('@') ? name : `${name}@example.org`, ...rest]
  if (verb === 'REQUEST') return [verb, id, name, rest[0] ?? '', cookies.get(name) ?? rest[1] ?? '', ...rest.slice(2)]
  return [verb, ...fields.map(field => field.replace(/<<XOAUTH2 (\d+)(?: cut (\d+))?>>/, longMessage))]
}

function longMessage(_: string, size: string, end: string | undefined): string {
  const token = `good-${'A'.repeat(Number(size) - 5)}`
  const message = Buffer.from(`user=alice@example.com\x01auth=Bearer ${token}\x01\x01`).toString('base64')
  return end === undefined ? message : message.slice(0, Number(end))
}

/** The dialog as bearerd is to have it. */
function ours({ name, steps }: Dialog): Dialog {
  const kept: Dialog['steps'][number][] = []
  for (const step of steps) {
    const [, verb, text = ''] = step.actor === '--' ? (/^(ours|also|stop)(?: (.*))?$/.exec(step.text) ?? []) : []
    if (verb === 'stop') break
    if (verb === undefined) kept.push(step)
    else {
      const before = verb === 'ours' ? kept.pop() : kept.findLast(({ actor }) => actor !== '--')
      if (text !== '') kept.push({ ...step, actor: 'S', connection: before?.connection ?? '', text })
    }
  }
  return {
    name,
    steps: kept.map(step => {
      const frame = step.actor === 'S' && !step.text.startsWith('(')
      return frame ? { ...step, text: essence(step.text.split('\\t')) } : step
    }),
  }
}

/** What is compared of a line. In words with blanks between, so that it is the same escaped and not. */
function essence([verb = '', id = '', ...fields]: readonly string[]): string {
  const words = verb === 'USER' ? fields.filter((field, at) => at === 0 || field.startsWith('auth_mech=')) : fields
  const shown = verb === 'CONT' ? words.map(challenge) : words.filter(word => word !== '')
  return [verb, id, ...shown]
    .join(' ')
    .replace(/@example\.(?:org|com)/gi, '')
    .replace(/\\?(?:\x01|x01)/g, '^A')
}

function challenge(data: string): string {
  const text = /^<<base64 (.*)>>$/.exec(data)?.[1] ?? Buffer.from(data, 'base64').toString('latin1')
  return /"status":"(\w+)"/.exec(text)?.[0] ?? `(${text})`
}

/** The verdict that the recorded server gave on these tokens and passwords. Tokens are Alice's, passwords anybody's. */
async function authenticate({ credentials }: LoginRequest): Promise<Verdict> {
  if (credentials.kind === 'malformed') return reject('invalid_request', undefined)
  const ofPassword = credentials.kind === 'password'
  const user = ofPassword ? credentials.authcid : credentials.authzid
  const secret = ofPassword ? credentials.password : credentials.token
  if (ofPassword && (credentials.authzid ?? user) !== user) return reject('invalid_token', user)
  const asked = user?.toLowerCase().replace(/@example\.(?:org|com)$/, '')
  const owner = ofPassword ? asked : 'alice'
  switch (secret.replace(/-.*/s, '')) {
    case 'good':
      if (asked !== undefined && asked !== owner) return { ...reject('invalid_token', user), code: 'authz_fail' }
      return { kind: 'accept', account: account({ address: `${owner}@example.org` }) }
    case 'temp':
    case 'tempreason':
    case 'tempcode':
    case 'drop':
      return { kind: 'unavailable', reason: 'provider_unavailable', user }
    case 'authz':
      return { ...reject('invalid_token', user), code: 'authz_fail' }
    case 'code':
    case 'disabled':
      return { ...reject('invalid_token', user), code: 'user_disabled' }
    case 'hang':
    case 'late12':
      return new Promise(() => {})
    default:
      return reject('invalid_token', user)
  }
}

function reject(status: Reject['oauth']['status'], user: string | undefined): Reject {
  const oauth = { status, scope: undefined, openidConfiguration: undefined }
  return { kind: 'reject', reason: 'token_refused', oauth, code: undefined, userMessage: undefined, user }
}
