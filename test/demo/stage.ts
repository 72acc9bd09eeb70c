/**
 * Stage: a provider, a folder with the sample configuration, and the daemon as it is delivered.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { cpSync, createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

/** A Unix socket's path has 107 bytes, and the longest of ours this name. */
const maxFolderBytes = 107 - '/auth-client'.length

/** `.demo`, made anew; in a checkout that is too deep for sockets, a folder under /tmp. */
export function makeFolder(): string {
  const near = '.demo'
  rmSync(near, { recursive: true, force: true })
  if (Buffer.byteLength(resolve(near)) > maxFolderBytes) return mkdtempSync(join(tmpdir(), 'bearerd-demo-'))
  mkdirSync(near)
  return near
}

export type Values = { readonly issuer: string; readonly secret: string }

/** The sample files as they are, but for the address of the provider. */
export function writeSample(folder: string, { issuer, secret }: Values): void {
  const sample = new URL('./', import.meta.url)
  cpSync(new URL('accounts.toml', sample), join(folder, 'accounts.toml'))
  const config = readFileSync(new URL('bearerd.toml', sample), 'utf8')
  writeFileSync(join(folder, 'bearerd.toml'), config.replaceAll('https://accounts.example.org', issuer))
  writeFileSync(join(folder, 'client-secret'), secret, { mode: 0o600 })
  writeFileSync(join(folder, 'accounts.jsonl'), '', { mode: 0o600 })
  mkdirSync(join(folder, 'state'), { mode: 0o700 })
}

/** Runs `bearerd …` beside the daemon and gives what it prints on standard output. Rejects if it fails. */
export async function runCommand(folder: string, args: readonly string[]): Promise<string> {
  const config = join(folder, 'bearerd.toml')
  const { stdout } = await promisify(execFile)(process.execPath, ['dist/main.js', ...args, '--config', config])
  return stdout.trimEnd()
}

/** The reason code that `bearerd explain-token` comes to, or all that it says. */
export async function explain(folder: string, user: string, token: string): Promise<string> {
  const args = ['explain-token', '--json', '--user', user, '--config', join(folder, 'bearerd.toml')]
  const child = spawn(process.execPath, ['dist/main.js', ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(token)
  const printed = (await child.stdout.setEncoding('utf8').toArray()).join('')
  const [, reason] = /"reason":"(\w+)"/.exec(printed) ?? []
  return reason ?? printed
}

export type Daemon = {
  /** Resolves when this event is logged next. */
  next(event: string): Promise<unknown>
  stop(): Promise<void>
}

/** Resolves when the daemon is ready; rejects with the end of its log if it ends before. */
export async function startDaemon(folder: string): Promise<Daemon> {
  const config = join(folder, 'bearerd.toml')
  // A process group of its own: a Ctrl-C in the terminal is for the demo, which then stops the daemon.
  const child = spawn(process.execPath, ['dist/main.js', 'serve', '--config', config], { detached: true })
  const kill = (): void => void child.kill()
  process.once('exit', kill)
  const log = createWriteStream(join(folder, 'bearerd.log'))
  child.stdout.pipe(log)
  child.stderr.pipe(log, { end: false })
  const events = new EventEmitter()
  await ready(child, events)
  return {
    next: event => once(events, event),
    async stop() {
      process.off('exit', kill)
      const running = child.exitCode === null && child.signalCode === null
      child.kill('SIGTERM')
      if (running) await once(child, 'exit')
    },
  }
}

/** `events` go on to be emitted afterwards. */
function ready(child: ChildProcess, events: EventEmitter): Promise<void> {
  events.setMaxListeners(0)
  return new Promise((resolve, reject) => {
    const lines: string[] = []
    events.once('ready', resolve)
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', line => {
        lines.push(line)
        const [, event] = /"event":"(\w+)"/.exec(line) ?? []
        if (event !== undefined) events.emit(event)
      })
    }
    child.once('close', () => reject(new Error(['The daemon did not start:', ...lines.slice(-5)].join('\n'))))
  })
}
