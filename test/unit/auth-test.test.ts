/** `bearerd auth-test` and the client beneath it, against scripted servers and against our own dialect. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { after, describe, it } from 'node:test'
import type { Authenticate } from '../../src/auth/verdict.ts'
import { connectAuth } from '../../src/cli/auth-client.ts'
import { type AuthTestOptions, runAuthTest } from '../../src/cli/auth-test.ts'
import type { Streams } from '../../src/cli/secret-input.ts'
import { createAuthDialect } from '../../src/dovecot/auth-session.ts'
import { openConnection } from '../../src/net/connection.ts'
import { mechanisms } from '../../src/sasl/mechanisms.ts'
import { account } from '../support/accounts.ts'
import { createRecorder } from '../support/log.ts'

const folder = mkdtempSync(join(tmpdir(), 'auth-test-'))
const closers: (() => void)[] = []
after(() => {
  for (const close of closers) close()
  rmSync(folder, { recursive: true })
})

let sockets = 0
/** Listens on a path of its own. */
function serve(accept: (socket: Socket) => void): Promise<string> {
  const path = join(folder, `socket-${++sockets}`)
  const open = new Set<Socket>()
  const server = createServer(socket => {
    open.add(socket)
    accept(socket)
  })
  closers.push(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return new Promise(resolve => server.listen(path, () => resolve(path)))
}

const greeting =
  'VERSION\t1\t2\nMECH\tOAUTHBEARER\tplaintext\nMECH\tXOAUTH2\tplaintext\nSPID\t9\nCUID\t1\nCOOKIE\t00112233445566778899aabbccddeeff\nDONE\n'

const withPasswords = 'VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t9\nDONE\n'

/** A server that greets and answers each line that has an answer; `hang up` is one too. */
function scripted(answers: Record<string, string>, hello = greeting): Promise<string> {
  return serve(socket => {
    socket.write(hello)
    socket.on('data', chunk => {
      for (const line of chunk.toString().split('\n')) {
        const answer = Object.entries(answers).find(([prefix]) => line.startsWith(prefix))?.[1]
        if (answer === 'hang up') socket.destroy()
        else if (answer !== undefined) socket.write(answer)
      }
    })
  })
}

const token = 'eyJhbGciOiJSUzI1NiJ9.secret-token'

async function run(options: Partial<AuthTestOptions> & { socket: string }, input: string | Buffer = `${token}\n`) {
  // In pieces, as from a pipe: a character may come in two.
  const bytes = Buffer.from(input)
  return runOn(options, Readable.from([bytes.subarray(0, 2), bytes.subarray(2)]))
}

async function runOn(options: Partial<AuthTestOptions> & { socket: string }, input: Streams['input']) {
  let output = ''
  let error = ''
  const code = await runAuthTest(
    { mech: 'OAUTHBEARER', user: 'alice@example.org', service: 'imap', ...options },
    {
      input,
      output: { write: text => (output += text) },
      error: { write: text => (error += text) },
    },
  )
  return { code, output, error, lines: output.split('\n') }
}

const explain =
  'Run "bearerd explain-token --user alice@example.org < TOKEN-FILE" to see every check; "journalctl -u bearerd -n 20" has the reason and its cure.'
const doctor = 'Run "bearerd doctor" to see what is down; "journalctl -u bearerd" has the cause that was met with here.'

const challenge = Buffer.from('{"status":"invalid_token","scope":"openid"}').toString('base64')

describe('auth-test', () => {
  it('shows an accepted login, without the token', async () => {
    const socket = await scripted({ AUTH: 'OK\t1\tuser=alice@example.org\n' })
    const { code, output } = await run({ socket })
    assert.equal(code, 0)
    assert.deepEqual(
      output.split('\n').filter(line => !line.startsWith('C: VERSION') && !line.startsWith('C: CPID')),
      [
        'S: VERSION 1 2',
        'S: MECH OAUTHBEARER plaintext',
        'S: MECH XOAUTH2 plaintext',
        'S: SPID 9',
        'S: CUID 1',
        'S: COOKIE <hidden>',
        'S: DONE',
        'C: AUTH 1 OAUTHBEARER service=imap resp=<96 bytes>',
        'S: OK 1 user=alice@example.org',
        'accepted as alice@example.org',
        'Nothing to mend here. If mail clients are refused all the same: "bearerd doctor" looks at Dovecot and Postfix.',
        '',
      ],
    )
  })
  it('answers the challenge of a refused login, and shows what it says', async () => {
    const socket = await scripted({
      AUTH: `CONT\t1\t${challenge}\n`,
      'CONT\t1\tAQ==': 'FAIL\t1\tuser=alice@example.org\treason=Sign in again\n',
    })
    const { code, lines } = await run({ socket })
    assert.equal(code, 1)
    assert.deepEqual(lines.slice(-6), [
      'S: CONT 1 {"status":"invalid_token","scope":"openid"}',
      'C: CONT 1 <4 bytes>',
      'S: FAIL 1 user=alice@example.org reason=Sign in again',
      'refused (Sign in again)',
      explain,
      '',
    ])
  })
  it('answers one of XOAUTH2 with nothing', async () => {
    const socket = await scripted({ AUTH: `CONT\t1\t${challenge}\n`, 'CONT\t1\t': 'FAIL\t1\n' })
    const { code, lines } = await run({ socket, mech: 'xoauth2' })
    assert.equal(code, 1)
    assert.ok(lines.includes('C: CONT 1 <0 bytes>'))
    assert.deepEqual(lines.slice(-3), ['refused', explain, ''])
  })
  it('calls a temporary failure no verdict', async () => {
    const socket = await scripted({ AUTH: 'FAIL\t1\tuser=alice\tcode=temp_fail\n' })
    const { code, lines } = await run({ socket })
    assert.equal(code, 69)
    assert.deepEqual(lines.slice(-3), ['no verdict: temporary failure', doctor, ''])
  })
  it('says what a lost connection means to Postfix', async () => {
    const socket = await scripted({ AUTH: 'hang up' })
    const { code, output, lines } = await run({ socket })
    assert.equal(code, 69)
    assert.match(output, /no verdict: the server closed the connection\nPostfix tells its client 454/)
    assert.equal(lines.at(-2), doctor)
  })
  it('shows no token that comes back, and obeys no control characters', async () => {
    const socket = await scripted({
      AUTH: `OK\t1\tuser=alice\x01n\x1b[2J\ttoken=${token}\tpass=hunter2\tx=Bearer ${token}\n`,
    })
    const { output, error } = await run({ socket })
    assert.doesNotMatch(output + error, /secret-token|hunter2|\x1b/)
    assert.match(output, /user=alice\\u\{a\}\\u\{1b\}\[2J token=<33 bytes> pass=<7 bytes> x=Bearer <token>\n/)
  })
  it('does not take a nameless OK for success', async () => {
    for (const reply of ['OK\t1\n', 'OK\t1\tuser=\n']) {
      const { code, output } = await run({ socket: await scripted({ AUTH: reply }) })
      assert.equal(code, 69)
      assert.match(output, /without saying whose/)
    }
  })
  it('comes from where it is told to', async () => {
    const socket = await scripted(
      { 'AUTH\t1\tPLAIN\tservice=imap\trip=2001:db8::1\t': 'OK\t1\tuser=alice@example.org\n' },
      withPasswords,
    )
    assert.equal((await run({ socket, mech: 'PLAIN', remote: '2001:db8::1' }, 'password')).code, 0)
  })
  it('says what is wrong with its input', async () => {
    const socket = await scripted({})
    for (const [options, input, complaint] of [
      [{ socket }, '', /no token/],
      [{ socket }, ' \n', /no token/],
      [{ socket }, 'x'.repeat(70_000), /65536 bytes/],
      [{ socket, mech: 'XOAUTH2', user: undefined }, token, /--user/],
      [{ socket, mech: 'PLAIN', user: undefined }, 'password', /--user/],
      [{ socket, mech: 'LOGIN', user: '' }, 'password', /--user/],
      [{ socket, mech: 'PLAIN' }, '\n', /no password/],
      [{ socket, mech: 'PLAIN' }, 'one\ntwo\n', /more than one line/],
      [{ socket, mech: 'PLAIN' }, Buffer.from('p\xe4ss', 'latin1'), /UTF-8/],
      [{ socket, remote: 'example.org' }, token, /192\.0\.2\.1/],
      [{ socket, mech: 'SCRAM-SHA-256' }, token, /OAUTHBEARER, XOAUTH2, PLAIN or LOGIN/],
    ] as const) {
      const { code, error, output } = await run(options, input)
      assert.equal(code, 64)
      assert.match(error, complaint)
      assert.equal(output, '')
    }
  })
  it('sends a password as it is, but for the end of the line', async () => {
    const accepts = (response: string) => scripted({ [response]: 'OK\t1\tuser=alice\n' }, withPasswords)
    const message = (text: string) => Buffer.from(text).toString('base64')
    for (const [input, password] of [
      ['pass word\n', 'pass word'],
      [' pässwörd 🔑\r\n', ' pässwörd 🔑'],
      ['ä', 'ä'],
    ] as const) {
      const socket = await accepts(`AUTH\t1\tPLAIN\tservice=imap\tresp=${message(`\0alice@example.org\0${password}`)}`)
      assert.equal((await run({ socket, mech: 'PLAIN' }, input)).code, 0)
    }
  })
  it('shows the exchange of LOGIN, without name and password', async () => {
    const socket = await scripted(
      {
        AUTH: 'CONT\t1\tVXNlcm5hbWU6\n',
        'CONT\t1\tYWxpY2VAZXhhbXBsZS5vcmc=': 'CONT\t1\tUGFzc3dvcmQ6\n',
        'CONT\t1\taHVudGVyMg==': 'FAIL\t1\tuser=alice@example.org\n',
      },
      withPasswords,
    )
    const { code, lines } = await run({ socket, mech: 'login' }, 'hunter2\n')
    assert.equal(code, 1)
    assert.deepEqual(lines.slice(-9), [
      'C: AUTH 1 LOGIN service=imap',
      'S: CONT 1 Username:',
      'C: CONT 1 <24 bytes>',
      'S: CONT 1 Password:',
      'C: CONT 1 <12 bytes>',
      'S: FAIL 1 user=alice@example.org',
      'refused',
      '"journalctl -u bearerd -n 20" has the reason and its cure; "bearerd app-password list alice@example.org" shows what there is.',
      '',
    ])
  })
  it('shows no password that comes back, be it in base64, alone or in a message', async () => {
    const password = 'correct horse'
    for (const user of ['a', 'al', 'ali', 'alic']) {
      const message = Buffer.from(`\0${user}\0${password}`).toString('base64')
      const alone = Buffer.from(password).toString('base64')
      const socket = await scripted(
        { AUTH: `FAIL\t1\treason=${password}: ${message} ${alone}.\tx=${message}\n` },
        withPasswords,
      )
      const { code, output } = await run({ socket, mech: 'PLAIN', user }, `${password}\n`)
      assert.equal(code, 1)
      assert.ok(output.includes('reason=<password>: <password in base64> <password in base64>. '))
      for (const part of [password, 'horse', message.slice(12, -4), alone.slice(0, 8)])
        assert.ok(!output.includes(part))
    }
  })
  it('takes a challenge too many for another mechanism', async () => {
    const socket = await scripted({ AUTH: 'CONT\t1\t\n' }, withPasswords)
    const { code, output } = await run({ socket, mech: 'PLAIN' }, 'x\n')
    assert.equal(code, 69)
    assert.match(output, /challenge of another mechanism/)
  })
  it('reads from a terminal unseen, to the end of the line', async () => {
    const socket = await scripted({ AUTH: 'OK\t1\tuser=alice\n' }, withPasswords)
    const raw: boolean[] = []
    const terminal = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) })
    const running = runOn({ socket, mech: 'PLAIN' }, terminal)
    terminal.write('hunter2\r')
    const { code, output, error } = await running
    assert.equal(code, 0)
    assert.deepEqual(raw, [true, false])
    assert.equal(error, 'The password, which is not shown, and Enter: \n')
    assert.match(output, /resp=<36 bytes>/)
    assert.doesNotMatch(output, /hunter/)
  })
  it('says that a mechanism is not on offer', async () => {
    const socket = await scripted({}, 'VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t9\nDONE\n')
    const { code, error } = await run({ socket })
    assert.equal(code, 1)
    assert.equal(
      error,
      'OAUTHBEARER is not on offer here. Take one of PLAIN; or add a [directory.NAME] to bearerd.toml.\n',
    )
  })
  it('says why a socket is of no use', async () => {
    const missing = join(folder, 'missing')
    const { code, error } = await run({ socket: missing })
    assert.equal(code, 69)
    const cure =
      'See whether it is the right socket, and whether bearerd runs: "systemctl status bearerd", "bearerd doctor".'
    assert.equal(error, `${missing}: there is no such socket.\n${cure}\n`)
    for (const [hello, complaint] of [
      ['VERSION\t1\t1\nSPID\t9\n', /auth-master/],
      ['VERSION\t2\t0\n', /another version/],
      ['x'.repeat(70_000), /not a line/],
    ] as const) {
      const { code, error } = await run({ socket: await scripted({}, hello) })
      assert.equal(code, 69)
      assert.match(error, complaint)
    }
    const closing = await serve(socket => socket.destroy())
    assert.match((await run({ socket: closing })).error, /closed the connection|connection failed/)
  })
})

