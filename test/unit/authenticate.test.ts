import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Account, type AccountIndex, CreateLimitError, type NewAccount } from '../../src/accounts/account.ts'
import type { Bindings } from '../../src/accounts/bindings.ts'
import { createAuthenticate } from '../../src/auth/authenticate.ts'
import { createRouting } from '../../src/auth/routing.ts'
import { createTokenSource, type Directory } from '../../src/auth/token.ts'
import type { LoginRequest, Verdict } from '../../src/auth/verdict.ts'
import type { DirectoryConfig } from '../../src/config/config.ts'
import { silentLog } from '../../src/log.ts'
import type { Claims, TokenVerdict } from '../../src/oidc/token-verdict.ts'
import type { Credentials, Malformed } from '../../src/sasl/mechanism.ts'
import { account, indexOf } from '../support/accounts.ts'
import { bindingsInMemory, bound } from '../support/bindings.ts'
import { directory } from '../support/directory.ts'
import { active, ofUserinfo, refused, unavailable } from '../support/evidence.ts'

/** What each token is, in these tests: the provider's answer, or a function that gives it. */
type Tokens = Record<string, TokenVerdict | Claims | (() => TokenVerdict)>

type World = {
  accounts?: Account[]
  tokens?: Tokens
  directories?: DirectoryConfig[]
  unknown?: 'reject' | 'create'
  bindings?: Bindings
  /** `accounts.create.domains`. */
  open?: string[]
  /** Called when the provider is asked, to change the world meanwhile. */
  meanwhile?: (world: Running) => void
}

type Running = {
  index: AccountIndex | undefined
  created: NewAccount[]
  asked: string[]
  lines: Record<string, unknown>[]
}

function start({
  accounts = [alice, bob],
  tokens = {},
  directories = [directory()],
  unknown = 'reject',
  open: domains = [],
  bindings,
  meanwhile,
}: World = {}) {
  const running: Running = { index: indexOf(accounts), created: [], asked: [], lines: [] }
  const open = (config: DirectoryConfig): Directory => ({
    config,
    openidConfiguration: `https://${config.name}.example/.well-known/openid-configuration`,
    tokens: createTokenSource(
      {
        async lookup(token) {
          running.asked.push(config.name)
          meanwhile?.(running)
          const known = tokens[token] ?? refused
          const answer = typeof known === 'function' ? known() : known
          return 'kind' in answer ? (answer as TokenVerdict) : active(ofUserinfo(answer))
        },
      },
      { ttlMs: 60_000, negativeTtlMs: 5_000, maxTokens: 100 },
    ),
  })
  const line = (fields: object): void => void running.lines.push(fields as Record<string, unknown>)
  const authenticate = createAuthenticate({
    directories: new Map(directories.map(config => [config.name, open(config)])),
    routing: createRouting(directories),
    accounts: {
      current: () => running.index,
      async create(wanted) {
        running.created.push(wanted)
        const made = account({ ...wanted })
        running.index = indexOf([...accounts, made])
        return made
      },
    },
    bindings,
    newcomers: { unknown, create: { domains, perHour: 100 } },
    passwords: undefined,
    log: { debug: line, info: line, warn: line, error: line },
  })
  const login = async (token: string, authzid?: string): Promise<Verdict> =>
    authenticate(request({ kind: 'token', token, authzid }))
  return { ...running, running, authenticate, login }
}

const request = (credentials: Credentials | Malformed): LoginRequest => ({
  listener: 'imap',
  service: 'imap',
  mechanism: 'OAUTHBEARER',
  credentials,
  remoteAddress: '192.0.2.1',
  session: 's',
})

const alice = account({
  address: 'alice@example.org',
  aliases: ['a.jones@example.org', '@example.net'],
  username: 'alice',
})
const bob = account({ address: 'bob@example.org' })

/** `accept alice@example.org`, or `reject token_refused`. */
const told = (verdict: Verdict): string =>
  verdict.kind === 'accept' ? `accept ${verdict.account.address}` : `${verdict.kind} ${verdict.reason}`

/** Logs in with a token of these claims, asking for this name. */
async function outcome(claims: Claims, asked?: string, world: World = {}): Promise<string> {
  return told(await start({ ...world, tokens: { t: claims } }).login('t', asked))
}

