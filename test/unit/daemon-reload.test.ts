/**
 * A running daemon that reads another configuration: what takes effect and for whom, what is kept, and what is refused as a
 * whole. bearerd.toml, sockets, connections and providers are real ones.
 */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type AuthClient, connectAuth, type LoginOutcome } from '../../src/cli/auth-client.ts'
import { loadConfig } from '../../src/config/load.ts'
import { isError } from '../../src/config/problem.ts'
import { startDaemon } from '../../src/daemon.ts'
import { formatPasswordLine } from '../../src/passwords/record.ts'
import type { ReloadOutcome } from '../../src/status.ts'
import { json, startFaultProvider } from '../support/fault-provider.ts'
import { appPassword, typedPassword } from '../support/password-login.ts'
import { eventually } from '../support/process.ts'
import { type Client, connectClient, makeFolder } from '../support/sockets.ts'
import { createListener } from '../support/store.ts'
import { settle } from '../support/wire.ts'

const base = `state-dir = "."
accounts.files = ["accounts.jsonl"]
app-passwords.failure-delay = "0s"
`
const imap = 'listen.imap = { protocol = "dovecot-auth", path = "auth" }\n'
const master = 'listen.dovecot = { protocol = "dovecot-master", path = "master" }\n'
const policy = 'listen.policy = { protocol = "postfix-policy", path = "policy" }\n'

async function open(t: TestContext, toml: string, files: Record<string, string> = {}) {
  const folder = makeFolder(t)
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  write('accounts.jsonl', '{"address":"alice@example.org"}\n')
  for (const [name, text] of Object.entries(files)) write(name, text)
  const file = write('bearerd.toml', base + toml)
  const load = () => loadConfig(file, {})
  const { config, problems } = await load()
  assert.ok(config, JSON.stringify(problems))
  const listener = createListener()
  let level = config.log.level
  const log = { ...listener.log, level: () => level, setLevel: (to: typeof level) => (level = to) }
  const daemon = await startDaemon(config, log, { load })
  const clients: AuthClient[] = []
  // Clients first: the daemon would wait until somebody redeems the logins that it has granted them.
  t.after(() => {
    for (const client of clients) client.close()
    return daemon.stop()
  })
  return {
    folder,
    write,
    daemon,
    ...listener,
    /** Another bearerd.toml, from the base on. */
    reload: (text: string): Promise<ReloadOutcome> => {
      write('bearerd.toml', text.startsWith('state-dir') ? text : base + text)
      return daemon.reload()
    },
    exists: (name: string) => existsSync(join(folder, name)),
    connectTo: (name: string) => connectClient(t, join(folder, name)),
    connect: async (name = 'auth') => {
      const client = await connectAuth(join(folder, name))
      clients.push(client)
      return client
    },
  }
}

const password = (client: AuthClient, token = appPassword) =>
  client.login({ mechanism: 'PLAIN', user: 'alice@example.org', token, service: 'imap' })
const bearer = (client: AuthClient, token = 'opaque-token') =>
  client.login({ mechanism: 'XOAUTH2', user: 'alice@example.org', token, service: 'imap' })
const inWords = (outcome: LoginOutcome) =>
  outcome.kind === 'refused' ? `refused ${outcome.code ?? ''}`.trimEnd() : outcome.kind
const names = ({ mechanisms }: AuthClient) => [...mechanisms].join(' ')

/** An introspection endpoint that finds every token good. */
async function startProvider(t: TestContext) {
  const provider = await startFaultProvider()
  t.after(provider.stop)
  provider.answer(json({ active: true, sub: '1', email: 'alice@example.org' }))
  const directory = (name: string, more = '') =>
    `[directory.${name}]
endpoint.method = "introspect"
endpoint.url = "${provider.origin}/${name}"
auth = { method = "basic", username = "bearerd", secret-file = "secret" }
${more}\n`
  const count = (name: string) => provider.asked.filter(({ path }) => path === `/${name}`).length
  return { ...provider, directory, count }
}

const passwords = { 'app-passwords.jsonl': `${formatPasswordLine(typedPassword())}\n` }
const problemsOf = (outcome: ReloadOutcome) =>
  outcome.ok ? [] : outcome.problems.filter(isError).map(({ message }) => message)

