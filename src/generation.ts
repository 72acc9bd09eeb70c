/**
 * Generation: everything that follows from one configuration and can be replaced by what follows from another while
 * sockets are open: accounts, passwords, bindings, directories, and the decision that is made with them.
 *
 * A part whose configuration is the same is taken over from the generation before, with all that it knows: accounts and
 * passwords in force, cached tokens, keys, the state of a breaker. Of a directory that counts the content of its secrets
 * and TLS files too, whatever they are called.
 */
import { createHash } from 'node:crypto'
import { bindingFile } from './accounts/binding-file.ts'
import { createBindings, type WatchedBindings } from './accounts/bindings.ts'
import { openSource, readChunks } from './accounts/source.ts'
import { codeOf } from './accounts/stamp.ts'
import { createAccountStore, type WatchedAccountStore } from './accounts/store.ts'
import { createAuthenticate } from './auth/authenticate.ts'
import type { Penalty } from './auth/penalty.ts'
import { createRouting } from './auth/routing.ts'
import type { TokenSizes } from './auth/token-sizes.ts'
import type { Authenticate } from './auth/verdict.ts'
import type { AppPasswordsConfig, Config, DirectoryConfig } from './config/config.ts'
import type { Problem } from './config/problem.ts'
import { fingerprint } from './fingerprint.ts'
import { createKeyDisk } from './key-disk.ts'
import type { Log } from './log.ts'
import { type OpenDirectory, openDirectory } from './open-directory.ts'
import { createHashPool } from './passwords/hash-pool.ts'
import type { Verifier } from './passwords/password.ts'
import { lastUsedFile, passwordFile } from './passwords/paths.ts'
import { checkStateDir } from './passwords/state-dir.ts'
import { createPasswordStore, type WatchedPasswordStore } from './passwords/store.ts'
import { createVerifier } from './passwords/verifier.ts'
import type { Mechanism } from './sasl/mechanism.ts'
import { passwordMechanisms, tokenMechanisms } from './sasl/mechanisms.ts'
import type { Telemetry } from './telemetry.ts'

/** What outlives every generation. */
export type Means = {
  readonly sizes: TokenSizes
  readonly penalty: Penalty
  readonly telemetry: Telemetry | undefined
  readonly log: Log
  inForce(): Generation
}

type Closable = { close(): void | Promise<void> }
type Store = Closable & {
  current(): unknown
  load(): Promise<readonly Problem[]>
  watch(): void
}
/** `fingerprint`: of all that it follows from. */
type Part<Thing> = { readonly fingerprint: string; readonly thing: Thing }

type Parts = {
  readonly accounts: Part<WatchedAccountStore>
  readonly bindings: Part<WatchedBindings> | undefined
  readonly passwords: Part<WatchedPasswordStore> | undefined
  readonly verifier: Part<Verifier> | undefined
  readonly directories: ReadonlyMap<string, Part<OpenDirectory>>
}

export type Generation = {
  readonly config: Config
  readonly accounts: WatchedAccountStore
  /** Undefined where no directory binds. */
  readonly bindings: WatchedBindings | undefined
  /** Undefined where PLAIN and LOGIN are not offered. */
  readonly passwords: WatchedPasswordStore | undefined
  /** In the order of the configuration. */
  readonly directories: readonly OpenDirectory[]
  readonly mechanisms: readonly Mechanism[]
  readonly authenticate: Authenticate
  /**
   * Loads the stores that are new in it, and watches their files from then on; or, when it is in force, those that were
   * taken over. Resolves with what there is to say about them.
   */
  load(which: 'new' | 'kept'): Promise<Loaded>
  /** Closes what is new in it, which is never used then. */
  discard(): Promise<void>
  /**
   * `next` is in force. What it hasn't taken over reads no files any more; what is returned closes it, and is to be called
   * when no login is at it any more.
   */
  retire(next: Generation): () => Promise<void>
  close(): Promise<void>
  readonly parts: Parts
}

export type Loaded = {
  readonly problems: readonly Problem[]
  /** Whether each of the stores has something in force. */
  readonly complete: boolean
}

/** Throws, with everything closed again, when a file or key of the configuration is unusable. */
export async function createGeneration(config: Config, means: Means, former?: Generation): Promise<Generation> {
  const fresh = new Set<Closable>()
  const entry = former === undefined ? { log: means.log, release: () => {} } : holdBack(means.log)
  const take = <Thing extends Closable>(before: Part<Thing> | undefined, mark: string, open: () => Thing) => {
    if (before?.fingerprint === mark) return before
    const part = { fingerprint: mark, thing: open() }
    fresh.add(part.thing)
    return part
  }
  try {
    const parts = await takeParts(config, means, former?.parts, { take, log: entry.log })
    return assemble(config, means, parts, { fresh, ...entry })
  } catch (error) {
    await closeAll(fresh)
    throw error
  }
}

type Take = <Thing extends Closable>(before: Part<Thing> | undefined, mark: string, open: () => Thing) => Part<Thing>

