/** The decision on passwords: which reason is logged, and that the answer doesn't tell it. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { AccountIndex } from '../../src/accounts/account.ts'
import { createAuthenticate } from '../../src/auth/authenticate.ts'
import type { RejectReason } from '../../src/auth/reason.ts'
import { createRouting } from '../../src/auth/routing.ts'
import type { Lookup } from '../../src/auth/token.ts'
import type { LoginRequest, Reject, Verdict } from '../../src/auth/verdict.ts'
import type { HashPool } from '../../src/passwords/hash-pool.ts'
import type { PasswordRecord, Verifier } from '../../src/passwords/password.ts'
import { createVerifier } from '../../src/passwords/verifier.ts'
import { account, indexOf } from '../support/accounts.ts'
import { stopClock } from '../support/clock.ts'
import { directory } from '../support/directory.ts'
import { active as activeFor, ofUserinfo, refused as tokenRefused } from '../support/evidence.ts'
import { createRecorder } from '../support/log.ts'
import {
  appPassword,
  createTestVerifier,
  openPasswords,
  passwordIndexOf,
  type TestPasswords,
  typedPassword,
} from '../support/password-login.ts'

const now = Date.UTC(2026, 5, 1)
const imported = 'Tr0ub4dor & 3'
const jwt = `eyJhbGciOiJSUzI1NiJ9.${'eyJzdWIiOiIxIn0'.repeat(3)}.c2lnbmF0dXJl`

const alice = account({ address: 'alice@example.org', aliases: ['a.jones@example.org', 'müller@example.org'] })
const bob = account({ address: 'bob@example.org', created: Date.UTC(2026, 2, 1) })
const dora = account({ address: 'dora@example.org', enabled: false })
const erin = account({ address: 'erin@example.org' })
const everybody = [alice, bob, dora, erin]

/** The app password with this id. */
const password = (id: string): string => id + appPassword.slice(3)

const records = [
  typedPassword(),
  typedPassword({ typed: password('end'), expires: now }),
  typedPassword({ typed: password('smt'), services: ['smtp'] }),
  typedPassword({ typed: password('net'), networks: ['192.0.2.0/24', '2001:db8::/32'] }),
  typedPassword({ account: 'bob@example.org', created: Date.UTC(2026, 1, 1) }),
  typedPassword({ account: 'dora@example.org' }),
  typedPassword({ account: 'erin@example.org', typed: imported }),
]

type World = {
  records?: readonly PasswordRecord[]
  failureDelayMs?: number
  acceptTokens?: boolean
  /** What the provider says of every token, at once as from the cache or later. */
  provider?: Lookup
  later?: boolean
  /** Called while an imported password is being checked. */
  meanwhile?: (world: Running) => void
  busy?: boolean
}
type Running = { accounts: AccountIndex | undefined; passwords: TestPasswords }

type Login = {
  name?: string
  password?: string
  authzid?: string
  service?: string
  remote?: string | undefined
}

function start(world: World = {}, real?: Verifier) {
  const passwords = openPasswords(world.records ?? records)
  const running: Running = { accounts: indexOf(everybody), passwords }
  const verifier = createTestVerifier(() => world.meanwhile?.(running), world.busy)
  const log = createRecorder()
  const asked: string[] = []
  const tokens = {
    flush: () => 0,
    lookup: (token: string): Lookup | Promise<Lookup> => {
      asked.push(token)
      const lookup = world.provider ?? tokenRefused
      return world.later ? Promise.resolve(lookup) : lookup
    },
  }
  const authenticate = createAuthenticate({
    directories: new Map([['main', { config: directory(), tokens, openidConfiguration: 'https://idp.example/' }]]),
    routing: createRouting([directory()]),
    accounts: { current: () => running.accounts, create: () => Promise.reject(new Error('not here')) },
    newcomers: { unknown: 'reject', create: { domains: [], perHour: 1 } },
    passwords: {
      store: passwords,
      verifier: real ?? verifier,
      acceptTokens: world.acceptTokens ?? false,
      failureDelayMs: world.failureDelayMs ?? 0,
    },
    log,
    now: () => now,
  })
  const login = (given: Login = {}): Verdict | Promise<Verdict> => authenticate(request(given))
  return { ...running, running, passwords, verifier, log, asked, authenticate, login }
}