describe('whose the token is', () => {
  it('goes by the email claim, as address or alias', async () => {
    assert.equal(await outcome({ email: 'alice@example.org' }), 'accept alice@example.org')
    assert.equal(await outcome({ email: 'Alice@Example.ORG' }), 'accept alice@example.org')
    assert.equal(await outcome({ email: 'a.jones@example.org' }), 'accept alice@example.org')
  })
  it('never by a domain in letters that only look up as hers: a provider may have them in two addresses', async () => {
    for (const domain of ['\uff45xample.org', 'example\uff0eorg', 'example\u3002org', 'example.or\u210a'])
      assert.equal(await outcome({ email: `alice@${domain}` }), 'reject bad_identity', domain)
    const accounts = [account({ address: 'alice@xn--exmple-cua.org' })]
    for (const domain of ['ex\u00e4mple.org', 'EX\u00c4MPLE.org', 'exa\u0308mple.org', 'xn--exmple-cua.org'])
      assert.equal(
        await outcome({ email: `alice@${domain}` }, undefined, { accounts }),
        'accept alice@xn--exmple-cua.org',
      )
  })
  it('never by a catch-all or an extension: whoever invents an address would be her', async () => {
    assert.equal(await outcome({ email: 'anything@example.net' }), 'reject unknown_account')
    assert.equal(await outcome({ email: 'alice+x@example.org' }), 'reject unknown_account')
  })
  it('else by the username claim, exactly as spelled', async () => {
    assert.equal(await outcome({ preferred_username: 'alice' }), 'accept alice@example.org')
    assert.equal(await outcome({ preferred_username: 'Alice' }), 'reject unknown_account')
  })
  it('never by the username of a token that gives an email: she may have named herself so', async () => {
    for (const email of ['eve@example.org', 'bob@elsewhere.example'])
      assert.equal(await outcome({ email, preferred_username: 'alice' }), 'reject unknown_account', email)
    assert.equal(await outcome({ email: 'bob@example.org', preferred_username: 'alice' }), 'accept bob@example.org')
    const unverified = { email: 'eve@example.org', email_verified: false, preferred_username: 'alice' }
    assert.equal(await outcome(unverified), 'reject email_not_verified')
  })
  it('by the username alone where no claim is configured as email', async () => {
    const directories = [directory({ fields: { email: [], username: ['preferred_username'], fullName: [] } })]
    const claims = { email: 'alice@elsewhere.example', email_verified: false, preferred_username: 'alice' }
    assert.equal(await outcome(claims, undefined, { directories }), 'accept alice@example.org')
  })
  it('never by a username that looks like an address: users can rename themselves', async () => {
    assert.equal(await outcome({ preferred_username: 'alice@example.org' }), 'reject unknown_account')
  })
  it('never by the name that the client sent', async () => {
    for (const claims of [{}, { sub: '1' }, { email: '' }, { email: null }, { email: '', preferred_username: '' }])
      assert.equal(await outcome(claims, 'alice@example.org'), 'reject no_identity', JSON.stringify(claims))
  })
  it('refuses claims that cannot be a name, instead of looking further', async () => {
    for (const email of [['alice@example.org'], { a: 1 }, 7, true, 'alice@example.org\0', 'a\r\nb@example.org'])
      assert.equal(await outcome({ email, preferred_username: 'alice' }), 'reject bad_identity', JSON.stringify(email))
  })
  it('refuses an email that is no address, and a username with what means something to other programs', async () => {
    for (const email of [
      'alice',
      'a b@example.org',
      'a*b@example.org',
      'a%b@example.org',
      'a/b@example.org',
      '"a"@b.org',
      'alice@exam\u00adple.org',
    ])
      assert.equal(await outcome({ email, preferred_username: 'alice' }), 'reject bad_identity', email)
    for (const preferred_username of ['alice*bob', '%u', '../alice', 'ali\0ce', ' alice', 'alice ', 'a  b', 'a\u200bb'])
      assert.equal(await outcome({ preferred_username }), 'reject bad_identity', JSON.stringify(preferred_username))
  })
  it("takes Active Directory's names, which an administrator has written down so", async () => {
    for (const username of ['EXAMPLE\\alice', 'Alice Jones', "o'hara", '爱丽丝'])
      assert.equal(
        await outcome({ preferred_username: username }, username, { accounts: [account({ ...alice, username })] }),
        'accept alice@example.org',
      )
  })
  it('minds no odd claim where another one decides', async () => {
    const accounts = [account({ ...bob, subject: 's' })]
    const claims = { sub: 's', email: 'b o b', preferred_username: '*' }
    assert.equal(await outcome(claims, undefined, { accounts }), 'accept bob@example.org')
  })
  it('minds no odd username where an email decides', async () => {
    assert.equal(await outcome({ email: 'bob@example.org', preferred_username: 7 }), 'accept bob@example.org')
    assert.equal(await outcome({ preferred_username: 7 }), 'reject bad_identity')
  })
  it('takes the first claim present of a list, at any depth', async () => {
    const directories = [directory({ fields: { email: ['mail', 'ext.email'], username: [], fullName: [] } })]
    assert.equal(
      await outcome({ ext: { email: 'bob@example.org' } }, undefined, { directories }),
      'accept bob@example.org',
    )
    assert.equal(
      await outcome({ mail: 'alice@example.org', ext: { email: 'bob@example.org' } }, undefined, { directories }),
      'accept alice@example.org',
    )
  })
})

