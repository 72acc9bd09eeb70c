/**
 * bearerd in a test's own process, from bearerd.toml to the verdict: the daemon of src/daemon.ts with a folder and a socket of
 * its own, and a mail server's connection to it. Stopped at the end of the test, when also no token may have got into the log.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connectAuth } from '../../src/cli/auth-client.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { startDaemon } from '../../src/daemon.ts'
import type { LogLine } from './log.ts'
import { createListener } from './store.ts'

export type Bearerd = {
  /** A login by OAUTHBEARER, as whom the client asks to be. Gives the line in the log. */
  login(token: string, asked?: string): Promise<LogLine>
  /** The next line with this event, or the first that nobody has waited for. */
  logged(event: string): Promise<LogLine>
  readonly lines: readonly LogLine[]
  /** A file in the state directory; undefined where there is none. */
  state(name: string): string | undefined
  stop(): Promise<void>
  start(): Promise<void>
}

const common = `
state-dir = "."
accounts.files = ["accounts.jsonl"]
app-passwords.enabled = false
listen.imap = { protocol = "dovecot-auth", path = "auth" }
`

/** `toml`: what it has of its own, directories above all. */
export async function startBearerd(t: TestContext, toml: string, addresses = ['alice@example.org']): Promise<Bearerd> {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-')) // Short: a socket's path has 107 bytes.
  writeFileSync(join(folder, 'bearerd.toml'), `${common}${toml}`, { mode: 0o600 })
  writeFileSync(join(folder, 'accounts.jsonl'), addresses.map(address => `${JSON.stringify({ address })}\n`).join(''))
  const { config, problems } = await loadConfig(join(folder, 'bearerd.toml'), {})
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'))
  const { log, lines, logged } = createListener()
  const tokens: string[] = []
  let logins = 0
  let running: { stop(): Promise<void> } | undefined

  async function start(): Promise<void> {
    if (config === undefined) return
    const daemon = await startDaemon(config, log)
    const client = await connectAuth(join(folder, 'auth'))
    login = async (token, user) => {
      tokens.push(token)
      const session = `session-${++logins}`
      const parameters = [`session=${session}`]
      const outcome = await client.login({ mechanism: 'OAUTHBEARER', user, token, service: 'imap', parameters })
      const line = lines.find(line => line.event === 'login' && line.session === session)
      assert.ok(line, `no line in the log: ${JSON.stringify(outcome)}`)
      assert.equal(outcome.kind === 'accepted', line.verdict === 'accept')
      assert.equal(outcome.kind === 'refused' && outcome.code === 'temp_fail', line.verdict === 'unavailable')
      return line
    }
    running = {
      stop: () => {
        client.close()
        return daemon.stop()
      },
    }
  }
  async function stop(): Promise<void> {
    await running?.stop()
    running = undefined
  }

  let login: Bearerd['login']
  t.after(async () => {
    await stop()
    rmSync(folder, { recursive: true })
    const written = JSON.stringify(lines)
    assert.ok(!tokens.some(token => written.includes(token)), 'a token is in the log')
  })
  await start()
  return {
    login: (token, asked) => login(token, asked),
    logged,
    lines,
    state: name => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : undefined),
    stop,
    start,
  }
}

/** What became of a login, in a word: "ok", or the reason code. */
export async function reasonOf(line: LogLine | Promise<LogLine>): Promise<string> {
  return String((await line).reason)
}