function request({ name = 'alice@example.org', service = 'imap', ...given }: Login): LoginRequest {
  return {
    listener: 'imap',
    service,
    mechanism: 'PLAIN',
    credentials: {
      kind: 'password',
      authcid: name,
      password: given.password ?? appPassword,
      authzid: given.authzid,
    },
    remoteAddress: 'remote' in given ? given.remote : '192.0.2.1',
    session: 's',
  }
}

const malformed: LoginRequest = { ...request({}), credentials: { kind: 'malformed', why: 'not two NULs' } }

const told = (verdict: Verdict): string =>
  verdict.kind === 'accept' ? `accept ${verdict.account.address}` : `${verdict.kind} ${verdict.reason}`

const active = (email: string): Lookup => activeFor(ofUserinfo({ email }))

/** Every reason why a password may be refused, and a login that is. */
const refused: Partial<Record<RejectReason, Login & { world?: World }>> = {
  unknown_login: { name: 'nobody@example.org' },
  wrong_password: { password: appPassword.replace('xyza', 'xyzz') },
  unknown_password: { password: password('zzz') },
  provider_password: { password: 'hunter2' },
  token_as_password: { password: jwt },
  token_refused: { password: jwt, world: { acceptTokens: true } },
  account_disabled: { name: 'dora@example.org' },
  password_expired: { password: password('end') },
  password_outdated: { name: 'bob@example.org' },
  password_service: { password: password('smt') },
  password_network: { password: password('net'), remote: '198.51.100.1' },
  authz_fail: { authzid: 'bob@example.org' },
}

describe('an app password', () => {
  it('lets its owner in, by her address, an alias, in any case and any normalization form', async () => {
    for (const name of ['alice@example.org', 'ALICE@Example.org', 'a.jones@example.org', 'mu\u0308ller@example.org']) {
      const world = start()
      const verdict = world.login({ name })
      assert.ok(!(verdict instanceof Promise), 'and without waiting')
      assert.equal(told(verdict), 'accept alice@example.org', name)
      assert.deepEqual(world.passwords.uses, [{ id: 'kfm', from: '192.0.2.1' }])
    }
  })
  it('lets her in by a name that SASLprep makes hers', async () => {
    assert.equal(told(await start().login({ name: 'al\u00adice@example.org' })), 'accept alice@example.org')
  })
  it('is good for the services that it is for, whatever the mail server calls them', async () => {
    for (const [service, verdict] of [
      ['smtp', 'accept alice@example.org'],
      ['submission', 'accept alice@example.org'],
      ['imap', 'reject password_service'],
      ['pop3', 'reject password_service'],
      ['doveadm', 'reject password_service'],
      ['constructor', 'reject password_service'],
    ] as const)
      assert.equal(told(await start().login({ password: password('smt'), service })), verdict, service)
  })
  it("is good in the networks that it is for, and nowhere if the client's address is not known", async () => {
    for (const [remote, verdict] of [
      ['192.0.2.200', 'accept alice@example.org'],
      ['::ffff:192.0.2.200', 'accept alice@example.org'],
      ['2001:db8:1::1', 'accept alice@example.org'],
      ['192.0.3.1', 'reject password_network'],
      ['2001:db9::1', 'reject password_network'],
      ['', 'reject password_network'],
      [undefined, 'reject password_network'],
    ] as const)
      assert.equal(told(await start().login({ password: password('net'), remote })), verdict, remote)
  })
  it('lets the client be nobody else: the authorization identity is a name of the same account', async () => {
    for (const authzid of ['alice@example.org', 'A.Jones@example.org'])
      assert.equal(told(await start().login({ authzid })), 'accept alice@example.org', authzid)
    for (const authzid of ['bob@example.org', 'nobody@example.org', 'alice'])
      assert.equal(told(await start().login({ authzid })), 'reject authz_fail', authzid)
  })
  it('is good until it expires, to the millisecond', async () => {
    const soon = [typedPassword({ expires: now + 1 })]
    assert.equal(told(await start({ records: soon }).login()), 'accept alice@example.org')
  })
  it('is good if it is as old as its account, to the millisecond', async () => {
    const typed = typedPassword({ account: 'bob@example.org', created: Date.UTC(2026, 2, 1) })
    assert.equal(told(await start({ records: [typed] }).login({ name: 'bob@example.org' })), 'accept bob@example.org')
  })
})