describe('a configuration that is the same', () => {
  it('leaves everything as it is, and reads accounts and passwords', async t => {
    const provider = await startProvider(t)
    const { daemon, write, connect, reload, lines } = await open(t, imap + provider.directory('main'), {
      secret: 's',
      ...passwords,
    })
    const client = await connect()
    assert.equal(inWords(await bearer(client)), 'accepted')
    assert.equal(inWords(await password(client)), 'accepted')
    write('accounts.jsonl', '{"address":"alice@example.org"}\n{"address":"bob@example.org"}\n')
    write('app-passwords.jsonl', '')
    assert.deepEqual(await reload(imap + provider.directory('main')), { ok: true })
    assert.equal(daemon.status().accounts.count, 2)
    assert.equal(inWords(await bearer(client)), 'accepted')
    assert.equal(provider.count('main'), 1, 'the token is known still')
    assert.equal(inWords(await password(client)), 'refused')
    assert.ok(lines.some(({ event }) => event === 'reloaded'))
    assert.ok(!lines.some(({ event }) => event === 'mechanisms'))
  })
})

describe('directories', () => {
  it('that have changed are opened anew, others keep what they know', async t => {
    const provider = await startProvider(t)
    const two = (more: string) =>
      imap + provider.directory('changed', more) + provider.directory('same', 'domains = ["example.net"]')
    const accounts = '{"address":"alice@example.org"}\n{"address":"alice@example.net"}\n'
    const { connect, reload } = await open(t, two(''), { secret: 's', 'accounts.jsonl': accounts })
    const client = await connect()
    const bob = { mechanism: 'XOAUTH2', user: 'alice@example.net', token: 'other-token', service: 'imap' } as const
    const both = async () => [inWords(await bearer(client)), inWords(await client.login(bob))]
    provider.answerAt('/same', json({ active: true, sub: '2', email: 'alice@example.net' }))
    assert.deepEqual(await both(), ['accepted', 'accepted'])
    assert.deepEqual(await reload(two('require.scopes = ["mail"]')), { ok: true })
    assert.deepEqual(await both(), ['refused', 'accepted'], 'on the open connection')
    assert.deepEqual([provider.count('changed'), provider.count('same')], [2, 1])
  })

  it('have changed when their secret has, whatever file it is in', async t => {
    const provider = await startProvider(t)
    const toml = imap + provider.directory('main')
    const { write, connect, reload, lines } = await open(t, toml, { secret: 'first-secret' })
    const client = await connect()
    await bearer(client)
    write('secret', 'second-secret')
    assert.deepEqual(await reload(toml), { ok: true })
    assert.equal(inWords(await bearer(client)), 'accepted')
    const used = provider.asked.map(({ headers }) =>
      Buffer.from(`${headers.authorization}`.slice(6), 'base64').toString(),
    )
    assert.deepEqual(used, ['bearerd:first-secret', 'bearerd:second-secret'])
    assert.doesNotMatch(JSON.stringify(lines), /-secret/)
  })

  it('have changed when the content of a TLS file has', async t => {
    const provider = await startProvider(t)
    const toml = imap + provider.directory('main', 'tls.ca-file = "ca.pem"')
    const ca = readFileSync(new URL('../fixtures/tls/client.pem', import.meta.url), 'utf8')
    const { write, connect, reload } = await open(t, toml, { secret: 's', 'ca.pem': ca })
    const client = await connect()
    await bearer(client)
    await reload(toml)
    await bearer(client)
    assert.equal(provider.count('main'), 1)
    write('ca.pem', `${ca}${ca}`)
    assert.deepEqual(await reload(toml), { ok: true })
    await bearer(client)
    assert.equal(provider.count('main'), 2)
  })

  it('have changed when a link leads to another TLS file', async t => {
    const provider = await startProvider(t)
    const toml = imap + provider.directory('main', 'tls.ca-file = "ca.pem"')
    const ca = readFileSync(new URL('../fixtures/tls/client.pem', import.meta.url), 'utf8')
    const { folder, connect, reload } = await open(t, toml, {
      secret: 's',
      'ca.pem': ca,
      'ca1.pem': ca,
      'ca2.pem': ca + ca,
    })
    const lead = (to: string) => {
      rmSync(join(folder, 'ca.pem'))
      symlinkSync(to, join(folder, 'ca.pem'))
    }
    const client = await connect()
    lead('ca1.pem')
    await reload(toml)
    await bearer(client)
    assert.equal(provider.count('main'), 1)
    lead('ca2.pem')
    await reload(toml)
    await bearer(client)
    assert.equal(provider.count('main'), 2)
  })

  it('have changed when the cache has', async t => {
    const provider = await startProvider(t)
    const toml = imap + provider.directory('main')
    const { connect, reload } = await open(t, toml, { secret: 's' })
    const client = await connect()
    await bearer(client)
    assert.deepEqual(await reload(`cache.ttl = "0s"\n${toml}`), { ok: true })
    for (let n = 0; n < 2; n++) assert.equal(inWords(await bearer(client)), 'accepted')
    assert.equal(provider.count('main'), 3)
  })

  it('that are gone keep no connection to their provider', async t => {
    const provider = await startProvider(t)
    const sockets = new Set<Socket | null>()
    provider.answerAt('/main', response => {
      sockets.add(response.socket)
      json({ active: true, sub: '1', email: 'alice@example.org' })(response)
    })
    const { connect, reload, daemon } = await open(t, imap + provider.directory('main'), { secret: 's' })
    const client = await connect()
    assert.equal(inWords(await bearer(client)), 'accepted')
    assert.deepEqual(await reload(imap), { ok: true })
    client.close()
    await daemon.stop()
    await eventually('the end', () => [...sockets].every(socket => socket?.destroyed) || undefined)
  })

  it('that are gone grant nothing to those who ask them already', async t => {
    const provider = await startProvider(t)
    let answer = () => {}
    provider.answerAt('/main', response => {
      answer = () => json({ active: true, sub: '1', email: 'alice@example.org' })(response)
    })
    const { connect, reload, lines } = await open(t, imap + provider.directory('main'), { secret: 's' })
    const client = await connect()
    const login = bearer(client)
    await eventually('a question', () => provider.count('main') || undefined)
    assert.deepEqual(await reload(imap), { ok: true })
    answer()
    assert.equal(inWords(await login), 'refused')
    assert.equal(lines.findLast(({ event }) => event === 'login')?.reason, 'no_directory')
  })

  it('that are asked during a reload grant what the new configuration grants', async t => {
    const provider = await startProvider(t)
    const answers: (() => void)[] = []
    provider.answerAt('/main', response => {
      answers.push(() => json({ active: true, sub: '1', email: 'alice@example.org' })(response))
    })
    const toml = imap + provider.directory('main')
    const { connect, reload, write, lines } = await open(t, toml, { secret: 's' })
    const client = await connect()
    const begin = async (token: string) => {
      const outcome = bearer(client, token)
      await eventually('a question', () => answers.length || undefined)
      return { outcome }
    }
    const kept = await begin('one-token')
    assert.deepEqual(await reload(`limits.requests = 9\n${toml}`), { ok: true })
    answers.pop()?.()
    assert.equal(inWords(await kept.outcome), 'accepted')
    assert.equal(provider.count('main'), 1)
    assert.equal(lines.filter(({ event }) => event === 'login').length, 1, 'told once')

    const lost = await begin('another-token')
    write('others.jsonl', '{"address":"alice@example.org","enabled":false}\n')
    assert.deepEqual(await reload((base + toml).replace('accounts.jsonl', 'others.jsonl')), { ok: true })
    answers.pop()?.()
    assert.equal(inWords(await lost.outcome), 'refused user_disabled')
  })
})