async function takeParts(
  config: Config,
  means: Means,
  former: Parts | undefined,
  { take, log }: { readonly take: Take; readonly log: Log },
): Promise<Parts> {
  const { stateDir, appPasswords, cache } = config
  const { telemetry } = means
  const names = config.directories.map(({ name }) => name)
  const binds = config.directories.some(({ bind }) => bind === 'first-login')

  const accounts = take(former?.accounts, fingerprint([config.accounts, names]), () =>
    createAccountStore(config.accounts, names, log),
  )
  const bindings = binds
    ? take(former?.bindings, fingerprint(stateDir), () => createBindings(bindingFile(stateDir), log))
    : undefined
  const passwords = appPasswords.enabled
    ? take(former?.passwords, fingerprint(stateDir), () =>
        createPasswordStore(passwordFile(stateDir), log, { lastUsedFile: lastUsedFile(stateDir) }),
      )
    : undefined
  const { verifications } = appPasswords
  const verifier = appPasswords.enabled
    ? take(former?.verifier, fingerprint(verifications), () =>
        createVerifier({ log, pool: createHashPool(log, verifications) }),
      )
    : undefined
  const directories = new Map<string, Part<OpenDirectory>>()
  for (const directory of config.directories) {
    const { name } = directory
    const mark = fingerprint([directory, cache, await readTls(directory)])
    const keyDisk = createKeyDisk(stateDir, name)
    const open = () => openDirectory(directory, { cache, keyDisk, log: means.log, telemetry })
    directories.set(name, take(former?.directories.get(name), mark, open))
  }
  return { accounts, bindings, passwords, verifier, directories }
}

/** A CA bundle has a quarter of this. */
const maxPemBytes = 1024 * 1024

/** What can't be read is found out, and said, by who opens the directory. */
function readTls({ tls }: DirectoryConfig): Promise<(string | undefined)[]> {
  return Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(contentMark))
}

/** Of what a link leads to now: those of certbot and Kubernetes are links. */
async function contentMark(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    const source = await openSource(file)
    try {
      const hash = createHash('sha256')
      for await (const chunk of readChunks(source, 65_536, maxPemBytes)) hash.update(chunk)
      return hash.digest('base64')
    } finally {
      await source.handle.close()
    }
  } catch (error) {
    return codeOf(error)
  }
}

type Entry = {
  /** What is new in it. */
  readonly fresh: ReadonlySet<Closable>
  /** What new stores have to say. */
  readonly log: Log
  /** It is in force. */
  release(): void
}

function assemble(config: Config, means: Means, parts: Parts, { fresh, log, release }: Entry): Generation {
  const { inForce, ...outliving } = means
  const [accounts, bindings, passwords] = [parts.accounts.thing, parts.bindings?.thing, parts.passwords?.thing]
  const directories = [...parts.directories.values()].map(({ thing }) => thing)
  const stores: readonly Store[] = [accounts, bindings, passwords].filter(store => store !== undefined)

  async function load(which: 'new' | 'kept'): Promise<Loaded> {
    if (which === 'kept') release()
    if (passwords !== undefined && fresh.has(passwords) && which === 'new') await warnOfStateDir(config, log)
    const chosen = stores.filter(store => fresh.has(store) === (which === 'new'))
    const problems = (await Promise.all(chosen.map(store => store.load()))).flat()
    if (which === 'new') for (const store of chosen) store.watch()
    return { problems, complete: chosen.every(store => store.current() !== undefined) }
  }

  function retire(next: Generation): () => Promise<void> {
    const kept = new Set(thingsOf(next.parts))
    const old = thingsOf(parts).filter(thing => !kept.has(thing))
    const isWatch = (thing: Closable) => thing === accounts || thing === bindings
    // Closing these only ends their watch over the files.
    for (const thing of old.filter(isWatch)) void thing.close()
    return () => closeAll(old.filter(thing => !isWatch(thing)))
  }

  const authenticate = createAuthenticate({
    directories: new Map([...parts.directories].map(([name, { thing }]) => [name, thing])),
    routing: createRouting(config.directories),
    accounts,
    bindings,
    newcomers: config.accounts,
    passwords: createPasswordsOption(config.appPasswords, passwords, parts.verifier?.thing),
    successor: () => (inForce().parts === parts ? undefined : inForce().authenticate),
    ...outliving,
  })

  return {
    config,
    accounts,
    bindings,
    passwords,
    directories,
    mechanisms: [
      ...(config.directories.length > 0 ? tokenMechanisms : []),
      ...(config.appPasswords.enabled ? passwordMechanisms : []),
    ],
    authenticate,
    load,
    discard: () => closeAll(fresh),
    retire,
    close: () => closeAll(thingsOf(parts)),
    parts,
  }
}

function createPasswordsOption(
  config: AppPasswordsConfig,
  store: WatchedPasswordStore | undefined,
  verifier: Verifier | undefined,
) {
  return store && verifier && { ...config, store, verifier }
}

function thingsOf({ accounts, bindings, passwords, verifier, directories }: Parts): Closable[] {
  return [accounts, bindings, passwords, verifier, ...directories.values()].flatMap(part => part?.thing ?? [])
}

async function closeAll(things: Iterable<Closable>): Promise<void> {
  await Promise.all([...things].map(thing => thing.close()))
}

async function warnOfStateDir({ stateDir }: Config, log: Log): Promise<void> {
  const missing = await checkStateDir(stateDir)
  if (missing !== undefined) log.warn({ event: 'start', file: missing.file }, missing.message)
}

/** Nobody is to read that new accounts are loaded, or that there are none, as long as the former ones count. */
function holdBack(log: Log): Pick<Entry, 'log' | 'release'> {
  let held: (() => void)[] | undefined = []
  const at = (level: keyof Log) => (fields: object, message: string) => {
    if (held === undefined) log[level](fields, message)
    else held.push(() => log[level](fields, message))
  }
  return {
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    release: () => {
      const lines = held ?? []
      held = undefined
      for (const line of lines) line()
    },
  }
}