describe('a bound subject', () => {
  const bound = account({ address: 'carol@example.org', username: 'carol', subject: 'sub-carol' })
  const accounts = [alice, bound]
  it('wins over every other claim', async () => {
    assert.equal(
      await outcome({ sub: 'sub-carol', email: 'alice@example.org' }, undefined, { accounts }),
      'accept carol@example.org',
    )
  })
  it('keeps everybody else out, whatever address or name she has been given', async () => {
    assert.equal(
      await outcome({ sub: 'other', email: 'carol@example.org' }, undefined, { accounts }),
      'reject subject_mismatch',
    )
    assert.equal(await outcome({ email: 'carol@example.org' }, undefined, { accounts }), 'reject subject_mismatch')
    assert.equal(
      await outcome({ sub: 'other', preferred_username: 'carol' }, undefined, { accounts }),
      'reject subject_mismatch',
    )
  })
})

describe('bind = "first-login"', () => {
  const directories = [directory({ bind: 'first-login' })]
  const mine = { sub: 's1', email: 'alice@example.org' }
  const world = (bindings: Bindings | undefined, given: World = {}): World => ({
    directories,
    ...(bindings && { bindings }),
    ...given,
  })
  const held = [bound('alice', 's1')]

  it('binds the account to the first sub that it is found for, by email or username', async () => {
    for (const claims of [mine, { sub: 's1', preferred_username: 'alice' }]) {
      const bindings = bindingsInMemory()
      assert.equal(await outcome(claims, 'a.jones@example.org', world(bindings)), 'accept alice@example.org')
      assert.deepEqual(bindings.written, ['alice@example.org main s1'])
    }
  })
  it('an address that is given to somebody new opens no old mailbox', async () => {
    const bindings = bindingsInMemory(held)
    for (const claims of [{ ...mine, sub: 's2' }, { email: mine.email }, { sub: 's2', preferred_username: 'alice' }])
      assert.equal(await outcome(claims, undefined, world(bindings)), 'reject subject_mismatch', JSON.stringify(claims))
    assert.deepEqual(bindings.written, [])
  })
  it('who gets another name or address at the provider keeps her mailbox, and no other is bound to her', async () => {
    const bindings = bindingsInMemory(held)
    for (const email of ['alice.smith@elsewhere.example', 'bob@example.org'])
      assert.equal(await outcome({ sub: 's1', email }, undefined, world(bindings)), 'accept alice@example.org')
    assert.deepEqual(bindings.written, [])
  })
  it('binds nobody who is refused for another reason', async () => {
    const bindings = bindingsInMemory()
    const accounts = [account({ ...alice, enabled: false }), bob]
    assert.equal(await outcome(mine, 'bob@example.org', world(bindings)), 'reject authz_fail')
    assert.equal(await outcome(mine, undefined, world(bindings, { accounts })), 'reject account_disabled')
    assert.equal(
      await outcome({ ...mine, email_verified: false }, undefined, world(bindings)),
      'reject email_not_verified',
    )
    assert.equal(bindings.current()?.size, 0)
  })
  it('wants a sub, of newcomers too: they would be let in once', async () => {
    const bindings = bindingsInMemory()
    assert.equal(await outcome({ email: mine.email }, undefined, world(bindings)), 'reject no_subject')
    const newcomer = { email: 'new@example.org' }
    assert.equal(await outcome(newcomer, undefined, world(bindings, { unknown: 'create' })), 'reject no_subject')
    assert.equal(
      await outcome({ ...newcomer, sub: 's3' }, undefined, world(bindings, { unknown: 'create' })),
      'accept new@example.org',
    )
    assert.deepEqual(bindings.written, [], 'she has it in her account')
  })
  it('a subject in the account file decides alone', async () => {
    const accounts = [account({ ...alice, subject: 'by-hand' })]
    const bindings = bindingsInMemory(held)
    assert.equal(await outcome(mine, undefined, world(bindings, { accounts })), 'reject subject_mismatch')
    assert.equal(
      await outcome({ sub: 'by-hand' }, undefined, world(bindings, { accounts })),
      'accept alice@example.org',
    )
    assert.deepEqual(bindings.written, [])
  })
  it('a binding from before the account was made was a former owner’s', async () => {
    const accounts = [account({ ...alice, created: Date.parse('2026-01-02T00:00:00Z') })]
    const bindings = bindingsInMemory([bound('alice', 'former', 'main', Date.parse('2026-01-01T00:00:00Z'))])
    assert.equal(await outcome({ sub: 'former' }, undefined, world(bindings, { accounts })), 'reject no_identity')
    assert.equal(await outcome(mine, undefined, world(bindings, { accounts })), 'accept alice@example.org')
    assert.deepEqual(bindings.written, ['alice@example.org main s1'])
  })
  it('a binding under an alias, or of another directory, says nothing', async () => {
    const bindings = bindingsInMemory([bound('a.jones', 's2'), bound('alice', 's2', 'former')])
    assert.equal(await outcome({ sub: 's2' }, undefined, world(bindings)), 'reject no_identity')
    assert.equal(await outcome(mine, undefined, world(bindings)), 'accept alice@example.org')
    const renamed = bindingsInMemory([bound('a.jones', 's1'), ...held])
    assert.equal(await outcome({ sub: 's1' }, undefined, world(renamed)), 'accept alice@example.org')
  })
  it('two accounts with one sub are nobody’s', async () => {
    const twice = bindingsInMemory([...held, bound('bob', 's1')])
    assert.equal(await outcome(mine, undefined, world(twice)), 'reject ambiguous_identity')
    const accounts = [alice, account({ ...bob, subject: 's1' })]
    assert.equal(
      await outcome(mine, undefined, world(bindingsInMemory(held), { accounts })),
      'reject ambiguous_identity',
    )
  })
  it('of two logins at once only one binds', async () => {
    const bindings = bindingsInMemory()
    const tokens = { first: mine, second: { ...mine, sub: 's2' } }
    const { login } = start(world(bindings, { tokens }))
    assert.deepEqual((await Promise.all([login('first'), login('second')])).map(told).sort(), [
      'accept alice@example.org',
      'reject subject_mismatch',
    ])
  })
  it('is temporary where it can not be written, or not be read', async () => {
    const full = bindingsInMemory([], () => Promise.reject(new Error('ENOSPC')))
    assert.equal(await outcome(mine, undefined, world(full)), 'unavailable binding_not_written')
    assert.equal(full.current()?.size, 0)
    const unread: Bindings = { current: () => undefined, bind: () => assert.fail('nobody is bound') }
    assert.equal(await outcome(mine, undefined, world(unread)), 'unavailable bindings_unavailable')
    assert.equal(await outcome(mine, undefined, world(undefined)), 'unavailable bindings_unavailable')
  })
  it('"never": bindings from former times are not looked at', async () => {
    const bindings = bindingsInMemory([bound('bob', 's1'), bound('alice', 's2')])
    assert.equal(await outcome(mine, undefined, { bindings }), 'accept alice@example.org')
    assert.deepEqual(bindings.written, [])
  })
})