describe('a refused password', () => {
  for (const [reason, { world, ...login }] of Object.entries(refused))
    it(`is logged as ${reason}, with a cure`, async () => {
      const { log, passwords, login: attempt } = start(world)
      assert.equal(told(await attempt(login)), `reject ${reason}`)
      assert.equal(log.lines.length, 1)
      const [line] = log.lines
      assert.equal(line?.reason, reason)
      assert.equal(line?.asked, login.name ?? 'alice@example.org')
      assert.equal(typeof line?.cure, 'string')
      assert.deepEqual(passwords.uses, [])
    })

  it('because of where it is used has a cure that fits', async () => {
    const make = 'bearerd app-password create ADDRESS --label DEVICE'
    for (const [login, detail, cure] of [
      [
        { password: password('smt'), service: 'pop3' },
        /not for pop3$/,
        `pop3 among them: "${make} --services smtp,pop3"`,
      ],
      [{ password: password('smt'), service: 'doveadm' }, /not for doveadm$/, `"${make}", without --services`],
      [
        { password: password('net'), remote: '198.51.100.1' },
        /^198\.51\.100\.1 is outside: /,
        'with her network among',
      ],
      [
        { password: password('net'), remote: undefined },
        /^the mail server told no address: /,
        'See that the mail server',
      ],
    ] as const) {
      const { log, login: attempt } = start()
      await attempt(login)
      assert.match(String(log.lines[0]?.detail), detail)
      assert.ok(String(log.lines[0]?.cure).includes(cure), String(log.lines[0]?.cure))
    }
  })

  it('gets an answer that does not tell the reason', async () => {
    for (const [name, { world, ...login }] of Object.entries(refused)) {
      const verdict = await start(world).login(login)
      assert.ok(verdict.kind === 'reject', name)
      const { reason, user, ...rest } = verdict
      assert.equal(user, login.name ?? 'alice@example.org', name)
      assert.deepEqual(rest, {
        kind: 'reject',
        oauth: { status: 'invalid_token', scope: undefined, openidConfiguration: undefined },
        code: undefined,
        userMessage: undefined,
        dueMs: undefined,
      })
    }
    const { reason, ...rest } = (await start().authenticate(malformed)) as Reject
    assert.equal(reason, 'malformed')
    assert.deepEqual([rest.code, rest.userMessage, rest.user], [undefined, undefined, undefined])
  })
  it('costs one hash, also for a name that nobody has, and for a disabled account', async () => {
    for (const [reason, { world, ...login }] of Object.entries(refused)) {
      const { verifier, login: attempt } = start(world)
      await attempt(login)
      assert.equal(verifier.asked.length, 1, reason)
    }
  })
  it('is disguised as a try on an imported hash, whatever was wrong; a right one is not', async () => {
    for (const [reason, { world, ...login }] of Object.entries(refused)) {
      const { verifier, login: attempt } = start(world)
      await attempt(login)
      assert.equal(verifier.disguised.length, 1, reason)
      assert.deepEqual(
        verifier.disguised[0]?.imported.map(({ account }) => account),
        ['erin@example.org'],
        reason,
      )
    }
    const { verifier, login: attempt } = start()
    await attempt()
    assert.deepEqual(verifier.disguised, [])
  })
  it('is disguised under one name, however that is spelled', async () => {
    const spellings = {
      'alice@example.org': ['ALICE@Example.org', 'a.jones@example.org', 'al\u00adice@example.org'],
      'jörg@example.org': ['JO\u0308RG@example.org', 'jörg@EXAMPLE.org', 'j\u00adörg@example.org'],
      nobody: ['NoBody', 'no\u00adbody'],
    }
    for (const [name, others] of Object.entries(spellings)) {
      const { verifier, login } = start()
      for (const spelling of others) await login({ name: spelling, password: 'hunter2' })
      assert.deepEqual(
        verifier.disguised.map(attempt => attempt.name),
        others.map(() => name),
      )
    }
  })
  it('is temporary trouble for every name alike while too many are being checked', async t => {
    const never: HashPool = { threads: 1, check: () => new Promise(() => {}), close: async () => {} }
    const verifier = createVerifier({ log: createRecorder(), pool: never, maxWaiting: 0 })
    t.after(() => verifier.close())
    const erins = { name: 'erin@example.org', password: 'hunter2' }
    void start({}, verifier).login(erins)
    const logins = { ...refused, imported: { ...erins, password: 'hunter3' } }
    for (const [reason, { world, ...login }] of Object.entries<Login & { world?: World }>(logins))
      assert.equal(told(await start(world, verifier).login(login)), 'unavailable passwords_busy', reason)
    assert.equal(told(await start({}, verifier).login()), 'accept alice@example.org', 'but for what is right')
  })
  it('names the password in the log, where it is known, by its id and label', async () => {
    const world = start()
    await world.login({ password: password('end') })
    const [line] = world.log.lines
    assert.deepEqual(
      [line?.source, line?.password, line?.label, line?.account],
      ['app-password', 'end', 'Phone', 'alice@example.org'],
    )
  })
  it('never stands in the log, nor does its hash', async () => {
    for (const [reason, { world, ...login }] of Object.entries(refused)) {
      const { log, login: attempt } = start(world)
      await attempt(login)
      const text = JSON.stringify(log.lines)
      const typed = login.password ?? appPassword
      for (const secret of [typed, typed.replaceAll('-', '').slice(3), '{SHA256}', jwt.slice(-12)])
        assert.ok(!text.includes(secret), `${reason}: ${text}`)
    }
    const fails = start()
    fails.passwords.used = () => {
      throw new TypeError(`cannot note ${appPassword}`)
    }
    assert.equal(told(await fails.login()), 'unavailable internal_error')
    assert.ok(!JSON.stringify(fails.log.lines).includes(appPassword), 'nor does an error that holds it')
  })
})

