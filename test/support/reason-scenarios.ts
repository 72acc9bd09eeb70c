/**
 * A login for every reason code, which ends with it. A code without one doesn't compile.
 *
 * What tokens can lead to is explained by `explain-token`, with a provider double; the rest is decided as in the daemon.
 */
import type { TestContext } from 'node:test'
import type { AccountStore } from '../../src/accounts/account.ts'
import { CreateLimitError } from '../../src/accounts/account.ts'
import { createBindingTable } from '../../src/accounts/binding-table.ts'
import type { Bindings } from '../../src/accounts/bindings.ts'
import { type AuthenticateOptions, createAuthenticate } from '../../src/auth/authenticate.ts'
import type { RejectReason, UnavailableReason } from '../../src/auth/reason.ts'
import { createRouting } from '../../src/auth/routing.ts'
import type { Lookup } from '../../src/auth/token.ts'
import type { LoginRequest } from '../../src/auth/verdict.ts'
import { createAuthDialect } from '../../src/dovecot/auth-session.ts'
import { createLogins } from '../../src/dovecot/logins.ts'
import { mechanisms } from '../../src/sasl/mechanisms.ts'
import { account, indexOf } from './accounts.ts'
import { stopClock } from './clock.ts'
import { directory } from './directory.ts'
import { active, introspected } from './evidence.ts'
import { type Answer, text } from './fault-provider.ts'
import { newSigner, part, publicJwk, type Signer, signJwt } from './jws.ts'
import { createRecorder, type LogLine } from './log.ts'
import { appPassword, createTestVerifier, openPasswords, typedPassword } from './password-login.ts'
import { connect } from './wire.ts'

/** A token that is explained. */
export type Explained = {
  /** The check that fails. */
  readonly check: string
  readonly user?: string
  readonly token?: (issuer: string) => string
  /** In bearerd.toml, below [directory.main]; by default it introspects. */
  readonly directory?: (issuer: string) => string
  readonly accounts?: string
  readonly files?: Readonly<Record<string, string | undefined>>
  /** What introspection says beside its default; or how it answers. */
  readonly answer?: Readonly<Record<string, unknown>> | Answer
  readonly userinfo?: Readonly<Record<string, unknown>>
}

/** A login that is decided, and leaves this line in the log. */
export type Decided = (t: TestContext) => Promise<LogLine | undefined>

export const signer = newSigner('k1', 'ES256')
const stranger = newSigner('k2', 'ES256')
export const jwks = { keys: [publicJwk(signer)] }
const now = Math.floor(Date.now() / 1000)

export const introspection =
  (more = '') =>
  (issuer: string) =>
    `endpoint.method = "introspect"
endpoint.url = "${issuer}/introspect"
auth.method = "user-token"
${more}`
export const byKeys = (issuer: string) => `issuer = "${issuer}"
endpoint.method = "jwt"
endpoint.jwks-url = "${issuer}/jwks"
require.audience = "mail"
`
const byTwo = (issuer: string) => `endpoint.method = ["introspect", "userinfo"]
endpoint.introspect-url = "${issuer}/introspect"
endpoint.userinfo-url = "${issuer}/userinfo"
auth.method = "user-token"
`

type Header = Readonly<Record<string, unknown>>
export const jwt =
  (claims: Header = {}, header: Header = {}, by: Signer = signer) =>
  (issuer: string) => {
    const times = { iat: now, exp: now + 3600 }
    const named = { iss: issuer, aud: 'mail', client_id: 'thunderbird', sub: '1', email: 'alice@example.org' }
    return signJwt(by, { ...named, ...times, ...claims }, header)
  }
const unsigned = (issuer: string) => jwt()(issuer).replace(/^[^.]+/, part({ alg: 'none' }))

const sams = ['sam@example.org', 'sam@example.net'].map(
  address => `[[account]]\naddress = "${address}"\nusername = "sam"\n`,
)

/** A password that is refused, of those that alice has and of others. */
type Login = { readonly name?: string; readonly password?: string; readonly authzid?: string; readonly world?: World }
type World = Partial<AuthenticateOptions> & { readonly busy?: boolean; readonly provider?: () => Lookup }