describe('email_verified', () => {
  const verdict = (emailVerified: 'always' | 'if-present' | 'never', claims: Claims) =>
    outcome({ email: 'bob@example.org', ...claims }, undefined, {
      directories: [directory({ require: { emailVerified } })],
    })
  it('"if-present": must not be there and untrue', async () => {
    assert.equal(await verdict('if-present', {}), 'accept bob@example.org')
    assert.equal(await verdict('if-present', { email_verified: true }), 'accept bob@example.org')
    assert.equal(await verdict('if-present', { email_verified: 'true' }), 'accept bob@example.org')
    for (const email_verified of [false, 'false', '', 0, 1, 'yes', {}, []])
      assert.equal(
        await verdict('if-present', { email_verified }),
        'reject email_not_verified',
        JSON.stringify(email_verified),
      )
  })
  it('"always": must be there and true', async () => {
    assert.equal(await verdict('always', {}), 'reject email_not_verified')
    assert.equal(await verdict('always', { email_verified: true }), 'accept bob@example.org')
  })
  it('"never": is not looked at', async () => {
    assert.equal(await verdict('never', { email_verified: false }), 'accept bob@example.org')
  })
  it('is looked for beside the address, if that is in an object, and at the top', async () => {
    const nested = (claims: Claims, emailVerified: 'always' | 'if-present' = 'if-present') => {
      const fields = { email: ['address', 'ext.email'], username: [], fullName: [] }
      return outcome(claims, undefined, { directories: [directory({ fields, require: { emailVerified } })] })
    }
    const ext = { email: 'bob@example.org' }
    for (const email_verified of [false, ''])
      assert.equal(await nested({ ext: { ...ext, email_verified } }), 'reject email_not_verified')
    assert.equal(
      await nested({ ext: { ...ext, email_verified: true }, email_verified: false }),
      'reject email_not_verified',
    )
    assert.equal(
      await nested({ ext: { ...ext, email_verified: false }, address: 'bob@example.org' }),
      'accept bob@example.org',
    )
    assert.equal(await nested({ ext }), 'accept bob@example.org')
    assert.equal(await nested({ ext }, 'always'), 'reject email_not_verified')
    assert.equal(await nested({ ext, email_verified: true }, 'always'), 'accept bob@example.org')
    assert.equal(await nested({ ext: { ...ext, email_verified: 'true' } }, 'always'), 'accept bob@example.org')
  })
})

