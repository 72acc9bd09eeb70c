/** App passwords: `[app-passwords]`, and what it has to do with the directories. */
import type { AppPasswordsConfig, DirectoryConfig } from './config.ts'
import type { Report } from './report.ts'
import type { RawConfig } from './schema.ts'

/** `report` begins at `app-passwords`. */
export function readAppPasswords(
  raw: RawConfig['app-passwords'],
  { directories, report }: { directories: readonly DirectoryConfig[]; report: Report },
): AppPasswordsConfig {
  const { enabled, verifications } = raw
  const acceptTokens = raw['accept-tokens']
  const failureDelayMs = raw['failure-delay']
  if (acceptTokens) report.warn(['accept-tokens'], aboutTokens(enabled, directories.length > 0))
  if (enabled && failureDelayMs === 0)
    report.warn(
      ['failure-delay'],
      'guessing is not slowed down, and how soon a refusal comes may tell what was wrong; "2s" is the default',
    )
  return { enabled, acceptTokens, failureDelayMs, verifications }
}

function aboutTokens(enabled: boolean, hasDirectory: boolean): string {
  if (!enabled) return 'not used with enabled = false'
  if (!hasDirectory) return 'not used: there is no [directory.NAME] whose tokens these could be'
  return 'whatever is typed as a password and looks like a token goes to the provider, a long password too; and mail clients keep a token as if it were a password, until it ends'
}
