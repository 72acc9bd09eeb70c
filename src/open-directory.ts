/**
 * Open directory: one `[directory.NAME]` at work: its provider, the issuer's keys, the cache. Wiring, shared by the daemon
 * and `explain-token`, so that both come to the same verdict by the same means.
 */
import { isHopeless } from './auth/claims.ts'
import { createTokenSource, type Directory, type TokenSource } from './auth/token.ts'
import type { CacheConfig, DirectoryConfig } from './config/config.ts'
import type { KeyDisk } from './key-disk.ts'
import type { Log } from './log.ts'
import { createProvider } from './oidc/provider.ts'
import type { DirectoryStatus } from './status.ts'
import type { Telemetry } from './telemetry.ts'

export type OpenDirectory = Directory & {
  readonly tokens: TokenSource
  status(): DirectoryStatus
  close(): Promise<void>
}

export type DirectoryMeans = {
  readonly cache: CacheConfig
  readonly keyDisk: KeyDisk
  readonly log: Log
  readonly telemetry?: Telemetry | undefined
}

/** Throws when a file or key of the configuration is unusable; never because of the network. */
export function openDirectory(config: DirectoryConfig, means: DirectoryMeans): OpenDirectory {
  const { cache, keyDisk, log, telemetry } = means
  const provider = createProvider(config, log, {
    keyDisk,
    onWithdrawn: () => tokens.flush(),
    isHopeless: evidence => isHopeless(evidence, config, Date.now()),
    telemetry,
  })
  const tokens = createTokenSource(provider, cache)
  const { name, issuer, endpoint, warnings } = config
  return {
    config,
    tokens,
    openidConfiguration: provider.openidConfiguration,
    status: () => ({
      name,
      methods: endpoint.methods,
      issuer,
      ...provider.status(),
      warnings,
      cache: tokens.status(),
    }),
    close: () => provider.close(),
  }
}
