/** The control socket, and the commands that ask there: what they say, and how they end. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ask } from '../../src/cli/control-client.ts'
import { runLogLevel } from '../../src/cli/log-level.ts'
import { runReload } from '../../src/cli/reload.ts'
import { runStatus } from '../../src/cli/status.ts'
import { ourTerminal } from '../../src/cli/terminal.ts'
import { type ControlServices, openControl } from '../../src/monitor/control.ts'
import type { ReloadOutcome, Status } from '../../src/status.ts'
import { createRecorder, type LogLine } from '../support/log.ts'
import { connectClient, makeFolder } from '../support/sockets.ts'
import { accountsError, nowMs, well } from '../support/status.ts'

type Told = { readonly code: number; readonly output: string; readonly error: string }
type Site = {
  readonly path: string
  readonly config: string
  readonly lines: readonly LogLine[]
  status: Status
  outcome: ReloadOutcome | Error
  level: ReturnType<ControlServices['logLevel']>
  /** Runs a command of this site's configuration. */
  run(
    command: 'status' | 'reload' | 'log-level',
    more?: { json?: boolean; level?: Site['level']; socket?: string },
  ): Promise<Told>
}

/** A daemon's control socket in a folder of its own. */
async function openSite(t: TestContext): Promise<Site> {
  const folder = makeFolder(t)
  const path = join(folder, 'control.sock')
  const log = createRecorder()
  const site: Site = { ...play(folder), path, lines: log.lines }
  const services: ControlServices = {
    status: () => site.status,
    reload: async () => {
      if (site.outcome instanceof Error) throw site.outcome
      return site.outcome
    },
    logLevel: () => site.level,
    setLogLevel: level => {
      site.level = level
    },
  }
  const control = await openControl(path, services, log)
  assert.ok(control)
  t.after(() => control.close())
  return site
}

/** Without a daemon. */
function play(folder: string): Omit<Site, 'lines'> {
  const config = join(folder, 'bearerd.toml')
  writeFileSync(config, 'state-dir = "."\n')
  return {
    path: join(folder, 'control.sock'),
    config,
    status: well,
    outcome: { ok: true },
    level: 'info',
    async run(command, { json = false, level, socket } = {}) {
      let [output, error] = ['', '']
      const terminal = {
        ...ourTerminal,
        output: { write: (text: string) => (output += text) },
        error: { write: (text: string) => (error += text) },
        now: () => nowMs,
      }
      const options = { config, json, socket }
      const runs = {
        status: () => runStatus(options, well.version, terminal),
        reload: () => runReload(options, terminal),
        'log-level': () => runLogLevel(level, options, terminal),
      }
      const code = await runs[command]()
      const clean = (text: string) => text.replaceAll(folder, 'FOLDER')
      return { code, output: clean(output), error: clean(error) }
    },
  }
}

/** Sends bytes, and gives what comes back until the end. */
async function say(t: TestContext, path: string, text: string): Promise<string> {
  const client = await connectClient(t, path)
  let heard = ''
  client.socket.on('data', bytes => {
    heard += bytes
  })
  client.socket.write(text)
  await client.closed
  return heard
}

function listenAs(t: TestContext, path: string, server: Server): Promise<unknown> {
  t.after(() => server.close())
  server.listen(path)
  return once(server, 'listening')
}

test('status: a daemon that is well, in words and as JSON', async t => {
  const site = await openSite(t)
  const { code, output, error } = await site.run('status')
  assert.deepEqual({ code, error }, { code: 0, error: '' })
  assert.match(output, /^bearerd 0\.1\.0 is running: all is well\n/)
  const json = await site.run('status', { json: true })
  assert.equal(json.code, 0)
  assert.deepEqual(JSON.parse(json.output), JSON.parse(JSON.stringify(well)))
})