describe('the name that was asked for', () => {
  const mine = { email: 'alice@example.org' }
  it('may be any name of that account', async () => {
    for (const asked of ['alice@example.org', 'ALICE@EXAMPLE.ORG', 'a.jones@example.org', 'alice'])
      assert.equal(await outcome(mine, asked), 'accept alice@example.org', asked)
  })
  it("is refused if it is another account's, nobody's, or only caught by her catch-all", async () => {
    for (const asked of [
      'bob@example.org',
      'nobody@example.org',
      'x@example.net',
      'alice+tag@example.org',
      'bob',
      '*',
      '',
    ])
      assert.equal(await outcome(mine, asked), 'reject authz_fail', asked)
  })
  it('is told apart from a bad token, to the mail server and to the user', async () => {
    const verdict = await start({ tokens: { t: mine } }).login('t', 'bob@example.org')
    assert.ok(verdict.kind === 'reject')
    assert.equal(verdict.code, 'authz_fail')
    assert.match(verdict.userMessage ?? '', /^Signed in as alice@example\.org, but this account is bob@example\.org\./)
  })
  it('may be an address to send as, unless it is the address of somebody else', async () => {
    const sender = account({ address: 'dan@example.org', sendAs: ['info@example.org', 'bob@example.org'] })
    const accounts = [bob, sender]
    assert.equal(
      await outcome({ email: 'dan@example.org' }, 'info@example.org', { accounts }),
      'accept dan@example.org',
    )
    assert.equal(
      await outcome({ email: 'dan@example.org' }, 'INFO@Example.ORG', { accounts }),
      'accept dan@example.org',
    )
    assert.equal(await outcome({ email: 'dan@example.org' }, 'bob@example.org', { accounts }), 'reject authz_fail')
  })
  it('is never an alias of somebody else, though it be an address to send as or her username', async () => {
    const dan = account({ address: 'dan@example.org', sendAs: ['a.jones@example.org'], username: 'bob@example.org' })
    for (const asked of ['a.jones@example.org', 'bob@example.org', 'alice'])
      assert.equal(
        await outcome({ email: 'dan@example.org' }, asked, { accounts: [alice, bob, dan] }),
        'reject authz_fail',
        asked,
      )
  })
  it("is not taken apart as Dovecot's master users are", async () => {
    for (const asked of [
      'alice@example.org*bob@example.org',
      'bob@example.org*alice@example.org',
      'alice@example.org%',
    ])
      assert.equal(await outcome(mine, asked), 'reject authz_fail', asked)
  })
})

