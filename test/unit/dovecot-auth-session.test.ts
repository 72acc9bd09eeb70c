/** What the transcripts of test/dialogs can't show: lengths, counts, the log, and what the connection is told. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Verdict } from '../../src/auth/verdict.ts'
import { createAuthDialect } from '../../src/dovecot/auth-session.ts'
import { createLogins } from '../../src/dovecot/logins.ts'
import { mechanisms } from '../../src/sasl/mechanisms.ts'
import { account } from '../support/accounts.ts'
import { stopClock } from '../support/clock.ts'
import { createRecorder } from '../support/log.ts'
import { createScript } from '../support/script.ts'
import { connect, settle } from '../support/wire.ts'

const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64')
const xoauth2 = (token: string) => base64(`user=alice@example.org\x01auth=Bearer ${token}\x01\x01`)

function start(
  protocol: 'dovecot-auth' | 'postfix-sasl' = 'dovecot-auth',
  authenticate = createScript().authenticate,
  logins = createLogins(),
) {
  const listener = {
    name: 'auth',
    protocol,
    path: '/auth',
    mode: 0o660,
    group: undefined,
    xoauth2Challenge: 'auto',
  } as const
  const log = createRecorder()
  const options = { listener, mechanisms, tokenBytes: 9000, authenticate, logins, spid: 4711, log }
  const dialect = createAuthDialect(options)
  const open = () => {
    const peer = connect(dialect)
    peer.write(protocol === 'postfix-sasl' ? 'VERSION\t1\t0\nCPID\t77\n' : 'VERSION\t1\t2\nCPID\t77\n')
    return { peer, greeting: peer.read() }
  }
  return { open, log }
}

describe('greetings', () => {
  it('have a CUID and a COOKIE of their own', () => {
    const { open } = start()
    const greetings = [1, 2, 3].map(() => open().greeting)
    const all = (pattern: RegExp) => new Set(greetings.map(greeting => pattern.exec(greeting)?.[1]))
    assert.equal(all(/^CUID\t(\d+)$/m).size, 3)
    assert.equal(all(/^COOKIE\t([0-9a-f]{32})$/m).size, 3)
    assert.deepEqual(all(/^SPID\t(\d+)$/m), new Set(['4711']))
  })
})

describe('a response that smtpd has cut off', () => {
  for (const [mechanism, length] of [
    ['XOAUTH2', 2035],
    ['oauthbearer', 2031],
  ] as const)
    it(`is known by its ${length} characters (${mechanism})`, async () => {
      const script = createScript()
      const { peer } = start('postfix-sasl', script.authenticate).open()
      peer.write(`AUTH\t1\t${mechanism}\tservice=smtp\tnologin\tresp=${xoauth2('x'.repeat(2000)).slice(0, length)}\n`)
      await settle()
      const { credentials } = script.asked[0] ?? {}
      assert.ok(credentials?.kind === 'malformed' && credentials.truncated)
      assert.match(peer.read(), /^CONT\t1\t/)
      peer.write('CONT\t1\t\n')
      assert.equal(peer.read(), 'FAIL\t1\n')
    })

  it('is known where there is no challenge to say so: a token sent as a password', async () => {
    const script = createScript()
    const { peer } = start('postfix-sasl', script.authenticate).open()
    const message = Buffer.from(`\0alice@example.org\0${'x'.repeat(2000)}`).toString('base64')
    peer.write(`AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp=${message.slice(0, 2037)}\n`)
    await settle()
    const { credentials } = script.asked[0] ?? {}
    assert.ok(credentials?.kind === 'malformed' && credentials.truncated)
    assert.equal(peer.read(), 'FAIL\t1\n')
  })

  it('is one of that length only', async () => {
    const script = createScript()
    const { peer } = start('postfix-sasl', script.authenticate).open()
    peer.write(`AUTH\t1\tXOAUTH2\tservice=smtp\tresp=${xoauth2('x'.repeat(2000)).slice(0, 2034)}\n`)
    await settle()
    peer.write(`AUTH\t2\tXOAUTH2\tservice=smtp\n`)
    peer.write(`CONT\t2\t${xoauth2('x'.repeat(2000)).slice(0, 2035)}\n`)
    await settle()
    for (const { credentials } of script.asked) assert.ok(credentials.kind === 'malformed' && !credentials.truncated)
    assert.match(peer.read(), /^FAIL\t1\tcode=invalid_base64.*\nCONT\t2\t\nFAIL\t2\tcode=invalid_base64/)
  })

  it('is not looked for where Dovecot speaks', async () => {
    const script = createScript()
    const { peer } = start('dovecot-auth', script.authenticate).open()
    peer.write(`AUTH\t1\tXOAUTH2\tservice=imap\tresp=${xoauth2('x'.repeat(2000)).slice(0, 2035)}\n`)
    await settle()
    const { credentials } = script.asked[0] ?? {}
    assert.ok(credentials?.kind === 'malformed' && !credentials.truncated)
  })
})

describe('requests at work', () => {
  it('are told to the connection, until they are over', async t => {
    const clock = stopClock(t)
    const script = createScript()
    const { peer } = start('dovecot-auth', script.authenticate).open()
    for (const id of [1, 2, 3, 4]) peer.write(`AUTH\t${id}\tXOAUTH2\tservice=imap\tresp=${xoauth2('slow')}\n`)
    assert.equal(peer.inFlight, 4)
    peer.write('CANCEL\t1\n')
    peer.write('CONT\t2\tAQ==\n')
    assert.equal(peer.inFlight, 2)
    script.answer('good')
    script.answer('good')
    script.answer('good')
    await settle()
    assert.equal(peer.inFlight, 1)
    clock.pass(8000)
    assert.equal(peer.inFlight, 0)
    script.answer('good')
    await settle()
    assert.equal(peer.inFlight, 0)
  })

  it('are not counted while a client thinks about a challenge', () => {
    const { peer } = start().open()
    peer.write('AUTH\t1\tXOAUTH2\tservice=imap\n')
    assert.equal(peer.inFlight, 0)
  })

  it('end silently with the connection', async t => {
    const clock = stopClock(t)
    const script = createScript()
    const { open, log } = start('dovecot-auth', script.authenticate)
    const { peer } = open()
    peer.write(`AUTH\t1\tXOAUTH2\tservice=imap\tresp=${xoauth2('slow')}\n`)
    peer.close()
    await settle()
    clock.pass(8000)
    script.answer('good')
    await settle()
    assert.deepEqual([peer.read(), log.lines], ['', []])
  })

  it('that wait for their clients are forgotten beyond 4096, the oldest first', () => {
    const { peer } = start().open()
    for (let id = 1; id <= 4097; id++) peer.write(`AUTH\t${id}\tXOAUTH2\tservice=imap\n`)
    peer.read()
    peer.write('CONT\t1\tAQ==\n')
    assert.equal(peer.read(), 'FAIL\t1\treason=Authentication request timed out\n')
    peer.write('CONT\t4097\t***\n')
    assert.equal(peer.inFlight, 1)
  })
})

describe('refusals that are not to be told yet', () => {
  const wrong = (id: number) => `AUTH\t${id}\tPLAIN\tservice=imap\tresp=${base64('\0alice@example.org\0wrong')}\n`
  const told = (id: number) => `FAIL\t${id}\tuser=alice@example.org\n`

  it('are no work: they stop neither further logins nor the end of bearerd', async t => {
    const clock = stopClock(t)
    const { peer } = start().open()
    peer.write(wrong(1))
    assert.equal(peer.inFlight, 1)
    await settle()
    assert.deepEqual([peer.inFlight, peer.read()], [0, ''])
    clock.pass(2000)
    assert.deepEqual([peer.inFlight, peer.read()], [0, told(1)])
  })

  it('are told early beyond 4096, the oldest first: the latest never', async t => {
    const clock = stopClock(t)
    const { peer } = start().open()
    for (let id = 1; id <= 4096; id++) peer.write(wrong(id))
    await settle()
    assert.equal(peer.read(), '')
    peer.write(wrong(4097))
    peer.write(wrong(4098))
    await settle()
    assert.equal(peer.read(), told(1) + told(2))
    clock.pass(2000)
    assert.equal(peer.read().split('\n').length - 1, 4096)
  })

  it('are not told before their moment by a timer that is early', async t => {
    const clock = stopClock(t)
    const { peer } = start().open()
    peer.write(wrong(1))
    await settle()
    t.mock.timers.tick(2000)
    assert.equal(peer.read(), '')
    clock.pass(2000)
    assert.equal(peer.read(), told(1))
  })

  it('wait also where there was no base64 to decide on; not where their moment is past', async t => {
    const clock = stopClock(t)
    const authenticate = async (): Promise<Verdict> => ({
      kind: 'reject',
      reason: 'malformed',
      oauth: { status: 'invalid_token', scope: undefined, openidConfiguration: undefined },
      code: undefined,
      userMessage: undefined,
      user: undefined,
      dueMs: 2000,
    })
    const { peer } = start('dovecot-auth', authenticate).open()
    peer.write('AUTH\t1\tPLAIN\tservice=imap\tresp=***\n')
    await settle()
    clock.pass(1999)
    assert.equal(peer.read(), '')
    clock.pass(1)
    assert.match(peer.read(), /^FAIL\t1\tcode=invalid_base64\t/)
    peer.write(wrong(2))
    await settle()
    assert.equal(peer.read(), 'FAIL\t2\n', 'at once if the moment is past')
  })
})

describe('the log', () => {
  it('names the deadline and its cure', t => {
    const clock = stopClock(t)
    const { open, log } = start()
    open().peer.write(`AUTH\t1\tXOAUTH2\tservice=imap\tresp=${xoauth2('slow')}\n`)
    clock.pass(8000)
    const [line] = log.lines
    assert.deepEqual([line?.level, line?.event, line?.listener], ['warn', 'deadline', 'auth'])
    assert.ok(line?.cure)
  })

  it('has faults with their stack, without what they say', async () => {
    const { open, log } = start('dovecot-auth', () => Promise.reject(new Error('secret')))
    const { peer } = open()
    peer.write(`AUTH\t1\tXOAUTH2\tservice=imap\tresp=${xoauth2('good')}\n`)
    await settle()
    assert.equal(peer.read(), 'FAIL\t1\tuser=alice@example.org\tcode=temp_fail\n')
    assert.ok(log.lines[0]?.stack)
    assert.doesNotMatch(JSON.stringify(log.lines), /secret/)
  })
})

it('never says OK to an account without a name', async () => {
  const nobody: Verdict = { kind: 'accept', account: account({ address: '' }) }
  const { peer } = start('dovecot-auth', async () => nobody).open()
  peer.write(`AUTH\t1\tXOAUTH2\tservice=imap\tresp=${xoauth2('good')}\n`)
  await settle()
  assert.equal(peer.read(), 'FAIL\t1\tuser=alice@example.org\tcode=temp_fail\n')
})

it('takes a line of 64 KiB, which is a token of 48', async () => {
  const { peer } = start('postfix-sasl').open()
  peer.write(`AUTH\t1\tXOAUTH2\tservice=smtp\n`)
  peer.read()
  peer.write(`CONT\t1\t${'A'.repeat(65_536 - 'CONT\t1\t'.length)}`)
  assert.equal(peer.destroyed, undefined)
  peer.write('A\n')
  assert.match(peer.destroyed ?? '', /longer than 65536 bytes/)
})

describe('when the listener ends', () => {
  const auth = (id: number, token: string, mechanism = 'XOAUTH2') =>
    `AUTH\t${id}\t${mechanism}\tservice=imap\trip=192.0.2.1\tresp=${xoauth2(token)}\n`
  const plain = (id: number, password: string) =>
    `AUTH\t${id}\tPLAIN\tservice=imap\tresp=${base64(`\0alice@example.org\0${password}`)}\n`

  it('logins go on as before, but nobody waits for a refusal', async t => {
    stopClock(t)
    const { peer } = start().open()
    peer.write(plain(1, 'wrong'))
    await settle()
    assert.equal(peer.read(), '', 'held for two seconds')
    peer.drain('begin')
    assert.equal(peer.read(), 'FAIL\t1\tuser=alice@example.org\n')
    peer.write(plain(2, 'wrong') + auth(3, 'good'))
    await settle()
    assert.equal(peer.read(), 'FAIL\t2\tuser=alice@example.org\nOK\t3\tuser=alice@example.org\n')
  })

  it('what comes late gets a temporary failure, and what is at work its verdict', async t => {
    stopClock(t)
    const script = createScript()
    const { open, log } = start('dovecot-auth', script.authenticate)
    const { peer } = open()
    peer.write(auth(1, 'slow'))
    peer.drain('begin')
    peer.drain('late')
    peer.write(auth(2, 'good'))
    assert.equal(peer.read(), 'FAIL\t2\tcode=temp_fail\n')
    assert.equal(peer.inFlight, 1)
    script.answer('good')
    await settle()
    assert.equal(peer.read(), 'OK\t1\tuser=alice@example.org\n')
    assert.deepEqual(
      log.lines.map(({ level, event, remote }) => [level, event, remote]),
      [['info', 'late', '192.0.2.1']],
    )
    assert.doesNotMatch(JSON.stringify(log.lines), /good|slow/)
  })

  it('what is at work at the end gets a temporary failure, and its verdict goes nowhere', async t => {
    stopClock(t)
    const script = createScript()
    const { peer } = start('dovecot-auth', script.authenticate).open()
    peer.write(auth(1, 'slow'))
    for (const phase of ['begin', 'late', 'end'] as const) peer.drain(phase)
    assert.equal(peer.read(), 'FAIL\t1\tuser=alice@example.org\tcode=temp_fail\n')
    assert.equal(peer.inFlight, 0)
    script.answer('good')
    await settle()
    assert.deepEqual([peer.read(), peer.inFlight], ['', 0])
  })

  it("a client has until then to answer its challenge, and an answer that crosses ours is nobody's", async t => {
    stopClock(t)
    const { peer } = start().open()
    for (const id of [1, 2, 3]) peer.write(`AUTH\t${id}\tXOAUTH2\tservice=imap\n`)
    peer.write(auth(4, 'bad', 'OAUTHBEARER'))
    await settle()
    assert.match(peer.read(), /^CONT\t1\t\nCONT\t2\t\nCONT\t3\t\nCONT\t4\t\S+\n$/)
    peer.drain('begin')
    assert.equal(peer.awaited, true)
    peer.write(`CONT\t1\t${xoauth2('good')}\n`)
    await settle()
    assert.equal(peer.read(), 'OK\t1\tuser=alice@example.org\n')
    peer.write('CANCEL\t2\n')
    peer.drain('late')
    // Of the fourth the verdict is known: it is no temporary one.
    assert.equal(peer.read(), 'FAIL\t3\tcode=temp_fail\nFAIL\t4\n')
    assert.equal(peer.awaited, false)
    peer.write(`CONT\t3\t${xoauth2('good')}\n`)
    await settle()
    assert.deepEqual([peer.read(), peer.destroyed], ['', undefined])
  })

  it('smtpd gets verdicts; what comes late, or has none at the end, is hung up on', async t => {
    stopClock(t)
    const script = createScript()
    const { open } = start('postfix-sasl', script.authenticate)
    const [busy, late, challenged] = [open().peer, open().peer, open().peer]
    busy.write(auth(1, 'slow'))
    challenged.write('AUTH\t1\tXOAUTH2\tservice=smtp\n')
    for (const peer of [busy, late, challenged]) peer.drain('begin')
    late.write(auth(1, 'good'))
    await settle()
    assert.equal(late.read(), 'OK\t1\tuser=alice@example.org\n')
    for (const peer of [busy, late, challenged]) peer.drain('late')
    assert.match(String(challenged.destroyed), /stopping/)
    late.write(auth(2, 'good'))
    assert.match(String(late.destroyed), /stopping/)
    assert.equal(late.read(), '')
    assert.equal(busy.destroyed, undefined)
    busy.drain('end')
    assert.match(String(busy.destroyed), /stopping/)
    assert.equal(busy.read(), '')
  })

  it('a connection whose handshake comes then keeps to it too', t => {
    stopClock(t)
    const listener = { name: 'a', protocol: 'dovecot-auth', path: '/a', mode: 0o660, group: undefined } as const
    const { authenticate } = createScript()
    const peer = connect(
      createAuthDialect({
        listener: { ...listener, xoauth2Challenge: 'auto' },
        mechanisms,
        tokenBytes: 9000,
        authenticate,
        logins: createLogins(),
        spid: 1,
        log: createRecorder(),
      }),
    )
    peer.drain('begin')
    peer.drain('late')
    peer.read()
    peer.write(`VERSION\t1\t2\nCPID\t77\n${auth(1, 'good')}`)
    assert.equal(peer.read(), 'FAIL\t1\tcode=temp_fail\n')
  })

  it('what was granted may be redeemed when bearerd has hung up, but not when the login process has', async t => {
    stopClock(t)
    const logins = createLogins()
    const { open } = start('dovecot-auth', createScript().authenticate, logins)
    for (const [end, redeemed] of [
      ['release', 'alice@example.org'],
      ['close', undefined],
    ] as const) {
      const { peer, greeting } = open()
      const cookie = Buffer.from(/^COOKIE\t(\S+)$/m.exec(greeting)?.[1] ?? '', 'hex')
      peer.write(auth(1, 'good'))
      await settle()
      peer.drain('begin')
      peer[end]()
      await settle()
      assert.equal(logins.redeem(77, 1, cookie)?.address, redeemed, end)
    }
  })
})