describe('an imported password', () => {
  const erins = { name: 'erin@example.org', password: imported }
  it('lets its owner in, and is told apart in the log', async () => {
    const world = start()
    assert.equal(told(await world.login(erins)), 'accept erin@example.org')
    assert.equal(world.log.lines[0]?.source, 'imported-password')
    assert.deepEqual(world.passwords.uses, [{ id: 'imported', from: '192.0.2.1' }])
  })
  it('that is wrong is wrong', async () => {
    assert.equal(told(await start().login({ ...erins, password: 'wrong' })), 'reject wrong_password')
  })

  /** What an administrator does while it is being checked, and the verdict. */
  const changes: Record<string, (world: Running) => void> = {
    'reject account_disabled': world => {
      world.accounts = indexOf([account({ ...erin, enabled: false })])
    },
    'reject unknown_login': world => {
      world.accounts = indexOf([alice])
    },
    'reject password_outdated': world => {
      world.accounts = indexOf([account({ ...erin, created: now })])
    },
    'reject unknown_password': world => {
      world.passwords.index = passwordIndexOf([])
    },
    'reject password_service': world => {
      world.passwords.index = passwordIndexOf(
        records.map(record => (record.id === 'imported' ? { ...record, services: ['pop3'] } : record)),
      )
    },
    'unavailable accounts_unavailable': world => {
      world.accounts = undefined
    },
    'unavailable passwords_unavailable': world => {
      world.passwords.index = undefined
    },
  }
  for (const [verdict, meanwhile] of Object.entries(changes))
    it(`is judged by what holds after it was checked: ${verdict}`, async () => {
      assert.equal(told(await start({ meanwhile }).login(erins)), verdict)
    })
  it('is no longer good if another has taken its place meanwhile', async () => {
    const meanwhile = (world: Running): void => {
      const other = typedPassword({ account: 'erin@example.org', typed: 'another one' })
      world.passwords.index = passwordIndexOf([other])
    }
    assert.equal(told(await start({ meanwhile }).login(erins)), 'reject unknown_password')
  })
})