const created = Date.UTC(2026, 2, 1)
const people = indexOf([
  account({ address: 'alice@example.org' }),
  account({ address: 'bob@example.org', created }),
  account({ address: 'erin@example.org' }),
])
const withId = (id: string): string => id + appPassword.slice(3)
const records = [
  typedPassword(),
  typedPassword({ typed: withId('end'), expires: created }),
  typedPassword({ typed: withId('smt'), services: ['smtp'] }),
  typedPassword({ typed: withId('net'), networks: ['192.0.2.0/24'] }),
  typedPassword({ account: 'bob@example.org', created: created - 1 }),
  typedPassword({ account: 'erin@example.org', typed: 'Tr0ub4dor & 3' }),
]

const goodToken = (claims: Header = { sub: '1', email: 'alice@example.org' }): Lookup => active(introspected(claims))

function open({ busy, provider = goodToken, ...options }: World) {
  const log = createRecorder()
  const tokens = { flush: () => 0, lookup: () => provider() }
  const config = directory({ bind: options.bindings === undefined ? 'never' : 'first-login' })
  const store = openPasswords(records)
  const verifier = createTestVerifier(() => {}, busy)
  const authenticate = createAuthenticate({
    directories: new Map([['main', { config, tokens, openidConfiguration: undefined }]]),
    routing: createRouting([config]),
    accounts: storeWith(() => Promise.reject(new Error('no'))),
    newcomers: { unknown: 'create', create: { domains: [], perHour: 1 } },
    passwords: { store, verifier, acceptTokens: false, failureDelayMs: 0 },
    log,
    ...options,
  })
  return { authenticate, log, store, verifier }
}

function storeWith(create: AccountStore['create']): AccountStore {
  return { current: () => people, create }
}

async function decide(credentials: LoginRequest['credentials'], world: World = {}): Promise<LogLine | undefined> {
  const { authenticate, log } = open(world)
  const about = { listener: 'imap', service: 'imap', remoteAddress: '198.51.100.1', session: 's' }
  await authenticate({ ...about, mechanism: credentials.kind === 'password' ? 'PLAIN' : 'XOAUTH2', credentials })
  return log.lines.find(({ event }) => event === 'login')
}

const aPassword =
  ({ name = 'alice@example.org', password = appPassword, authzid, world }: Login = {}): Decided =>
  () =>
    decide({ kind: 'password', authcid: name, password, authzid }, world)

const aToken =
  (world: World): Decided =>
  () =>
    decide({ kind: 'token', token: 'opaque-token', authzid: undefined }, world)

const failingBindings: Bindings = {
  current: () => createBindingTable(),
  bind: () => Promise.reject(new Error('ENOSPC')),
}
const newcomer = (): Lookup => goodToken({ sub: '2', email: 'new@example.org' })

/** Eight seconds without a verdict. */
async function tooLate(t: TestContext): Promise<LogLine | undefined> {
  const clock = stopClock(t)
  const log = createRecorder()
  const place = { path: '/auth', mode: 0o660, group: undefined, xoauth2Challenge: 'auto' } as const
  const listener = { name: 'auth', protocol: 'dovecot-auth', ...place } as const
  const authenticate = () => new Promise<never>(() => {})
  const logins = createLogins()
  const peer = connect(
    createAuthDialect({ listener, mechanisms, tokenBytes: 9000, authenticate, logins, spid: 1, log }),
  )
  const message = Buffer.from('user=alice@example.org\x01auth=Bearer t\x01\x01').toString('base64')
  peer.write(`VERSION\t1\t2\nCPID\t77\nAUTH\t1\tXOAUTH2\tservice=imap\tresp=${message}\n`)
  clock.pass(8000)
  return log.lines[0]
}

