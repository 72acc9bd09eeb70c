/**
 * Listeners: the sockets that are open, what is spoken on each, and how another configuration changes them.
 *
 * A change is prepared whole, so that it can be refused: what is new is bound first. Sockets that stay keep their
 * connections; on those the old settings of the protocol hold, new ones for connections that come later.
 * A socket of systemd is known by its name, one of our own by its path.
 */
import type { AccountIndex } from './accounts/account.ts'
import type { Authenticate } from './auth/verdict.ts'
import type { Config, ListenerConfig } from './config/config.ts'
import { createAuthDialect } from './dovecot/auth-session.ts'
import type { Logins } from './dovecot/logins.ts'
import { createMasterDialect } from './dovecot/master-session.ts'
import { describeError, type Log } from './log.ts'
import { ListenError } from './net/bind.ts'
import type { DrainTimes } from './net/drain.ts'
import { type Listener, listen } from './net/listener.ts'
import type { Dialect } from './net/session.ts'
import { createPolicyDialect } from './postfix/policy-session.ts'
import { createSocketmapDialect } from './postfix/socketmap-session.ts'
import type { Mechanism } from './sasl/mechanism.ts'
import type { ListenerStatus } from './status.ts'
import type { Telemetry } from './telemetry.ts'

/**
 * Server process id told to Dovecot on every socket. Login and mail processes only compare it, auth socket against
 * master socket (Dovecot lib-master/master-login-auth.c); a constant stays true across a restart.
 */
const spid = 1

/** What the protocols hold on to while configurations come and go. */
export type Services = {
  readonly authenticate: Authenticate
  accounts(): AccountIndex | undefined
  /** Empties the token caches and tells how many entries there were. */
  flush(): number
  readonly logins: Logins
  readonly telemetry: Telemetry | undefined
}

/** A change that has been prepared: one of the two is to be called. */
export type Change = {
  commit(): void
  undo(): Promise<void>
}

export type Listeners = {
  status(): ListenerStatus[]
  /** Throws ListenError, with everything as before, where a socket can't be had or can't change while it is open. */
  prepare(config: Pick<Config, 'listeners' | 'limits'>, mechanisms: readonly Mechanism[]): Promise<Change>
  /** Closes those with logins, or the others. */
  close(which: 'logins' | 'lookups', times?: DrainTimes): Promise<void>
}

export type ListenersOptions = {
  readonly services: Services
  /** Name → descriptor, from systemd. */
  readonly inherited: ReadonlyMap<string, number>
  /** For those that are removed. */
  readonly drainTimes: DrainTimes
  readonly log: Log
}

