/**
 * Begin index: an index that nobody is in yet, and what accounts need before they are added to it: uid and gid as numbers,
 * for all (`accounts.defaults`) and each (`userdb`). A name is looked up once for each index.
 */
import type { AccountsConfig } from '../config/config.ts'
import { fileProblem, type Problem } from '../config/problem.ts'
import { createIndex, type IndexBuilder } from './accounts.ts'
import type { Entry } from './file.ts'
import { createNssResolver } from './nss.ts'
import { seed } from './seed.ts'
import type { Fields } from './userdb.ts'

const dayMs = 86_400_000

export type BegunIndex = {
  readonly builder: IndexBuilder
  /** userdb fields for all. */
  readonly defaults: Fields
  /** What is wrong with them. */
  readonly problem: Problem | undefined
  isNumbered(entry: Entry): boolean
  /** The account with numbers, or why there are none. */
  numbered(entry: Entry, file: string): Promise<Entry | Problem>
}

export async function beginIndex(config: AccountsConfig, directories: readonly string[]): Promise<BegunIndex> {
  const nss = createNssResolver()
  const common = await nss.resolve(config.defaults)
  const defaults = common.ok ? common.fields : {}
  const isNumbered = ({ account }: Entry): boolean => !nss.needed(account.userdb)
  return {
    builder: createIndex({
      delimiter: config.recipientDelimiter,
      defaults,
      directories,
      latest: Date.now() + dayMs,
      seed,
    }),
    defaults,
    problem: common.ok
      ? undefined
      : { ...fileProblem(config.configFile, common.message), path: `accounts.defaults.${common.key}` },
    isNumbered,
    async numbered(entry, file) {
      if (isNumbered(entry)) return entry
      const { account, line } = entry
      const resolved = await nss.resolve(account.userdb)
      if (resolved.ok) return { account: { ...account, userdb: resolved.fields }, line, resolved: true }
      return { ...fileProblem(file, resolved.message), line, path: `userdb.${resolved.key}` }
    },
  }
}