describe('mechanisms', () => {
  it('that are gone are refused where they were offered, and offered to nobody else', async t => {
    const provider = await startProvider(t)
    const toml = imap + provider.directory('main')
    const { connect, reload, lines } = await open(t, toml, { secret: 's', ...passwords })
    const client = await connect()
    assert.equal(names(client), 'OAUTHBEARER XOAUTH2 PLAIN LOGIN')
    assert.equal(inWords(await password(client)), 'accepted')
    assert.deepEqual(await reload(`app-passwords.enabled = false\n${toml}`), { ok: true })
    assert.equal(inWords(await password(client)), 'refused')
    const login = lines.findLast(({ event }) => event === 'login')
    assert.deepEqual([login?.reason, login?.level], ['password_not_offered', 'info'])
    assert.ok(!lines.some(({ event }) => event === 'fault'))
    assert.equal(inWords(await bearer(client)), 'accepted')
    assert.equal(names(await connect()), 'OAUTHBEARER XOAUTH2')
    const told = lines.find(({ event }) => event === 'mechanisms')
    assert.deepEqual([told?.before, told?.after], ['OAUTHBEARER XOAUTH2 PLAIN LOGIN', 'OAUTHBEARER XOAUTH2'])
    assert.match(String(told?.cure), /doveadm reload/)
  })
})