export const scenarios: Readonly<Record<RejectReason | UnavailableReason, Explained | Decided>> = {
  malformed: { check: 'message', token: () => 'what?is:this,thing' },
  truncated: () => decide({ kind: 'malformed', why: 'cut off', truncated: true }),
  no_directory: { check: 'directory', user: 'alice@example.org', directory: introspection('domains = ["b.example"]') },

  token_refused: { check: 'introspect', answer: { active: false } },
  opaque_token: { check: 'signature', directory: byKeys },
  token_malformed: { check: 'signature', directory: byKeys, token: issuer => `${jwt()(issuer)}=` },
  algorithm_not_allowed: { check: 'signature', directory: byKeys, token: unsigned },
  unsupported_header: { check: 'signature', directory: byKeys, token: jwt({}, { crit: ['b64'] }) },
  unknown_key: { check: 'signature', directory: byKeys, token: jwt({}, {}, stranger) },
  bad_signature: { check: 'signature', directory: byKeys, token: jwt({}, { kid: 'k1' }, stranger) },
  token_incomplete: { check: 'expiry', directory: byKeys, token: jwt({ exp: undefined }) },
  token_expired: { check: 'expiry', answer: { exp: now - 3600 } },
  token_not_yet_valid: { check: 'not before', answer: { nbf: now + 3600 } },
  not_an_access_token: { check: 'kind of token', directory: byKeys, token: jwt({ at_hash: 'cm9zZQ' }) },
  refresh_token: { check: 'kind of token', token: () => 'authelia_rt_PZ8xQ9m7b-Fl2oYxW3' },
  machine_token: { check: 'kind of token', answer: { sub: 'backup', client_id: 'backup' } },
  subject_conflict: { check: 'subject', directory: byTwo, userinfo: { sub: '2', email: 'alice@example.org' } },
  wrong_issuer: {
    check: 'issuer',
    directory: issuer => `${introspection()(issuer)}issuer = "${issuer}/"`,
    answer: { iss: 'https://other.example' },
  },
  wrong_audience: { check: 'audience', directory: introspection('require.audience = "mail"'), answer: { aud: 'wiki' } },
  wrong_client: { check: 'client', directory: introspection('require.clients = "tb"'), answer: { client_id: 'wiki' } },
  insufficient_scope: {
    check: 'scopes',
    directory: introspection('require.scopes = "mail"'),
    answer: { scope: 'wiki' },
  },
  claim_mismatch: {
    check: 'gates',
    directory: introspection('require.claim.groups = "mail-users"'),
    answer: { groups: ['staff'] },
  },

  email_not_verified: { check: 'account', answer: { email_verified: false } },
  no_identity: { check: 'account', answer: { email: undefined } },
  bad_identity: { check: 'account', answer: { email: 'Alice' } },
  ambiguous_identity: {
    check: 'account',
    accounts: sams.join(''),
    answer: { email: undefined, preferred_username: 'sam' },
  },
  wrong_directory: {
    check: 'account',
    accounts: '[[account]]\naddress = "alice@example.org"\ndirectory = "other"\n',
    directory: issuer =>
      `${introspection()(issuer)}[directory.other]\ndomains = ["b.example"]\n${introspection()(issuer)}`,
  },
  subject_mismatch: { check: 'account', accounts: '[[account]]\naddress = "alice@example.org"\nsubject = "2"\n' },
  no_subject: { check: 'account', directory: introspection('bind = "first-login"'), answer: { sub: undefined } },
  unknown_account: { check: 'account', answer: { email: 'zoe@example.org' } },
  authz_fail: { check: 'name asked for', user: 'bob@example.org' },
  account_disabled: { check: 'enabled', answer: { email: 'bob@example.org' } },

  unknown_login: aPassword({ name: 'nobody@example.org' }),
  wrong_password: aPassword({ password: appPassword.replace('xyza', 'xyzz') }),
  unknown_password: aPassword({ password: withId('zzz') }),
  provider_password: aPassword({ password: 'hunter2' }),
  password_not_offered: aPassword({ world: { passwords: undefined } }),
  token_as_password: aPassword({ password: jwt()('https://idp.example') }),
  password_expired: aPassword({ password: withId('end') }),
  password_outdated: aPassword({ name: 'bob@example.org' }),
  password_service: aPassword({ password: withId('smt') }),
  password_network: aPassword({ password: withId('net') }),

  provider_unavailable: { check: 'introspect', answer: text('', 503) },
  accounts_unavailable: { check: 'accounts', accounts: '[[account]]\nadress = "alice@example.org"\n' },
  bindings_unavailable: {
    check: 'bindings',
    directory: introspection('bind = "first-login"'),
    files: { 'bindings.jsonl': undefined },
  },
  account_not_created: aToken({ provider: newcomer }),
  create_limit: aToken({ provider: newcomer, accounts: storeWith(() => Promise.reject(new CreateLimitError())) }),
  binding_not_written: aToken({ bindings: failingBindings }),
  passwords_unavailable: aPassword({ world: withoutPasswords() }),
  passwords_busy: aPassword({ name: 'erin@example.org', password: 'Tr0ub4dor & 3', world: { busy: true } }),
  deadline: tooLate,
  internal_error: aToken({
    provider: () => {
      throw new TypeError('a fault')
    },
  }),
}

function withoutPasswords(): World {
  const { store, verifier } = open({})
  store.index = undefined
  return { passwords: { store, verifier, acceptTokens: false, failureDelayMs: 0 } }
}
