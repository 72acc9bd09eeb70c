/** A provider of src/oidc for one test: closed at its end, when also no token or secret may have got into the log. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import type { ClientAuth, DirectoryConfig } from '../../src/config/config.ts'
import { createProvider } from '../../src/oidc/provider.ts'
import type { TokenVerdict } from '../../src/oidc/token-verdict.ts'
import { directory } from './directory.ts'
import { createRecorder, type LogLine } from './log.ts'

export type Asking = {
  lookup(token: string): Promise<TokenVerdict>
  readonly log: readonly LogLine[]
  /** What was said of the provider's state, in order: "ok", or the cause of the failure. */
  states(): string[]
  readonly openidConfiguration: string | undefined
  close(): Promise<void>
}

export function openProvider(t: TestContext, settings: Partial<DirectoryConfig>): Asking {
  const config = directory(settings)
  const log = createRecorder()
  const provider = createProvider(config, log)
  const secrets = secretsOf(config.auth)
  t.after(async () => {
    await provider.close()
    const everything = inspect(log.lines, { depth: null, maxStringLength: null, maxArrayLength: null })
    for (const secret of secrets) assert.ok(!everything.includes(secret), `in the log: ${secret}`)
  })
  return {
    lookup(token) {
      // Any piece of it is too much.
      for (let start = 0; start + 12 <= token.length; start += 12) secrets.push(token.slice(start, start + 12))
      return provider.lookup(token)
    },
    log: log.lines,
    states: () =>
      log.lines
        .filter(({ event }) => event === 'provider')
        .map(({ state, cause, directory }) => {
          assert.equal(directory, config.name)
          return state === 'ok' ? 'ok' : String(cause)
        }),
    openidConfiguration: provider.openidConfiguration,
    close: () => provider.close(),
  }
}

function secretsOf(auth: ClientAuth): string[] {
  if ('secret' in auth) return [auth.secret.reveal()]
  if ('token' in auth) return [auth.token.reveal()]
  return 'key' in auth ? auth.key.reveal().split('\n').slice(1, -2) : []
}