describe('accounts', () => {
  const asks = (client: Client, name: string, id: number) => {
    client.socket.write(`USER\t${id}\t${name}\tservice=imap\n`)
    return client.receive(`\t${id}`)
  }

  it('of other files are those that count, at once, on open connections too', async t => {
    const { connectTo, reload, write, daemon, lines } = await open(t, master, {
      'others.jsonl': '{"address":"bob@example.org"}\n',
    })
    const client = await connectTo('master')
    client.socket.write('VERSION\t1\t1\n')
    assert.match(await asks(client, 'bob@example.org', 100), /NOTFOUND\t100/)
    const next = `${base}${master}`.replace('accounts.jsonl', 'others.jsonl')
    assert.deepEqual(await reload(next), { ok: true })
    assert.match(await asks(client, 'bob@example.org', 200), /USER\t200\tbob/)
    assert.match(await asks(client, 'alice@example.org', 300), /NOTFOUND\t300/)
    assert.equal(daemon.status().accounts.count, 1)
    assert.equal(lines.filter(({ event }) => event === 'accounts_loaded').length, 2)
    // They are watched, and the former ones no longer.
    write('accounts.jsonl', 'nonsense')
    write('others.jsonl', '{"address":"bob@example.org"}\n{"address":"carol@example.org"}\n')
    await eventually('two accounts', () => daemon.status().accounts.count === 2 || undefined)
    assert.ok(!lines.some(({ level }) => level === 'error'))
  })

  it('of a directory that is gone are no longer right', async t => {
    const provider = await startProvider(t)
    const files = { secret: 's', 'accounts.jsonl': '{"address":"alice@example.org","directory":"main"}\n' }
    const { reload, daemon } = await open(t, imap + provider.directory('main'), files)
    const outcome = await reload(imap + provider.directory('other'))
    assert.match(problemsOf(outcome).join(), /no \[directory\.NAME\] has this name/)
    assert.equal(daemon.status().accounts.count, 1)
  })

  it('that can not be loaded are no reason to lose those in force', async t => {
    const { reload, daemon, exists, lines } = await open(t, master, {
      'others.jsonl': '{"adress":"bob@example.org"}\n',
    })
    const outcome = await reload(`${base}${master}${policy}`.replace('accounts.jsonl', 'others.jsonl'))
    assert.match(problemsOf(outcome)[0] ?? '', /did you mean "address"/)
    assert.equal(daemon.status().accounts.count, 1)
    assert.ok(!lines.some(({ event }) => event === 'accounts_missing'), 'for they are not')
    assert.equal(exists('policy'), false, 'nothing else of it is in force')
    assert.ok(lines.some(({ event, level }) => event === 'config_refused' && level === 'error'))
  })

  it('of the same files that have errors by now stay as they were; all else is in force', async t => {
    const { reload, daemon, exists, write } = await open(t, master)
    write('accounts.jsonl', '{"adress":"bob@example.org"}\n')
    assert.deepEqual(await reload(master + policy), { ok: true })
    const { count, problems } = daemon.status().accounts
    assert.deepEqual([count, problems.some(isError), exists('policy')], [1, true, true])
  })
})

