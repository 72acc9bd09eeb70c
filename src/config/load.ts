/**
 * Load: bearerd.toml to a frozen Config, or every problem at once. Never throws for what a file says.
 *
 * Syntax (`toml.ts`), then keys and values (`schema.ts`), then what hangs together (one file for each section), as far as
 * the step before allows. Whether sockets can be opened, accounts are good or providers answer is not asked here.
 */
import { dirname, resolve } from 'node:path'
import { isatty } from 'node:tty'
import { locateToml, parseToml } from '../toml.ts'
import { readAccounts } from './accounts.ts'
import { readAppPasswords } from './app-passwords.ts'
import type { Config } from './config.ts'
import { readDirectories } from './directories.ts'
import { readText } from './files.ts'
import { readControl, readHttp } from './http.ts'
import { hasLogins, readListeners } from './listeners.ts'
import type { Problem } from './problem.ts'
import { createReport, type Report } from './report.ts'
import { decode, type RawConfig } from './schema.ts'
import { withPresets } from './with-preset.ts'

export const defaultConfigFile = '/etc/bearerd/bearerd.toml'

/** What a new installation says. */
const nothingYet =
  'nothing is configured yet: expected accounts.files, a [listen.NAME] for each socket and a [directory.NAME] for the provider; "man bearerd.toml" has them all'

export type Loaded =
  /** The problems are warnings. */
  | { readonly config: Config; readonly problems: readonly Problem[] }
  | { readonly config: undefined; readonly problems: readonly Problem[] }

export async function loadConfig(file: string, env: NodeJS.ProcessEnv): Promise<Loaded> {
  const failed = (message: string, line?: number): Loaded => ({
    config: undefined,
    problems: [{ severity: 'error', file, line, path: undefined, message }],
  })
  const read = await readText(file)
  if (!read.ok) return failed(read.message)
  const toml = parseToml(read.text)
  if (!toml.ok) return failed(`TOML syntax, column ${toml.column}: ${toml.message}`, toml.line)
  if (Object.keys(toml.value).length === 0) return failed(nothingYet)

  const report = createReport()
  const raw = decode(withPresets(toml.value), report.error)
  const config = await readSections(raw, { file: resolve(file), fileMode: read.mode, env, report })
  const problems = await report.problems(file, () => locateToml(read.text))
  return report.hasErrors() ? { config: undefined, problems } : { config: deepFreeze(config), problems }
}

type Source = {
  readonly file: string
  readonly fileMode: number
  readonly env: NodeJS.ProcessEnv
  readonly report: Report
}

async function readSections(raw: RawConfig, { file, fileMode, env, report }: Source): Promise<Config> {
  const folder = dirname(file)
  const folders = { config: folder, credentials: env.CREDENTIALS_DIRECTORY || undefined }
  const listeners = readListeners(raw.listen, folder, report.within('listen'))
  const directories = await readDirectories(raw.directory, { folders, fileMode, report: report.within('directory') })
  if (directories.length === 0 && listeners.some(hasLogins)) noDirectory(raw, report)
  const stateDir = resolve(folder, raw['state-dir'])
  return {
    file,
    stateDir,
    appPasswords: readAppPasswords(raw['app-passwords'], { directories, report: report.within('app-passwords') }),
    accounts: readAccounts(raw.accounts, { file, directories, report: report.within('accounts') }),
    listeners,
    directories,
    cache: {
      ttlMs: raw.cache.ttl,
      negativeTtlMs: raw.cache['negative-ttl'],
      maxTokens: raw.cache['max-tokens'],
    },
    limits: {
      connections: raw.limits.connections,
      requests: raw.limits.requests,
      tokenBytes: raw.limits['token-size'],
    },
    log: { level: raw.log.level, format: raw.log.format ?? (isatty(1) ? 'pretty' : 'json') },
    http: readHttp(raw.http, folder, report.within('http')),
    control: readControl(raw.control, stateDir, folder, report.within('control')),
  }
}

function noDirectory(raw: RawConfig, report: Report): void {
  if (raw['app-passwords'].enabled)
    report.warn(['directory'], 'there is no [directory.NAME], so that app passwords are the only way to log in')
  else
    report.error(
      ['directory'],
      'expected at least one [directory.NAME]: without one, and without app passwords, nobody can log in',
    )
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const child of Object.values(value)) deepFreeze(child)
  }
  return value
}