describe('the client', () => {
  it('gives up on a server that says nothing', async ({ mock }) => {
    const silent = await serve(() => {})
    const mute = await scripted({})
    mock.timers.enable({ apis: ['setTimeout'] })
    const connecting = connectAuth(silent)
    mock.timers.tick(10_000)
    await assert.rejects(connecting, /no handshake within 10000 ms/)
    const client = await connectAuth(mute)
    const login = { mechanism: 'XOAUTH2', user: 'alice', token: 't', service: 'smtp' } as const
    const waiting = client.login(login)
    mock.timers.tick(10_000)
    const lost = { kind: 'lost', why: 'no reply within 10000 ms' }
    assert.deepEqual(await waiting, lost)
    assert.deepEqual(await client.login(login), lost)
  })
})

describe('the client and our own sessions', () => {
  const authenticate: Authenticate = ({ credentials, service }) => {
    if (credentials.kind === 'malformed') throw new Error(credentials.why)
    const ofPassword = credentials.kind === 'password'
    const token = ofPassword ? credentials.password : credentials.token
    const user = (ofPassword ? credentials.authcid : credentials.authzid) ?? 'nobody'
    if (token === 'good')
      return Promise.resolve({ kind: 'accept', account: account({ address: `${user}.${service}` }) })
    if (token === 'down') return Promise.resolve({ kind: 'unavailable', reason: 'provider_unavailable', user })
    return Promise.resolve({
      kind: 'reject',
      reason: 'token_refused',
      oauth: { status: 'invalid_token', scope: 'openid', openidConfiguration: undefined },
      code: undefined,
      userMessage: undefined,
      user,
    })
  }
  const open = async (protocol: 'dovecot-auth' | 'postfix-sasl') => {
    const log = createRecorder()
    const listener = {
      name: 'l',
      protocol,
      path: '/l',
      mode: 0o600,
      group: undefined,
      xoauth2Challenge: 'auto',
    } as const
    const dialect = createAuthDialect({
      listener,
      mechanisms,
      tokenBytes: 100,
      authenticate,
      logins: undefined,
      spid: 9,
      log,
    })
    const limits = { listener: 'l', id: 1, requests: 8, log, closed: () => {} }
    return connectAuth(await serve(socket => openConnection(socket, dialect, limits)))
  }
  const login = { mechanism: 'OAUTHBEARER', user: 'a=b,c', token: 'good', service: 'imap' } as const

  it('understand each other', async () => {
    const client = await open('dovecot-auth')
    assert.deepEqual(client.mechanisms, ['OAUTHBEARER', 'XOAUTH2', 'PLAIN', 'LOGIN'])
    assert.match(client.cookie ?? '', /^[0-9a-f]{32}$/)
    assert.deepEqual(await client.login(login), { kind: 'accepted', user: 'a=b,c.imap' })
    for (const mechanism of ['OAUTHBEARER', 'XOAUTH2', 'PLAIN', 'LOGIN'] as const)
      for (const initialResponse of [true, false])
        assert.deepEqual(await client.login({ ...login, mechanism, initialResponse }), {
          kind: 'accepted',
          user: 'a=b,c.imap',
        })
    assert.deepEqual(await client.login({ ...login, mechanism: 'PLAIN', token: 'bad' }), {
      kind: 'refused',
      user: 'a=b,c',
      code: undefined,
      reason: undefined,
      challenge: undefined,
    })
    assert.deepEqual(await client.login({ ...login, token: 'bad' }), {
      kind: 'refused',
      user: 'a=b,c',
      code: undefined,
      reason: undefined,
      challenge: '{"status":"invalid_token","scope":"openid"}',
    })
    const unavailable = await client.login({ ...login, token: 'down' })
    assert.equal(unavailable.kind === 'refused' && unavailable.code, 'temp_fail')
    client.close()
  })
  it('many at a time', async () => {
    const client = await open('dovecot-auth')
    const users = Array.from({ length: 50 }, (_, i) => `user${i}`)
    const outcomes = await Promise.all(users.map(user => client.login({ ...login, user })))
    assert.deepEqual(
      outcomes,
      users.map(user => ({ kind: 'accepted', user: `${user}.imap` })),
    )
    client.close()
  })
  it('lose the connection when Postfix must not be told a verdict', async () => {
    const client = await open('postfix-sasl')
    const outcome = await client.login({ ...login, service: 'smtp', parameters: ['nologin'], token: 'down' })
    assert.equal(outcome.kind, 'lost')
  })
})