describe('temporary failures', () => {
  it('while accounts or passwords have not been loaded', async () => {
    const world = start()
    world.passwords.index = undefined
    assert.equal(told(await world.login()), 'unavailable passwords_unavailable')
    world.running.accounts = undefined
    assert.equal(told(await world.login()), 'unavailable accounts_unavailable')
    assert.deepEqual(world.verifier.asked, [])
  })
  it('while too many imported passwords are being checked', async () => {
    const world = start({ busy: true })
    assert.equal(
      told(await world.login({ name: 'erin@example.org', password: imported })),
      'unavailable passwords_busy',
    )
  })
})

describe('a token in the place of a password', () => {
  const on = { acceptTokens: true }
  it('goes to no provider unless that is wanted', async () => {
    const world = start({ provider: active('alice@example.org') })
    assert.equal(told(await world.login({ password: jwt })), 'reject token_as_password')
    assert.deepEqual(world.asked, [])
  })
  it('is decided on as a token, for the name of the login', async () => {
    const world = start({ ...on, provider: active('alice@example.org') })
    assert.equal(told(await world.login({ password: jwt })), 'accept alice@example.org')
    assert.equal(world.log.lines[0]?.mechanism, 'PLAIN')
    assert.equal(world.log.lines[0]?.source, 'userinfo')
    const bobs = start({ ...on, provider: active('bob@example.org') })
    assert.equal(told(await bobs.login({ password: jwt })), 'reject authz_fail')
  })
  it('waits for no hash if it is good', async () => {
    for (const later of [false, true]) {
      const { verifier, login } = start({ ...on, later, provider: active('alice@example.org') })
      assert.equal(told(await login({ password: jwt })), 'accept alice@example.org')
      assert.deepEqual(verifier.disguised, [])
    }
  })
  it('lets nobody be somebody else', async () => {
    for (const later of [false, true]) {
      const { login } = start({ ...on, later, provider: active('alice@example.org') })
      assert.equal(told(await login({ password: jwt, authzid: 'a.jones@example.org' })), 'accept alice@example.org')
      assert.equal(told(await login({ password: jwt, authzid: 'bob@example.org' })), 'reject authz_fail')
    }
  })
  it('is temporary trouble while the provider is down', async () => {
    const world = start({ ...on, provider: { kind: 'unavailable', source: 'userinfo' } })
    assert.equal(told(await world.login({ password: jwt })), 'unavailable provider_unavailable')
  })
  it('is what is long and made of the characters of one; an app or an imported password is none', async () => {
    for (const [typed, asked] of [
      [jwt, 1],
      ['A'.repeat(41), 1],
      ['A'.repeat(40), 0],
      [`${'A'.repeat(41)} with a space`, 0],
      [appPassword.replaceAll('-', '--'), 0],
      [password('zzz').replaceAll('-', '--'), 0],
    ] as const) {
      const world = start(on)
      await world.login({ password: typed })
      assert.equal(world.asked.length, asked, typed)
    }
    const long = 'a-long-password-of-a-password-manager-0123456789'
    const world = start({ ...on, records: [typedPassword({ typed: long })] })
    assert.equal(told(await world.login({ password: long })), 'accept alice@example.org')
    assert.deepEqual(world.asked, [], 'a password that is known is shown to nobody')
  })
})