describe('sockets', () => {
  it('are opened and closed; those that stay keep their connections', async t => {
    const { connect, connectTo, reload, exists, daemon } = await open(t, imap + policy, passwords)
    const [client, gone] = [await connect(), await connectTo('policy')]
    assert.deepEqual(await reload(imap + master), { ok: true })
    assert.deepEqual([exists('auth'), exists('master'), exists('policy')], [true, true, false])
    await gone.closed
    assert.equal(inWords(await password(client)), 'accepted')
    await (await connectTo('master')).receive('SPID')
    assert.deepEqual(
      daemon.status().listeners.map(({ name, connections }) => [name, connections]),
      [
        ['imap', 1],
        ['dovecot', 1],
      ],
    )
  })

  it('that can not be had are no reason to change anything', async t => {
    const { connect, reload, exists, folder, daemon } = await open(t, imap + policy, passwords)
    const server = createServer()
    t.after(() => server.close())
    await new Promise<void>(resolve => server.listen(join(folder, 'taken'), resolve))
    const taken = 'listen.maps = { protocol = "postfix-socketmap", path = "taken" }\n'
    const mode = imap.replace(' }', ', mode = "0666" }')
    const outcome = await reload(mode + master + taken)
    assert.match(problemsOf(outcome)[0] ?? '', /^listen\.maps: another process listens on /)
    assert.deepEqual([exists('auth'), exists('policy'), exists('master')], [true, true, false])
    assert.equal(statSync(join(folder, 'auth')).mode & 0o777, 0o660)
    assert.deepEqual(
      daemon.status().listeners.map(({ name }) => name),
      ['imap', 'policy'],
    )
    assert.equal(inWords(await password(await connect())), 'accepted')
  })

  it('have their mode back when the change is refused', async t => {
    const { reload, folder } = await open(t, imap + policy)
    const mode = imap.replace(' }', ', mode = "0666" }')
    const outcome = await reload(mode + policy.replace('postfix-policy', 'postfix-socketmap'))
    assert.match(problemsOf(outcome)[0] ?? '', /^listen\.policy: the protocol of a socket can't change/)
    assert.equal(statSync(join(folder, 'auth')).mode & 0o777, 0o660)
  })

  it('can have another mode and another name', async t => {
    const { connect, reload, folder, daemon } = await open(t, imap, passwords)
    const client = await connect()
    assert.deepEqual(await reload('listen.login = { protocol = "dovecot-auth", path = "auth", mode = "0666" }\n'), {
      ok: true,
    })
    assert.equal(statSync(join(folder, 'auth')).mode & 0o777, 0o666)
    assert.equal(inWords(await password(client)), 'accepted')
    assert.deepEqual(
      daemon.status().listeners.map(({ name, connections }) => [name, connections]),
      [['login', 1]],
    )
  })

  it('speak one protocol as long as they are open', async t => {
    const { reload } = await open(t, imap)
    const outcome = await reload(imap.replace('dovecot-auth', 'postfix-sasl'))
    assert.match(problemsOf(outcome)[0] ?? '', /^listen\.imap: the protocol of a socket can't change/)
  })

  it('have new limits for those who connect from then on', async t => {
    const provider = await startProvider(t)
    const toml = imap + provider.directory('main')
    const { connect, reload, lines } = await open(t, toml, { secret: 's' })
    const before = await connect()
    assert.deepEqual(await reload(`limits.token-size = "1KiB"\n${toml}`), { ok: true })
    const long = 'x'.repeat(2000)
    assert.equal(inWords(await bearer(before, long)), 'accepted')
    assert.equal(inWords(await bearer(await connect(), long)), 'refused')
    assert.equal(lines.findLast(({ event }) => event === 'login')?.reason, 'malformed')
  })

  it('never give a connection the number of another', async t => {
    const { connectTo, reload } = await open(t, imap, passwords)
    const greeting = async () => /CUID\t(\d+)/.exec(await (await connectTo('auth')).receive('DONE'))?.[1]
    const first = await greeting()
    await reload(`limits.requests = 7\n${imap}`)
    assert.notEqual(await greeting(), first)
  })
})

describe('what is refused', () => {
  it('leaves everything in force, is logged problem by problem, and shown until it is mended', async t => {
    const { connect, reload, daemon, lines } = await open(t, imap, passwords)
    const client = await connect()
    const outcome = await reload(`${imap}listen.other = { protocol = "imap", path = "x" }\ncache.tttl = "1s"\n`)
    assert.equal(problemsOf(outcome).length, 2)
    const logged = lines.filter(({ event, level }) => event === 'config_refused' && level === 'error')
    assert.deepEqual(
      logged.map(({ path }) => path),
      ['listen.other.protocol', 'cache.tttl', undefined],
    )
    assert.ok(logged.slice(0, 2).every(({ line }) => Number(line) > 0))
    assert.equal(daemon.status().config.refused?.problems.filter(isError).length, 2)
    assert.equal(inWords(await password(client)), 'accepted')
    assert.equal(inWords(await password(await connect())), 'accepted')
    assert.deepEqual(await reload(imap), { ok: true })
    assert.equal(daemon.status().config.refused, undefined)
  })

  it('is what can not change while bearerd runs', async t => {
    const { reload, write } = await open(t, imap)
    for (const [toml, path] of [
      [`${base}${imap}`.replace('"."', '"/var/lib/elsewhere"'), 'state-dir'],
      [`${base}${imap}control.path = "c"\n`, 'control.path'],
      [`${base}${imap}log.format = "pretty"\n`, 'log.format'],
    ] as const) {
      const outcome = await reload(toml)
      assert.ok(!outcome.ok, path)
      assert.ok(
        outcome.problems.some(problem => problem.path === path),
        path,
      )
      assert.match(problemsOf(outcome).join(), /while bearerd runs; restart it/)
    }
    write('bearerd.toml', base + imap)
  })

  it('is a directory whose files are unusable', async t => {
    const provider = await startProvider(t)
    const { reload, connect } = await open(t, imap + provider.directory('main'), { secret: 's' })
    const outcome = await reload(imap + provider.directory('main', 'tls.ca-file = "absent.pem"'))
    assert.match(problemsOf(outcome)[0] ?? '', /absent\.pem/)
    assert.equal(inWords(await bearer(await connect())), 'accepted')
  })
})

it('has the log level of bearerd.toml again', async t => {
  const { reload, daemon } = await open(t, imap)
  assert.deepEqual(await reload(`${imap}log.level = "warn"\n`), { ok: true })
  assert.equal(daemon.status().logLevel, 'warn')
})

it('is told to systemd from begin to end', async t => {
  const folder = makeFolder(t)
  const told = join(folder, 'told')
  const program = join(folder, 'systemd-notify')
  writeFileSync(program, '#!/bin/sh\necho "$1" >> "$NOTIFY_SOCKET"\n')
  chmodSync(program, 0o755)
  const { NOTIFY_SOCKET, PATH } = process.env
  Object.assign(process.env, { NOTIFY_SOCKET: told, PATH: `${folder}:${PATH}` })
  t.after(() => {
    process.env.PATH = PATH
    if (NOTIFY_SOCKET === undefined) delete process.env.NOTIFY_SOCKET
    else process.env.NOTIFY_SOCKET = NOTIFY_SOCKET
  })
  const { daemon, reload } = await open(t, imap)
  await reload(`${imap}nonsense = 1\n`)
  await daemon.stop()
  const all = () => readFileSync(told, 'utf8').split('\n').slice(0, -1)
  await eventually('the last word', () => all().includes('STOPPING=1') || undefined)
  assert.deepEqual(all(), ['READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1'])
})

describe('several reloads', () => {
  it('take turns, and those that wait are one', async t => {
    const { daemon, lines } = await open(t, imap)
    const first = daemon.reload()
    await settle()
    const [second, third] = [daemon.reload(), daemon.reload()]
    assert.notEqual(first, second)
    assert.equal(second, third)
    assert.deepEqual(await Promise.all([first, second, third]), [{ ok: true }, { ok: true }, { ok: true }])
    const events = lines.map(({ event }) => event).filter(event => event === 'reload' || event === 'reloaded')
    assert.deepEqual(events, ['reload', 'reloaded', 'reload', 'reloaded'])
  })

  it('are not begun when bearerd stops, and one that is under way changes nothing any more', async t => {
    const { daemon, write, exists, lines } = await open(t, imap)
    write('bearerd.toml', base + imap + master)
    const before = daemon.reload()
    await Promise.resolve()
    const stopped = daemon.stop()
    const after = await daemon.reload()
    assert.match(problemsOf(after)[0] ?? '', /bearerd is stopping/)
    assert.match(problemsOf(await before)[0] ?? '', /bearerd is stopping/)
    await stopped
    assert.deepEqual([exists('auth'), exists('master')], [false, false])
    assert.ok(!lines.some(({ event, level }) => event === 'reloaded' || level === 'error'))
  })
})
