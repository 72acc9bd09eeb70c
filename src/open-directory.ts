/**
 * Open directory: one `[directory.NAME]` at work: its provider, the issuer's keys, the cache. Wiring, shared by the daemon
 * and `explain-token`, so that both come to the same verdict by the same means.
 */
import { isHopeless } from './auth/claims.ts'
import { createTokenSource, type Directory } from './auth/token.ts'
import type { CacheConfig, DirectoryConfig } from './config/config.ts'
import type { KeyDisk } from './key-disk.ts'
import type { Log } from './log.ts'
import { createProvider } from './oidc/provider.ts'

export type OpenDirectory = Directory & { close(): Promise<void> }

export type DirectoryMeans = { readonly cache: CacheConfig; readonly keyDisk: KeyDisk; readonly log: Log }

/** Throws when a file or key of the configuration is unusable; never because of the network. */
export function openDirectory(config: DirectoryConfig, { cache, keyDisk, log }: DirectoryMeans): OpenDirectory {
  const provider = createProvider(config, log, {
    keyDisk,
    onWithdrawn: () => tokens.flush(),
    isHopeless: evidence => isHopeless(evidence, config, Date.now()),
  })
  const tokens = createTokenSource(provider, cache)
  return { config, tokens, openidConfiguration: provider.openidConfiguration, close: () => provider.close() }
}