describe('the moment of the answer', () => {
  const logins = (t: TestContext, world: World = {}) => {
    const clock = stopClock(t)
    const started = start({ failureDelayMs: 2000, ...world })
    /** When the refusals of these logins may be told. */
    const moments = async (...given: readonly Login[]): Promise<(number | undefined)[]> => {
      const verdicts = await Promise.all(given.map(login => started.login(login)))
      return verdicts.map(verdict => (verdict.kind === 'reject' ? verdict.dueMs : Number.NaN))
    }
    return { clock, ...started, moments }
  }
  const wrong: Login = { password: 'hunter2' }
  const wrongImported: Login = { name: 'erin@example.org', password: 'wrong' }

  it('is the same for every refusal, counted from the request, and neither verdict nor log wait for it', async t => {
    const clock = stopClock(t)
    clock.pass(500)
    for (const [reason, { world, ...login }] of Object.entries(refused)) {
      const { log, login: attempt } = start({ failureDelayMs: 2000, ...world })
      const verdict = await attempt(login)
      assert.equal(verdict.kind === 'reject' && verdict.dueMs, 2500, reason)
      assert.equal(log.lines.length, 1)
    }
    const verdict = await start({ failureDelayMs: 2000 }).authenticate(malformed)
    assert.equal(verdict.kind === 'reject' && verdict.dueMs, 2500)
  })
  it('does not depend on how long the work took', async t => {
    const { clock, moments, log } = logins(t, { meanwhile: () => clock.pass(1500) })
    assert.deepEqual(await moments(wrongImported), [2000])
    assert.equal(log.lines[0]?.ms, 1500)
  })
  it('is the next whole multiple if the work took longer, but within 7 seconds', async t => {
    let workMs = 2000
    const { clock, moments } = logins(t, { meanwhile: () => clock.pass(workMs) })
    assert.deepEqual(await moments(wrongImported), [2000])
    workMs = 2001
    assert.deepEqual(await moments(wrongImported), [2000 + 4000])
    workMs = 6001
    assert.deepEqual(await moments(wrongImported), [4001 + 7000])
  })
  it('is at once for what is right, and for what is temporary', t => {
    const { login, passwords } = logins(t)
    const right = login()
    assert.ok(!(right instanceof Promise) && right.kind === 'accept')
    passwords.index = undefined
    const temporary = login()
    assert.ok(!(temporary instanceof Promise) && temporary.kind === 'unavailable' && !('dueMs' in temporary))
  })
  it('is at once if there is to be no delay', async t => {
    const { moments } = logins(t, { failureDelayMs: 0 })
    assert.deepEqual(new Set(await moments(...Array.from({ length: 200 }, () => wrong))), new Set([undefined]))
  })
  it('comes later after 10 and after 100 failures, from one address or with one name, but within 7 seconds', async t => {
    const { moments } = logins(t)
    const delays = await moments(...Array.from({ length: 102 }, (_, n) => ({ ...wrong, remote: `198.51.100.${n}` })))
    assert.deepEqual([delays[9], delays[10], delays[99], delays[100]], [2000, 4000, 4000, 7000])
  })
  it('does not come early again after a right password: that would tell that somebody logs in', async t => {
    const { moments, login } = logins(t)
    await moments(...Array.from({ length: 20 }, () => wrong))
    assert.equal(told(await login()), 'accept alice@example.org')
    assert.deepEqual(await moments(wrong), [4000])
  })
  it('does not come later for who logs in often', async t => {
    const { moments, login } = logins(t)
    for (let n = 0; n < 50; n++) assert.equal(told(await login()), 'accept alice@example.org')
    assert.deepEqual(await moments(wrong), [2000])
  })
  it('is not put off by spelling the name in another way each time', async t => {
    const { moments } = logins(t)
    const spelled = (n: number): Login => ({
      ...wrong,
      name: `al${'\u00ad'.repeat(n)}ice@example.org`,
      remote: `198.51.100.${n}`,
    })
    const delays = await moments(...Array.from({ length: 11 }, (_, n) => spelled(n)))
    assert.deepEqual([delays[9], delays[10]], [2000, 4000])
  })
  it('of many at once does not tell that the work on them takes long', async t => {
    const { moments } = logins(t)
    const many = (login: Login): Login[] => Array.from({ length: 20 }, () => login)
    const slow = await moments(...many({ ...wrongImported, remote: '198.51.100.1' }))
    const quick = await moments(...many({ ...wrongImported, name: 'nobody@example.org', remote: '198.51.100.2' }))
    assert.deepEqual(slow, quick)
    assert.deepEqual([slow[9], slow[10]], [2000, 4000])
  })
  it('is not put off by tokens, with which mail clients come back by themselves', async t => {
    const { moments } = logins(t, { acceptTokens: true })
    const delays = await moments(...Array.from({ length: 50 }, () => ({ password: jwt })))
    assert.deepEqual(new Set(delays), new Set([2000]))
  })
})

describe('the log line', () => {
  it('cannot be forged by a name or a label', async () => {
    const world = start({ records: [typedPassword({ label: 'a\u2028b\u200b' })] })
    await world.login({ name: 'x\u2028y@example.org', authzid: 'z\u202e' })
    await world.login({ authzid: 'z\u2028' })
    assert.doesNotMatch(JSON.stringify(world.log.lines), /[\u2028\u200b\u202e]/)
  })
})