export function createListeners({ services, inherited, drainTimes, log }: ListenersOptions): Listeners {
  const serve = createServe(services, log)
  let open: readonly Listener[] = []
  const leaving = new Set<Promise<void>>()

  function find(config: ListenerConfig): Listener | undefined {
    const isSame = inherited.has(config.name)
      ? ({ config: { name }, inherited }: Listener) => inherited && name === config.name
      : ({ config: { path }, inherited }: Listener) => !inherited && path === config.path
    return open.find(isSame)
  }

  async function openNew(config: ListenerConfig, settings: Settings): Promise<Listener> {
    const fd = inherited.get(config.name)
    const cure = `enable the socket unit with FileDescriptorName=${config.name}, or remove [listen.${config.name}]`
    if (fd === undefined && inherited.size > 0)
      log.warn({ event: 'start', listener: config.name, cure }, 'systemd passed no socket for this listener')
    const listener = await serve(config, settings, (config, dialect, limits) =>
      listen(config, dialect, limits, log, fd),
    )
    complainOfPath(listener, config)
    return listener
  }

  function complainOfPath(listener: Listener, { name, path }: ListenerConfig): void {
    const actual = listener.status().path
    if (!listener.inherited || actual === path) return
    const cure = `give [listen.${name}] and ListenStream= of its socket unit the same path`
    log.error(
      { event: 'start', listener: name, path, socket: actual, cure },
      'the socket that systemd passed is at another path than the configuration says; it is used nevertheless',
    )
  }

  async function prepare(
    { listeners: wanted, limits }: Pick<Config, 'listeners' | 'limits'>,
    mechanisms: readonly Mechanism[],
  ) {
    const settings = { limits, mechanisms }
    checkInherited(wanted)
    const next: Assignment[] = []
    const permitted: Listener[] = []
    const undo = async (): Promise<void> => {
      const bound = next.flatMap(({ listener }) => (open.includes(listener) ? [] : listener))
      await Promise.all(bound.map(listener => listener.close()))
      for (const listener of permitted) await listener.permit(listener.config).catch(fault)
    }
    try {
      for (const config of wanted) {
        const listener = find(config) ?? (await openNew(config, settings))
        next.push({ config, listener })
      }
      // Last: of a change that is refused, nobody shall have had the permissions.
      for (const { config, listener } of next) if (open.includes(listener)) await adapt(listener, config, permitted)
    } catch (error) {
      await undo()
      throw error
    }
    return { undo, commit: () => commit(next, settings) }
  }

  function fault(error: unknown): void {
    log.error({ event: 'fault', ...describeError(error) }, 'a socket could not be given back its mode and group')
  }

  function commit(next: readonly Assignment[], settings: Settings): void {
    const before = open
    open = next.map(({ listener }) => listener)
    for (const { config, listener } of next) {
      if (!before.includes(listener)) continue
      if (config.path !== listener.config.path) complainOfPath(listener, config)
      serve(config, settings, listener.serve)
    }
    for (const listener of before.filter(listener => !open.includes(listener))) leave(listener)
  }

  function leave(listener: Listener): void {
    const left = listener.close(drainTimes).finally(() => leaving.delete(left))
    leaving.add(left)
  }

  /** Every socket of systemd's has its listener. */
  function checkInherited(wanted: readonly ListenerConfig[]): void {
    const names = wanted.map(({ name }) => name)
    const orphans = [...inherited.keys()].filter(name => !names.includes(name))
    if (orphans.length === 0) return
    if (open.length > 0)
      throw new ListenError(
        `${orphans.map(name => `listen.${name}`).join(', ')}: can't be removed while bearerd runs, since systemd made the socket; disable its socket unit ("systemctl disable --now bearerd-${orphans[0]}.socket") and restart bearerd`,
      )
    throw new ListenError(
      `systemd passed sockets named ${orphans.join(', ')}, but the listeners are ${names.join(', ')}: FileDescriptorName= of a socket unit must be the NAME of a [listen.NAME]`,
    )
  }

  return {
    status: () => open.map(listener => listener.status()),
    prepare,
    async close(which, times) {
      const chosen = open.filter(({ config: { protocol } }) => isLogin(protocol) === (which === 'logins'))
      await Promise.all(chosen.map(listener => listener.close(times)))
      if (which === 'lookups') await Promise.all(leaving)
    },
  }
}

function isLogin(protocol: ListenerConfig['protocol']): boolean {
  return protocol === 'dovecot-auth' || protocol === 'postfix-sasl'
}

/** Who is connected speaks the old protocol; and mode and group are systemd's where the socket is. */
async function adapt(listener: Listener, config: ListenerConfig, permitted: Listener[]): Promise<void> {
  const { protocol, mode, group } = listener.config
  if (protocol !== config.protocol)
    throw new ListenError(
      `listen.${config.name}: the protocol of a socket can't change from ${protocol} to ${config.protocol} while bearerd runs; choose another path, or restart bearerd`,
    )
  if (listener.inherited || (mode === config.mode && group === config.group)) return
  permitted.push(listener)
  await listener.permit(config)
}

type Assignment = { readonly config: ListenerConfig; readonly listener: Listener }
type Settings = { readonly limits: Config['limits']; readonly mechanisms: readonly Mechanism[] }
type On<Result> = <Frame>(config: ListenerConfig, dialect: Dialect<Frame>, limits: Config['limits']) => Result

/** One line a protocol: which conversation is held on a listener's connections. */
function createServe({ authenticate, accounts, flush, logins, telemetry }: Services, log: Log) {
  let connected = 0
  const number = () => ++connected
  return <Result>(listener: ListenerConfig, { limits, mechanisms }: Settings, on: On<Result>): Result => {
    const auth = { listener, mechanisms, tokenBytes: limits.tokenBytes, authenticate, spid, number, log }
    const lookup = { listener: listener.name, accounts, log, telemetry }
    switch (listener.protocol) {
      case 'dovecot-auth':
        return on(listener, createAuthDialect({ ...auth, logins }), limits)
      case 'postfix-sasl':
        return on(listener, createAuthDialect({ ...auth, logins: undefined }), limits)
      case 'dovecot-master':
        return on(listener, createMasterDialect({ ...lookup, logins, spid, flush }), limits)
      case 'postfix-policy':
        return on(listener, createPolicyDialect(lookup), limits)
      case 'postfix-socketmap':
        return on(listener, createSocketmapDialect(lookup), limits)
    }
  }
}