test('status: something to mend is exit code 1, in words and as JSON', async t => {
  const site = await openSite(t)
  site.status = { ...well, accounts: { ...well.accounts, problems: [accountsError] } }
  const { code, output } = await site.run('status')
  assert.equal(code, 1)
  assert.match(output, /^bearerd 0\.1\.0 is running: 1 thing to mend\n\nFAIL {2}accounts: the last load has failed; /)
  assert.equal((await site.run('status', { json: true })).code, 1)
})

test('status: what a daemon of another version leaves out is no fault of ours', async t => {
  const site = await openSite(t)
  site.status = { version: '9.0.0' } as Status
  const { code, error } = await site.run('status')
  assert.deepEqual(
    [code, /^bearerd: the daemon has another version than this command, 0\.1\.0/.test(error)],
    [69, true],
  )
  site.status = { ...well, version: '0.0.9' }
  assert.match((await site.run('status')).output, /\nThis command is of version 0\.1\.0: /)
})

test('reload: everything is in force, or the accounts are not, or nothing is', async t => {
  const site = await openSite(t)
  const inForce = '/etc/bearerd/bearerd.toml is in force'
  const good = `${inForce}, with 1234 accounts and 1 app password\n`
  assert.deepEqual(await site.run('reload'), { code: 0, output: good, error: '' })
  site.status = { ...well, accounts: { ...well.accounts, problems: [accountsError] } }
  const half = await site.run('reload')
  assert.deepEqual([half.code, half.output], [1, `${inForce}\n`])
  assert.match(half.error, /^FAIL {2}accounts: .*\n {6}\/etc\/bearerd\/accounts\.toml:7: error: account\.address: /)
  site.outcome = { ok: false, problems: [{ ...accountsError, file: 'bearerd.toml' }] }
  const refused = await site.run('reload')
  assert.equal(refused.code, 78)
  assert.match(refused.error, /^bearerd\.toml:7: error: .*\nbearerd: refused: all that was in force stays so/)
})

test('whatever a daemon tells, the terminal of who asks obeys none of it', async t => {
  const site = await openSite(t)
  const evil = '\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\u{e0001}\nbearerd: all is well'
  const everywhere = (value: unknown): unknown => {
    if (typeof value === 'string') return evil
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(everywhere)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, everywhere(one)]))
  }
  site.status = everywhere(well) as Status
  site.level = evil as Site['level']
  const told = [
    await site.run('status'),
    await site.run('status', { json: true }),
    await site.run('reload'),
    await site.run('log-level'),
    await site.run('log-level', { level: 'debug' }),
  ]
  site.outcome = { ok: false, problems: [{ severity: 'error', file: evil, line: 1, path: evil, message: evil }] }
  told.push(await site.run('reload'))
  for (const { output, error } of told) {
    assert.match(output + error, /title/)
    assert.doesNotMatch(output + error, /(?!\n)[\p{C}\p{Zl}\p{Zp}]|^bearerd: all is well/mu)
  }
  const json = JSON.parse(told[1]?.output ?? '')
  assert.deepEqual(json, JSON.parse(JSON.stringify(site.status)), 'JSON says the same')
})

test('status: one endless name does not make all others as wide', async t => {
  const site = await openSite(t)
  const [listener] = well.listeners
  assert.ok(listener)
  const listeners = [...new Array(1_000).fill(listener), { ...listener, name: 'x'.repeat(100_000) }]
  site.status = { ...well, listeners }
  assert.ok((await site.run('status')).output.length < 1_000_000)
})

test('log-level: told, set, and said in the log while it can be seen there', async t => {
  const site = await openSite(t)
  assert.deepEqual(await site.run('log-level'), { code: 0, output: 'info\n', error: '' })
  const { code, output } = await site.run('log-level', { level: 'error' })
  assert.deepEqual([code, site.level], [0, 'error'])
  assert.match(output, /^error \(was info\), until the next reload or restart; /)
  await site.run('log-level', { level: 'debug' })
  assert.deepEqual(
    site.lines.map(({ event, from, to }) => [event, from, to]),
    [
      ['log_level', 'info', 'error'],
      ['log_level', 'error', 'debug'],
    ],
  )
})

