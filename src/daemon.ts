/**
 * Daemon: builds the parts once, connects them, opens the listeners; reloads and drains them. No logic of its own.
 */
import { bindingFile } from './accounts/binding-file.ts'
import { createBindings } from './accounts/bindings.ts'
import { createAccountStore } from './accounts/store.ts'
import { createAuthenticate } from './auth/authenticate.ts'
import { createRouting } from './auth/routing.ts'
import { createTokenSizes, tokenSizesFile } from './auth/token-sizes.ts'
import type { Authenticate } from './auth/verdict.ts'
import type { Config, ListenerConfig } from './config/config.ts'
import { createAuthDialect } from './dovecot/auth-session.ts'
import { createLogins } from './dovecot/logins.ts'
import { createMasterDialect } from './dovecot/master-session.ts'
import { createKeyDisk } from './key-disk.ts'
import type { Log } from './log.ts'
import { type Listener, listen } from './net/listener.ts'
import { inheritedSockets, notify } from './net/systemd.ts'
import { type OpenDirectory, openDirectory } from './open-directory.ts'
import { createHashPool } from './passwords/hash-pool.ts'
import { lastUsedFile, passwordFile } from './passwords/paths.ts'
import { checkStateDir } from './passwords/state-dir.ts'
import { createPasswordStore } from './passwords/store.ts'
import { createVerifier } from './passwords/verifier.ts'
import { createPolicyDialect } from './postfix/policy-session.ts'
import { createSocketmapDialect } from './postfix/socketmap-session.ts'
import { passwordMechanisms, tokenMechanisms } from './sasl/mechanisms.ts'

/** How long requests under way may take to finish when the daemon stops. An AUTH never takes longer (8 s). */
const drainMs = 8_500

/**
 * Server process id told to Dovecot on every socket. Login and mail processes only compare it, auth socket against
 * master socket (Dovecot lib-master/master-login-auth.c); a constant stays true across a restart.
 */
const spid = 1

export type Daemon = {
  /** Reads accounts and passwords again; the old ones stay in force if there is a problem. */
  reload(): Promise<void>
  /** Lets requests under way finish, then closes everything. */
  stop(): Promise<void>
}

/** Resolves when every listener is open. Rejects, with everything closed again, if one can't be opened. */
export async function startDaemon(config: Config, log: Log): Promise<Daemon> {
  const started = performance.now()
  const accounts = createAccountStore(
    config.accounts,
    config.directories.map(({ name }) => name),
    log,
  )
  const passwords = config.appPasswords.enabled ? createPasswords(config, log) : undefined
  const binds = config.directories.some(({ bind }) => bind === 'first-login')
  const bindings = binds ? createBindings(bindingFile(config.stateDir), log) : undefined
  await Promise.all([accounts.load(), bindings?.load(), passwords?.open()])
  accounts.watch()
  bindings?.watch()

  const sizes = createTokenSizes(tokenSizesFile(config.stateDir), log)

  const directories = new Map<string, OpenDirectory>()
  const listeners: Listener[] = []

  async function stop(): Promise<void> {
    await Promise.all(listeners.map(listener => listener.close({ drainMs })))
    accounts.close()
    bindings?.close()
    await Promise.all([passwords?.close(), sizes.close()])
    await Promise.all([...directories.values()].map(directory => directory.close()))
  }

  const authenticate: Authenticate = createAuthenticate({
    directories,
    routing: createRouting(config.directories),
    accounts,
    bindings,
    newcomers: config.accounts,
    passwords,
    sizes,
    log,
  })
  const services: Services = {
    authenticate,
    accounts: () => accounts.current(),
    flush: () => [...directories.values()].reduce((count, { tokens }) => count + tokens.flush(), 0),
  }
  try {
    for (const directory of config.directories) {
      const keyDisk = createKeyDisk(config.stateDir, directory.name)
      directories.set(directory.name, openDirectory(directory, { cache: config.cache, keyDisk, log }))
    }
    const open = createOpener(config, log, services)
    for (const listener of config.listeners) listeners.push(await open(listener))
  } catch (error) {
    await stop()
    throw error
  }

  const ms = Math.round(performance.now() - started)
  const ready = {
    event: 'ready',
    accounts: accounts.current()?.size,
    passwords: passwords?.store.current()?.size,
    listeners: config.listeners.map(({ name }) => name),
    ms,
  }
  log.info(ready, 'bearerd is ready')
  if (!(await notify('READY=1'))) {
    const cure = 'systemd-notify must be on the PATH, and the unit have NotifyAccess=all'
    log.error({ event: 'notify', cure }, 'systemd could not be told that bearerd is ready, and will end it')
  }

  return {
    async reload() {
      log.info({ event: 'reload' }, 'reading accounts and passwords again; bearerd.toml is read at the start only')
      await Promise.all([accounts.load(), bindings?.load(), passwords?.store.load()])
    },
    async stop() {
      await notify('STOPPING=1')
      await stop()
      log.info({ event: 'stopped' }, 'bearerd has stopped')
    },
  }
}

