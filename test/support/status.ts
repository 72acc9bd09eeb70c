/** What a daemon tells of itself: one where all is well, something wrong, and whatever there may be. */
import fc from 'fast-check'
import type { Problem } from '../../src/config/problem.ts'
import type { DirectoryStatus, ListenerStatus, Status, StoreStatus } from '../../src/status.ts'

export const nowMs = Date.parse('2026-01-31T03:00:00.000Z')

const accounts: StoreStatus = {
  files: ['/etc/bearerd/accounts.toml', '/var/lib/bearerd/accounts.jsonl'],
  count: 1234,
  loaded: '2026-01-30T08:00:01.000Z',
  loadMs: 12,
  failures: 0,
  problems: [],
  moreProblems: 0,
}

export const well: Status = {
  version: '0.1.0',
  node: 'v24.21.0',
  pid: 4711,
  state: 'running',
  started: '2026-01-28T03:00:00.000Z',
  uptimeSeconds: 3 * 86_400,
  config: { file: '/etc/bearerd/bearerd.toml', loaded: '2026-01-30T08:00:00.000Z', refused: undefined },
  logLevel: 'info',
  listeners: [
    {
      name: 'imap',
      protocol: 'dovecot-auth',
      path: '/run/bearerd/auth-client',
      inherited: true,
      open: true,
      connections: 12,
      refusing: false,
    },
    {
      name: 'policy',
      protocol: 'postfix-policy',
      path: '/var/spool/postfix/bearerd/policy',
      inherited: false,
      open: true,
      connections: 1,
      refusing: false,
    },
  ],
  directories: [
    {
      name: 'main',
      methods: ['jwt', 'introspect'],
      issuer: 'https://accounts.example.org',
      provider: {
        state: 'ok',
        lastSuccess: '2026-01-31T02:59:58.000Z',
        lastError: undefined,
        failingSince: undefined,
        inFlight: 0,
        breakers: { introspect: 'closed' },
      },
      warnings: [],
      cache: { good: 120, bad: 3, hits: 980, misses: 20 },
      keys: { count: 2, fetched: '2026-01-31T02:55:00.000Z' },
    },
  ],
  accounts,
  passwords: { ...accounts, files: ['/var/lib/bearerd/app-passwords.jsonl'], count: 1 },
  bindings: undefined,
  logins: {
    accepted: 120,
    rejected: 3,
    unavailable: 0,
    reasons: [{ verdict: 'reject', reason: 'token_expired', count: 3 }],
  },
}

export const accountsError: Problem = {
  severity: 'error',
  file: '/etc/bearerd/accounts.toml',
  line: 7,
  path: 'account.address',
  message: 'expected an address such as "alice@example.org", got "alice"',
}

const [imap] = well.listeners
const [main] = well.directories
if (imap === undefined || main === undefined) throw new Error('unreachable')
const troubled: StoreStatus = { ...accounts, problems: [accountsError] }

/** Whatever may be left out is there. */
export const full: Status = {
  ...well,
  config: { ...well.config, refused: { time: well.started, problems: [accountsError] } },
  listeners: [imap],
  directories: [
    {
      ...main,
      warnings: ['any application …'],
      provider: {
        ...main.provider,
        lastError: { time: well.started, cause: 'userinfo: refused', cure: 'Start it.' },
        failingSince: well.started,
        breakers: { introspect: 'closed', tokeninfo: 'closed', userinfo: 'open' },
      },
    },
  ],
  accounts: troubled,
  passwords: troubled,
  bindings: troubled,
}

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom('\n', '\u001b[2J', '\u2028', ''))
const time = fc.date({ min: new Date(0), max: new Date(nowMs), noInvalidDate: true }).map(date => date.toISOString())
const maybe = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(some, { nil: undefined })

const problem: fc.Arbitrary<Problem> = fc.record({
  severity: fc.constantFrom('error', 'warning'),
  file: text,
  line: maybe(fc.nat()),
  path: maybe(text),
  message: text,
})

const store: fc.Arbitrary<StoreStatus> = fc.record({
  files: fc.array(text),
  count: maybe(fc.nat()),
  loaded: maybe(time),
  loadMs: maybe(fc.nat()),
  failures: fc.nat(),
  problems: fc.array(problem, { maxLength: 15 }),
  moreProblems: fc.nat(),
})

const listener: fc.Arbitrary<ListenerStatus> = fc.record({
  name: text,
  protocol: fc.constantFrom('dovecot-auth', 'dovecot-master', 'postfix-sasl', 'postfix-policy', 'postfix-socketmap'),
  path: text,
  inherited: fc.boolean(),
  open: fc.boolean(),
  connections: fc.nat(),
  refusing: fc.boolean(),
})

const directory: fc.Arbitrary<DirectoryStatus> = fc.record({
  name: text,
  methods: fc.array(fc.constantFrom('jwt', 'introspect', 'tokeninfo', 'userinfo')),
  issuer: maybe(text),
  provider: fc.record({
    state: fc.constantFrom('ok', 'failing', 'unknown'),
    lastSuccess: maybe(time),
    lastError: maybe(fc.record({ time, cause: text, cure: text })),
    failingSince: maybe(time),
    inFlight: fc.nat(),
    breakers: fc.constantFrom<DirectoryStatus['provider']['breakers'][]>(
      {},
      { userinfo: 'open' },
      { introspect: 'closed', userinfo: 'open' },
    ),
  }),
  warnings: fc.array(text, { maxLength: 3 }),
  cache: fc.record({ good: fc.nat(), bad: fc.nat(), hits: fc.nat(), misses: fc.nat() }),
  keys: maybe(fc.record({ count: fc.nat(), fetched: time })),
})

export const anyStatus: fc.Arbitrary<Status> = fc.record({
  version: text,
  node: text,
  pid: fc.nat(),
  state: fc.constantFrom('starting', 'running', 'stopping'),
  started: time,
  uptimeSeconds: fc.nat(),
  config: fc.record({
    file: text,
    loaded: time,
    refused: maybe(fc.record({ time, problems: fc.array(problem, { maxLength: 15 }) })),
  }),
  logLevel: text,
  listeners: fc.array(listener, { maxLength: 4 }),
  directories: fc.array(directory, { maxLength: 3 }),
  accounts: store,
  passwords: maybe(store),
  bindings: maybe(store),
  logins: fc.record({
    accepted: fc.nat(),
    rejected: fc.nat(),
    unavailable: fc.nat(),
    reasons: fc.array(
      fc.record({
        verdict: fc.constantFrom('reject', 'unavailable'),
        reason: fc.oneof(text, fc.constantFrom('deadline', 'token_expired', 'constructor')),
        count: fc.nat(),
      }),
    ),
  }),
})