test('the socket is for its owner only, and gone when the daemon is', async t => {
  const site = await openSite(t)
  assert.equal(statSync(site.path).mode & 0o777, 0o600)
  const folder = makeFolder(t)
  const control = await openControl(join(folder, 'c'), services, createRecorder())
  await control?.close()
  assert.ok(!existsSync(join(folder, 'c')))
})

const services: ControlServices = {
  status: () => well,
  reload: async () => ({ ok: true }),
  logLevel: () => 'info',
  setLogLevel: () => {},
}

test('a socket that was left behind is replaced; another daemon that answers ends the start', async t => {
  const folder = makeFolder(t)
  const path = join(folder, 'control.sock')
  const dead = createServer()
  await listenAs(t, `${path}.bound`, dead)
  renameSync(`${path}.bound`, path)
  dead.close()
  const control = await openControl(path, services, createRecorder())
  assert.ok(control)
  t.after(() => control.close())
  await assert.rejects(openControl(path, services, createRecorder()), {
    name: 'ListenError',
    message: `control: another process listens on ${path}; is bearerd running already?`,
  })
})

test('a place where no socket can be made is a warning, and no reason not to start', async t => {
  const folder = makeFolder(t)
  const log = createRecorder()
  writeFileSync(join(folder, 'file'), '')
  for (const path of [join(folder, 'gone', 'control.sock'), join(folder, 'file')])
    assert.equal(await openControl(path, services, log), undefined)
  const [gone, file] = log.lines
  assert.deepEqual([gone?.level, gone?.event, file?.level], ['warn', 'control', 'warn'])
  assert.match(String(gone?.why), /directory .*gone does not exist/)
  assert.match(String(file?.why), /is no socket/)
})

test('what is no question is refused', async t => {
  const site = await openSite(t)
  const status = async (head: string, body = ''): Promise<number> => {
    const length = body === '' ? '' : `content-length: ${body.length}\r\n`
    const heard = await say(t, site.path, `${head} HTTP/1.1\r\nhost: x\r\n${length}\r\n${body}`)
    return Number(/^HTTP\/1\.1 (\d+)/.exec(heard)?.[1])
  }
  assert.equal(await status('GET /status'), 200)
  assert.equal(await status('GET /nothing'), 404)
  assert.equal(await status('GET /constructor'), 404)
  assert.equal(await status('DELETE /status'), 405)
  assert.equal(await status('PUT /log-level', '{"level":"loud"}'), 400)
  assert.equal(await status('PUT /log-level', 'null'), 400)
  assert.equal(await status('PUT /log-level', `{"level":"info","x":"${'x'.repeat(5_000)}"}`), 413)
  assert.equal(await status(`GET /status?${'x'.repeat(10_000)}`), 431)
  assert.equal(site.level, 'info')
  assert.match(await say(t, site.path, 'VERSION\t1\t2\n'), /^HTTP\/1\.1 400 /)
})

test('a fault is in the log with its stack, and the answer says so', async t => {
  const site = await openSite(t)
  site.outcome = new TypeError('secret')
  const { code, error } = await site.run('reload')
  assert.deepEqual(
    [code, error],
    [69, 'bearerd: there was a fault in the daemon: "journalctl -u bearerd" has its stack\n'],
  )
  assert.deepEqual([site.lines[0]?.event, site.lines[0]?.error], ['fault', 'TypeError'])
  assert.ok(!JSON.stringify(site.lines).includes('secret'))
})