/** What logins with a password take. */
function createPasswords({ stateDir, appPasswords }: Config, log: Log) {
  const store = createPasswordStore(passwordFile(stateDir), log, { lastUsedFile: lastUsedFile(stateDir) })
  const verifier = createVerifier({ log, pool: createHashPool(log, appPasswords.verifications) })
  return {
    ...appPasswords,
    store,
    verifier,
    async open(): Promise<void> {
      const missing = await checkStateDir(stateDir)
      if (missing !== undefined) log.warn({ event: 'start', file: missing.file }, missing.message)
      await store.load()
      store.watch()
    },
    async close(): Promise<void> {
      await Promise.all([store.close(), verifier.close()])
    },
  }
}

type Services = {
  readonly authenticate: Authenticate
  readonly accounts: Parameters<typeof createMasterDialect>[0]['accounts']
  readonly flush: () => number
}

/** One line a protocol: which conversation is held on a listener's connections. */
function createOpener(config: Config, log: Log, { authenticate, accounts, flush }: Services) {
  const logins = createLogins()
  const mechanisms = [
    ...(config.directories.length > 0 ? tokenMechanisms : []),
    ...(config.appPasswords.enabled ? passwordMechanisms : []),
  ]
  const inherited = inheritedSockets(process.env)
  const unknown = [...inherited.keys()].filter(name => !config.listeners.some(listener => listener.name === name))
  if (unknown.length > 0)
    throw new Error(
      `systemd passed sockets named ${unknown.join(', ')}, but the listeners are ${config.listeners.map(({ name }) => name).join(', ')}: FileDescriptorName= of a socket unit must be the NAME of a [listen.NAME]`,
    )

  return (listener: ListenerConfig): Promise<Listener> => {
    const fd = inherited.get(listener.name)
    if (fd === undefined && inherited.size > 0) {
      const cure = `enable the socket unit with FileDescriptorName=${listener.name}, or remove [listen.${listener.name}]`
      log.warn({ event: 'start', listener: listener.name, cure }, 'systemd passed no socket for this listener')
    }
    const on = <Frame>(dialect: Parameters<typeof listen<Frame>>[1]) =>
      listen(listener, dialect, config.limits, log, fd)
    const auth = { listener, mechanisms, tokenBytes: config.limits.tokenBytes, authenticate, spid, log }
    const lookup = { listener: listener.name, accounts, log }
    switch (listener.protocol) {
      case 'dovecot-auth':
        return on(createAuthDialect({ ...auth, logins }))
      case 'postfix-sasl':
        return on(createAuthDialect({ ...auth, logins: undefined }))
      case 'dovecot-master':
        return on(createMasterDialect({ ...lookup, logins, spid, flush }))
      case 'postfix-policy':
        return on(createPolicyDialect(lookup))
      case 'postfix-socketmap':
        return on(createSocketmapDialect(lookup))
    }
  }
}
