/** An account store over files in a folder of its own, watched at a pace for tests, with a log that can be waited for. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { NewAccount } from '../../src/accounts/account.ts'
import { createAccountStore, type StoreOptions, type WatchedAccountStore } from '../../src/accounts/store.ts'
import type { AccountsConfig } from '../../src/config/config.ts'
import type { Log } from '../../src/log.ts'
import { createRecorder, type LogLine } from './log.ts'
import { patienceMs } from './process.ts'

export type Shelf = {
  readonly folder: string
  /** Full path of a file in the folder. */
  readonly path: (name: string) => string
  readonly write: (name: string, text: string) => Promise<void>
  /** A store over these files, closed when the test ends. */
  readonly open: (names: readonly string[], given?: Partial<AccountsConfig> & { options?: StoreOptions }) => OpenStore
}

export type OpenStore = WatchedAccountStore & {
  readonly lines: readonly LogLine[]
  /** The next line with this event, or the first that nobody has waited for. */
  readonly logged: (event: string) => Promise<LogLine>
  readonly addresses: () => string[] | undefined
}

export async function openShelf(t: TestContext): Promise<Shelf> {
  const folder = await mkdtemp(join(tmpdir(), 'bearerd-accounts-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const path = (name: string): string => join(folder, name)
  return {
    folder,
    path,
    write: (name, text) => writeFile(path(name), text),
    open(names, { options, ...given } = {}) {
      const { log, lines, logged } = createListener()
      const config: AccountsConfig = {
        configFile: path('bearerd.toml'),
        files: names.map(path),
        unknown: 'create',
        recipientDelimiter: '+',
        defaults: {},
        create: { domains: [], perHour: 100 },
        ...given,
      }
      const store = createAccountStore(config, ['main', 'other'], log, { pollMs: 20, ...options })
      t.after(() => store.close())
      const addresses = (): string[] | undefined => {
        const index = store.current()
        return index && [...index.all()].map(({ address }) => address)
      }
      return { ...store, lines, logged, addresses }
    },
  }
}

/** Somebody who has just logged in for the first time. */
export function newcomer(address: string, given: Partial<NewAccount> = {}): NewAccount {
  return { address, fullName: undefined, subject: undefined, directory: 'main', ...given }
}

export function createListener(): { log: Log } & Pick<OpenStore, 'lines' | 'logged'> {
  const recorder = createRecorder()
  const taken = new Set<LogLine>()
  let wake = (): void => {}

  function waitFor(find: () => LogLine | undefined, event: string): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`nothing logged as ${event}`)), patienceMs)
      wake = () => {
        const line = find()
        if (line === undefined) return
        clearTimeout(late)
        resolve(line)
      }
    })
  }

  const at =
    (level: keyof Log) =>
    (fields: object, message: string): void => {
      recorder[level](fields, message)
      wake()
    }
  return {
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    lines: recorder.lines,
    async logged(event) {
      const find = (): LogLine | undefined => recorder.lines.find(line => line.event === event && !taken.has(line))
      const line = find() ?? (await waitFor(find, event))
      taken.add(line)
      return line
    },
  }
}
