/** The five directory examples of Stalwart's documentation at work: as written there, but for the address of the provider. */
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import { createAuthenticate } from '../../src/auth/authenticate.ts'
import { createRouting } from '../../src/auth/routing.ts'
import { createTokenSource } from '../../src/auth/token.ts'
import { createProvider } from '../../src/oidc/provider.ts'
import { account, indexOf } from '../support/accounts.ts'
import { loadText, minimal } from '../support/config.ts'
import { json, startFaultProvider } from '../support/fault-provider.ts'
import { createRecorder } from '../support/log.ts'
import { startProvider } from '../support/provider.ts'
import { examples } from '../support/stalwart.ts'

type Example = keyof typeof examples

const provider = await startProvider()
after(provider.stop)

const index = indexOf([
  account({ address: 'alice@example.org', aliases: ['a.jones@example.org'] }),
  account({ address: 'bob@example.org', username: 'bob' }),
])

/** Logs in as the daemon lets one log in, and says how it ended: the account's address, or the reason. */
async function open(t: TestContext, name: Example, url: string) {
  const written = examples[name]
  const example = written.replace(/(?<=^endpoint\.url = ")[^"]+/m, url)
  assert.notEqual(example, written)
  const { config } = await loadText(t, minimal + example)
  const [directory] = config?.directories ?? []
  assert.ok(config !== undefined && directory !== undefined)

  const log = createRecorder()
  const provider = createProvider(directory, log)
  t.after(() => provider.close())
  const tokens = createTokenSource(provider, config.cache)
  const authenticate = createAuthenticate({
    directories: new Map([[name, { config: directory, tokens, openidConfiguration: provider.openidConfiguration }]]),
    routing: createRouting(config.directories),
    accounts: { current: () => index, create: () => Promise.reject(new Error('not asked for')) },
    newcomers: config.accounts,
    passwords: undefined,
    log,
  })
  return async (token: string, authzid?: string): Promise<string> => {
    const credentials = { kind: 'token', token, authzid } as const
    const from = { listener: 'imap', service: 'imap', remoteAddress: undefined, session: undefined }
    const verdict = await authenticate({ ...from, mechanism: 'OAUTHBEARER', credentials })
    const logged = inspect(log.lines, { depth: null })
    for (const secret of [token, 'mypass', 'token_of_gratitude']) assert.ok(!logged.includes(secret))
    return verdict.kind === 'accept' ? verdict.account.address : verdict.reason
  }
}

for (const [name, endpoint] of [
  ['oidc-userinfo', 'userinfo'],
  ['oidc-introspect-basic', 'introspection'],
] as const)
  test(`${name}, at a real provider`, async t => {
    const login = await open(t, name, provider.endpoints[endpoint])
    const before = provider.calls[endpoint]
    const token = await provider.token('alice@example.org')
    assert.equal(await login(token), 'alice@example.org')
    assert.equal(await login(token, 'a.jones@example.org'), 'alice@example.org')
    assert.equal(await login(token, 'bob@example.org'), 'authz_fail')
    assert.equal(provider.calls[endpoint] - before, 1)
    const nameless = await provider.token('bob@example.org', { claims: { email: undefined } })
    assert.equal(await login(nameless), 'bob@example.org', 'by fields.username')
    assert.equal(await login('never-issued'), 'token_refused')
  })

/** What bearerd shows of itself, with each form, when it asks about a token. */
const shown: Partial<Record<Example, (token: string) => string | undefined>> = {
  'oidc-introspect-none': () => undefined,
  'oidc-introspect-token': () => 'Bearer token_of_gratitude',
  'oidc-introspect-user-token': token => `Bearer ${token}`,
}
for (const [name, authorization] of Object.entries(shown) as [Example, (token: string) => string | undefined][])
  test(`${name}, on the wire`, async t => {
    const { origin, asked, answer, stop } = await startFaultProvider()
    t.after(stop)
    const login = await open(t, name, `${origin}/introspect`)
    const token = 'some-token-of+alice/=='

    answer(json({ active: true, email: 'alice@example.org', preferred_username: 'alice', name: 'Alice' }))
    assert.equal(await login(token, 'alice@example.org'), 'alice@example.org')
    answer(json({ active: false }))
    assert.equal(await login('some-other-token', 'alice@example.org'), 'token_refused')

    assert.deepEqual(
      asked.map(({ method, path, headers, body }) => [method, path, headers.authorization, form(body)]),
      [token, 'some-other-token'].map(each => [
        'POST',
        '/introspect',
        authorization(each),
        { token: each, token_type_hint: 'access_token' },
      ]),
    )
  })

function form(body: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(body))
}
