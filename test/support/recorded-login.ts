/**
 * A login at a provider whose answers are on record: bearerd's own directory and decision, with a configuration of the
 * provider's page. Only addresses, signatures and the time are not what they were.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { createAuthenticate } from '../../src/auth/authenticate.ts'
import { createRouting } from '../../src/auth/routing.ts'
import type { Asked, DirectoryConfig } from '../../src/config/config.ts'
import { openDirectory } from '../../src/open-directory.ts'
import { account, indexOf } from './accounts.ts'
import { bindingsInMemory } from './bindings.ts'
import { loadText, minimal } from './config.ts'
import { type FaultProvider, json, startFaultProvider } from './fault-provider.ts'
import { newSigner, part, publicJwk, signParts } from './jws.ts'
import { createRecorder, type LogLine } from './log.ts'
import { answersOf, type Recorded, recipe, secrets } from './provider-pages.ts'

/** What each endpoint would say: a recorded answer by its name. */
export type Row = { readonly [Method in Asked]?: string } & {
  /** A recorded JWT; undefined: an opaque token. */
  readonly token?: string
  /** As what the opaque token is spelled. */
  readonly opaque?: string
  /** The heading of the configuration; undefined: the page's first. */
  readonly under?: string
  /** Who is asked, if not everybody who would say something. */
  readonly asked?: readonly Asked[]
  /** Her address, the reason code, or the code of the cause where there is no verdict. */
  readonly is: string
}

/** Kanidm's introspection knows her by this username only. */
export const alice = account({ address: 'alice@example.org', username: 'alice@idm.example.org' })

/** When all recorded tokens are good. */
const nowMs = 1_790_000_100_000
const methods = ['introspect', 'tokeninfo', 'userinfo'] as const
const signers = [newSigner('k', 'RS256'), newSigner('k', 'ES256')] as const
const nowhere = { read: async () => undefined, write: async () => {} }

/** What became of it, and who was asked on the way. */
export async function logIn(t: TestContext, provider: string, row: Row): Promise<Pick<Row, 'is' | 'asked'>> {
  t.mock.timers.enable({ apis: ['Date'], now: nowMs })
  const recorded = answersOf(provider)
  const server = await startFaultProvider()
  t.after(server.stop)
  for (const method of methods) {
    const answer = recorded[row[method] ?? '']
    if (answer !== undefined && 'body' in answer) server.answerAt(`/${method}`, json(answer.body, answer.status))
  }
  const token = row.token === undefined ? (row.opaque ?? 'an-opaque-token') : sign(recorded[row.token], server)
  const is = await decide(t, token, atServer(await load(t, recipe(provider, row.under)), server.origin))
  const asked = methods.filter(method => server.asked.some(({ path }) => path === `/${method}`))
  return { is, asked }
}

async function load(t: TestContext, toml: string): Promise<DirectoryConfig> {
  const { config, problems } = await loadText(t, `${minimal}${toml}`, { files: secrets(toml) })
  const [directory] = config?.directories ?? []
  assert.ok(directory, problems.join('\n'))
  return directory
}

function atServer(directory: DirectoryConfig, origin: string): DirectoryConfig {
  const urls = Object.fromEntries([...methods, 'jwks'].map(name => [name, `${origin}/${name}`]))
  return { ...directory, endpoint: { ...directory.endpoint, urls } }
}

/** Algorithms that nobody else can verify (HMAC) get some signature. */
function sign(recorded: Recorded | undefined, server: FaultProvider): string {
  assert.ok(recorded !== undefined && 'header' in recorded)
  const { alg, kid } = recorded.header
  const signer = signers.find(signer => signer.alg === alg) ?? signers[0]
  server.answerAt('/jwks', json({ keys: [publicJwk(signer, { kid })] }))
  return signParts(signer, part(recorded.header), part(recorded.payload))
}

async function decide(t: TestContext, token: string, config: DirectoryConfig): Promise<string> {
  const log = createRecorder()
  const cache = { ttlMs: 60_000, negativeTtlMs: 5_000, maxTokens: 10 }
  const directory = openDirectory(config, { cache, keyDisk: nowhere, log })
  t.after(directory.close)
  const index = indexOf([alice])
  const authenticate = createAuthenticate({
    directories: new Map([[config.name, directory]]),
    routing: createRouting([config]),
    accounts: { current: () => index, create: () => assert.fail('an account is made') },
    bindings: bindingsInMemory(),
    newcomers: { unknown: 'reject', create: { domains: [], perHour: 0 } },
    passwords: undefined,
    log,
  })
  const verdict = await authenticate({
    listener: 'imap',
    service: 'imap',
    mechanism: 'OAUTHBEARER',
    credentials: { kind: 'token', token, authzid: undefined },
    remoteAddress: '192.0.2.1',
    session: 's',
  })
  if (verdict.kind === 'accept') return verdict.account.address
  return verdict.kind === 'reject' ? verdict.reason : codeOfCause(log.lines)
}

function codeOfCause(lines: readonly LogLine[]): string {
  const cause = String(lines.find(({ event }) => event === 'provider')?.cause)
  return /\((\w+)\)$/.exec(cause)?.[1] ?? cause
}