test('no daemon: why, and where to look', async t => {
  const folder = makeFolder(t)
  const site = play(folder)
  const why = async (socket?: string): Promise<string> => {
    const { code, error } = await site.run('status', socket === undefined ? {} : { socket })
    assert.equal(code, 69)
    return error
  }
  assert.match(
    await why(),
    /^bearerd: the daemon does not run, or has another control socket: there is no FOLDER\/control\.sock; /,
  )
  writeFileSync(site.path, '')
  assert.match(await why(), /^bearerd: the daemon does not run: nobody listens on FOLDER\/control\.sock any more; /)
  const stranger = join(folder, 'stranger')
  await listenAs(
    t,
    stranger,
    createServer(socket => socket.end('VERSION\t1\t2\n')),
  )
  assert.match(
    await why(stranger),
    /^bearerd: what answers on FOLDER\/stranger is no bearerd, or one of another version/,
  )
  const ending = join(folder, 'ending')
  await listenAs(
    t,
    ending,
    createServer(socket => socket.destroy()),
  )
  assert.match(await why(ending), /^bearerd: the connection to FOLDER\/ending ended without an answer/)
})

test('a daemon that says nothing, or no end of it, is not waited for', async t => {
  const folder = makeFolder(t)
  const open: Socket[] = []
  t.after(() => {
    for (const socket of open) socket.destroy()
  })
  const question = { method: 'GET', resource: '/status', timeoutMs: 50 } as const
  const [silent, endless] = [join(folder, 'silent'), join(folder, 'endless')]
  await listenAs(
    t,
    silent,
    createServer(socket => open.push(socket)),
  )
  await assert.rejects(ask(silent, question), { name: 'ControlError', message: /^no answer on .* within 0\.05 s: / })
  const flood = createServer(socket => {
    open.push(socket)
    socket.on('error', () => {})
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n${' '.repeat(5 * 1024 * 1024)}`)
  })
  await listenAs(t, endless, flood)
  const patient = { ...question, timeoutMs: 60_000 }
  await assert.rejects(ask(endless, patient), { name: 'ControlError', message: /^what answers on / })
})

test('bearerd.toml with errors still tells the socket, as far as it can be read; else that is said', async t => {
  const site = await openSite(t)
  writeFileSync(site.config, 'state-dir = "."\nlog.level = "loud"\nunknown = 1\n')
  assert.equal((await site.run('status')).code, 0)
  writeFileSync(site.config, 'state-dir = "/nowhere"\ncontrol.path = "control.sock"\n')
  assert.equal((await site.run('status')).code, 0)
  writeFileSync(site.config, 'state-dir = "."\n[log\n')
  assert.equal((await site.run('status')).code, 0)
  writeFileSync(site.config, 'state-dir = \n')
  const { code, error } = await site.run('status')
  assert.equal(code, 69)
  assert.match(
    error,
    /^FOLDER\/bearerd\.toml:1: error: TOML syntax, .*\nbearerd: so the control socket may be elsewhere; --socket PATH names it\nbearerd: .*\/var\/lib\/bearerd\/control\.sock/,
  )
  assert.equal((await site.run('status', { socket: site.path })).code, 0)
})

const isRoot = process.getuid?.() === 0

test("root asks as the socket's owner, and so is led nowhere that she may not go", { skip: !isRoot }, async t => {
  const site = await openSite(t)
  const theirs = join(makeFolder(t), 'state')
  mkdirSync(theirs, { mode: 0o700 })
  const link = join(theirs, 'control.sock')
  symlinkSync(site.path, link)
  assert.equal((await site.run('status', { socket: link })).code, 0)
  lchownSync(link, 65534, 65534)
  chmodSync(join(theirs, '..'), 0o711)
  chownSync(theirs, 65534, 65534)
  // A link in the middle of the way ends at what is root's own.
  symlinkSync(join(site.path, '..'), join(theirs, 'sub'))
  for (const socket of [link, join(theirs, 'sub/control.sock')]) {
    const { code, error } = await site.run('status', { socket })
    assert.equal(code, 69, socket)
    assert.match(error, /^bearerd: no permission to use /)
    assert.equal(process.geteuid?.(), 0)
  }
})