describe('directories', () => {
  const directories = [directory({ name: 'main' }), directory({ name: 'school', domains: ['school.example'] })]
  const carol = account({ address: 'carol@school.example' })
  const dora = account({ address: 'dora@example.org', directory: 'school' })
  const accounts = [alice, carol, dora]

  it('are chosen by the login: its account, its domain, else the default one', async () => {
    for (const [asked, chosen] of [
      ['alice@example.org', 'main'],
      ['carol@school.example', 'school'],
      ['new@school.example', 'school'],
      ['dora@example.org', 'school'],
      ['somebody', 'main'],
      [undefined, 'main'],
    ] as const) {
      const world = start({ accounts, directories })
      await world.login('t', asked)
      assert.deepEqual(world.asked, [chosen], asked)
    }
  })
  it('vouch for their own accounts only', async () => {
    const world = { accounts, directories }
    assert.equal(
      await outcome({ email: 'carol@school.example' }, 'carol@school.example', world),
      'accept carol@school.example',
    )
    assert.equal(await outcome({ email: 'carol@school.example' }, 'alice@example.org', world), 'reject wrong_directory')
    assert.equal(await outcome({ email: 'alice@example.org' }, 'carol@school.example', world), 'reject wrong_directory')
  })
  it('keep their users apart where subject or username are the same', async () => {
    const here = account({ address: 'eve@example.org', subject: '1', username: 'eve' })
    const there = account({ address: 'eve@school.example', subject: '1', username: 'eve' })
    const world = { accounts: [here, there], directories }
    assert.equal(await outcome({ sub: '1' }, 'eve@example.org', world), 'accept eve@example.org')
    assert.equal(await outcome({ sub: '1' }, 'eve@school.example', world), 'accept eve@school.example')
    assert.equal(await outcome({ sub: '1' }, undefined, world), 'accept eve@example.org')
  })
  it('refuse a login that none is responsible for, without asking anybody', async () => {
    const world = start({ accounts, directories: directories.slice(1), tokens: { t: { email: 'alice@example.org' } } })
    assert.equal(told(await world.login('t', 'alice@example.org')), 'reject no_directory')
    assert.deepEqual(world.asked, [])
  })
})

describe('verdicts', () => {
  it('refuses what the provider refuses, and tells the client where to sign in', async () => {
    const verdict = await start().login('bad', 'alice@example.org')
    assert.equal(told(verdict), 'reject token_refused')
    assert.deepEqual(verdict.kind === 'reject' && verdict.oauth, {
      status: 'invalid_token',
      scope: 'openid email',
      openidConfiguration: 'https://main.example/.well-known/openid-configuration',
    })
  })
  it('passes on why a token is refused, as its provider or its signature says', async () => {
    const badSignature = { kind: 'refused', reason: 'bad_signature', detail: 'kid is "k1"', source: 'jwt' } as const
    const world = start({ tokens: { t: badSignature } })
    assert.equal(told(await world.login('t', 'alice@example.org')), 'reject bad_signature')
    const line = world.lines.find(({ reason }) => reason === 'bad_signature')
    assert.deepEqual([line?.detail, line?.source], ['kid is "k1"', 'jwt'])
  })
  it('shows a refresh token that is known by its form to nobody', async () => {
    const world = start({ tokens: { authelia_rt_x: { email: 'alice@example.org' } } })
    assert.equal(told(await world.login('authelia_rt_x')), 'reject refresh_token')
    assert.deepEqual(world.asked, [])
  })
  it('tells a lack of scope, and which is wanted', async () => {
    const directories = [directory({ require: { scopes: ['mail'] } })]
    const verdict = await start({ directories, tokens: { t: { scope: 'email' } } }).login('t')
    assert.equal(told(verdict), 'reject insufficient_scope')
    assert.deepEqual(verdict.kind === 'reject' && [verdict.oauth.status, verdict.oauth.scope], [
      'insufficient_scope',
      'mail',
    ])
  })
  it('calls an outage an outage', async () => {
    assert.equal(told(await start({ tokens: { t: unavailable } }).login('t')), 'unavailable provider_unavailable')
  })
  it('lets nobody in whom not all of the chain was asked about: her token has become valid since', async () => {
    const evidence = ofUserinfo({ email: 'alice@example.org' })
    const t: TokenVerdict = { kind: 'active', evidence, source: 'jwt', isPartial: true }
    assert.equal(told(await start({ tokens: { t } }).login('t')), 'unavailable provider_unavailable')
  })
  it('decides nothing while no accounts are loaded', async () => {
    const world = start({ tokens: { t: { email: 'alice@example.org' } } })
    world.running.index = undefined
    assert.equal(told(await world.login('t')), 'unavailable accounts_unavailable')
    assert.deepEqual(world.asked, [])
  })
  it('refuses a disabled account, but only after the token: nobody learns of it without one', async () => {
    const accounts = [account({ address: 'alice@example.org', enabled: false })]
    assert.equal(await outcome({ email: 'alice@example.org' }, undefined, { accounts }), 'reject account_disabled')
    assert.equal(told(await start({ accounts }).login('bad', 'alice@example.org')), 'reject token_refused')
  })
  it('takes a message that the mechanism could not parse no further', async () => {
    const world = start()
    for (const [credentials, reason] of [
      [{ kind: 'malformed', why: 'no final separator' }, 'malformed'],
      [{ kind: 'malformed', why: 'cut', truncated: true }, 'truncated'],
    ] as const) {
      const verdict = await world.authenticate(request(credentials))
      assert.equal(told(verdict), `reject ${reason}`)
      assert.equal(verdict.kind === 'reject' && verdict.oauth.status, 'invalid_request')
    }
    assert.deepEqual(world.asked, [])
  })
  it('turns a fault that nobody expected into a temporary failure', async () => {
    const fault = (): TokenVerdict => {
      throw new TypeError('token t0psecret is bad')
    }
    const world = start({ tokens: { t0psecret: fault } })
    assert.equal(told(await world.login('t0psecret')), 'unavailable internal_error')
    assert.ok(!JSON.stringify(world.lines).includes('t0psecret'))
    assert.ok(world.lines.some(({ event, stack }) => event === 'fault' && typeof stack === 'string'))
  })
})

describe('a cached token', () => {
  it('is judged by the accounts as they stand now', async () => {
    const world = start({ tokens: { t: { email: 'alice@example.org' } } })
    assert.equal(told(await world.login('t')), 'accept alice@example.org')
    world.running.index = indexOf([account({ ...alice, enabled: false })])
    assert.equal(told(await world.login('t')), 'reject account_disabled')
    world.running.index = indexOf([bob])
    assert.equal(told(await world.login('t')), 'reject unknown_account')
    assert.deepEqual(world.asked, ['main'], 'the provider was asked once')
  })
  it('is judged by accounts that changed while the provider was asked', async () => {
    const meanwhile = (running: Running): void => {
      running.index = indexOf([account({ ...alice, enabled: false })])
    }
    assert.equal(await outcome({ email: 'alice@example.org' }, undefined, { meanwhile }), 'reject account_disabled')
  })
})

describe('unknown = "create"', () => {
  const create = (claims: Claims, asked?: string, world: World = {}) => {
    const started = start({ unknown: 'create', ...world, tokens: { t: claims } })
    return started.login('t', asked).then(verdict => [told(verdict), started.created] as const)
  }
  it('adds an account in a domain that is ours, bound to its subject', async () => {
    assert.deepEqual(await create({ sub: 's', email: 'New@example.org', name: 'New One' }), [
      'accept new@example.org',
      [{ address: 'new@example.org', fullName: 'New One', subject: 's', directory: 'main' }],
    ])
  })
  it('adds none in a foreign domain, for an extension of a neighbour, or without a verified address', async () => {
    for (const claims of [
      { email: 'new@gmail.example' },
      { email: 'alice+new@example.org' },
      { preferred_username: 'new' },
    ])
      assert.deepEqual(await create(claims), ['reject unknown_account', []], JSON.stringify(claims))
    assert.deepEqual(await create({ email: 'new@example.org', email_verified: false }), [
      'reject email_not_verified',
      [],
    ])
  })
  it('adds none for an unverified address where require.email-verified asks for a verified one', async () => {
    const claims = { email: 'new@example.org' }
    for (const [emailVerified, email_verified, verdict] of [
      ['always', undefined, 'reject email_not_verified'],
      ['always', false, 'reject email_not_verified'],
      ['always', 'yes', 'reject email_not_verified'],
      ['always', true, 'accept new@example.org'],
      ['if-present', false, 'reject email_not_verified'],
      ['if-present', 'false', 'reject email_not_verified'],
      ['if-present', undefined, 'accept new@example.org'],
      ['if-present', 'true', 'accept new@example.org'],
      ['never', false, 'accept new@example.org'],
    ] as const) {
      const directories = [directory({ require: { emailVerified } })]
      const given = email_verified === undefined ? claims : { ...claims, email_verified }
      const [told, created] = await create(given, undefined, { directories })
      assert.equal(told, verdict, `${emailVerified} ${email_verified}`)
      assert.equal(created.length, told.startsWith('accept') ? 1 : 0)
    }
  })
  it('adds accounts in the listed domains and in no others, ours or not', async () => {
    const open = ['new.example', 'xn--bcher-kva.example']
    const outcomes: Record<string, string> = {
      'x@new.example': 'accept x@new.example',
      'x@NEW.example': 'accept x@new.example',
      'x@bücher.example': 'accept x@xn--bcher-kva.example',
      'x@sub.new.example': 'reject unknown_account',
      'x@example.org': 'reject unknown_account',
      'x@example.net': 'reject unknown_account',
    }
    for (const [email, verdict] of Object.entries(outcomes))
      assert.equal((await create({ email }, undefined, { open }))[0], verdict, email)
  })
  it('adds none in a listed domain that belongs to another directory', async () => {
    const directories = [directory(), directory({ name: 'school', domains: ['school.example'] })]
    const world = { directories, open: ['school.example'] }
    assert.deepEqual(await create({ email: 'x@school.example' }, undefined, world), ['reject unknown_account', []])
  })
  it('adds none in a domain of another directory', async () => {
    const directories = [directory(), directory({ name: 'school', domains: ['school.example'] })]
    assert.deepEqual(await create({ email: 'x@school.example' }, undefined, { directories }), [
      'reject unknown_account',
      [],
    ])
  })
  it('lets nobody in under a name that is not hers', async () => {
    assert.deepEqual(await create({ email: 'new@example.org' }, 'alice@example.org'), ['reject authz_fail', []])
  })
  it('adds none in a domain of which there is but a single alias', async () => {
    const accounts = [account({ address: 'alice@example.org', aliases: ['alice@gmail.example'] })]
    assert.deepEqual(await create({ email: 'eve@gmail.example' }, undefined, { accounts }), [
      'reject unknown_account',
      [],
    ])
  })
  it('lets nobody in whom an administrator has added disabled meanwhile', async () => {
    const authenticate = creating(async wanted => account({ ...wanted, enabled: false }))
    const verdict = await authenticate(request({ kind: 'token', token: 't', authzid: undefined }))
    assert.equal(told(verdict), 'reject account_disabled')
  })
  it('calls it temporary when the account cannot be written', async () => {
    const authenticate = creating(() => Promise.reject(new Error('ENOSPC')))
    const verdict = await authenticate(request({ kind: 'token', token: 't', authzid: undefined }))
    assert.equal(told(verdict), 'unavailable account_not_created')
  })

  it('tells the limit per hour from a write that failed', async () => {
    const authenticate = creating(() => Promise.reject(new CreateLimitError('100 in an hour')))
    const verdict = await authenticate(request({ kind: 'token', token: 't', authzid: undefined }))
    assert.equal(told(verdict), 'unavailable create_limit')
  })

  /** A world in which everybody is new@example.org, and accounts are created so. */
  function creating(createAccount: (wanted: NewAccount) => Promise<Account>) {
    const claims = { email: 'new@example.org' }
    const tokens = { lookup: () => active(ofUserinfo(claims)), flush: () => 0 }
    return createAuthenticate({
      directories: new Map([['main', { config: directory(), tokens, openidConfiguration: undefined }]]),
      routing: createRouting([directory()]),
      accounts: { current: () => indexOf([alice]), create: createAccount },
      newcomers: { unknown: 'create', create: { domains: [], perHour: 100 } },
      passwords: undefined,
      log: silentLog,
    })
  }
})

describe('the log line', () => {
  it('has one stable reason code, what was seen and wanted, and no token', async () => {
    const world = start({ tokens: { 'the-token': { email: 'bob@example.org' } } })
    await world.login('the-token', 'alice@example.org')
    assert.equal(world.lines.length, 1)
    const [line] = world.lines
    assert.equal(line?.event, 'login')
    assert.equal(line?.verdict, 'reject')
    assert.equal(line?.reason, 'authz_fail')
    assert.equal(line?.account, 'bob@example.org')
    assert.equal(line?.asked, 'alice@example.org')
    assert.equal(line?.remote, '192.0.2.1')
    assert.equal(line?.source, 'userinfo')
    assert.ok(!JSON.stringify(line).includes('the-token'))
  })
  it('cannot be forged by a name', async () => {
    const world = start()
    await world.login('t', `x\n{"event":"login","verdict":"accept"}\u2028${'y'.repeat(1000)}`)
    const asked = String(world.lines[0]?.asked)
    assert.ok(!/[\n\u2028]/.test(asked))
    assert.ok(asked.length < 300)
  })
})
