/**
 * Processes that tests start: commands that end, and servers that run until they are stopped.
 *
 * A server is stopped by its pid: by the test, or when the test's process ends in any way that lets it run a handler.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

/** Long enough for a machine that is busy with other tests; reached only when something is broken. */
export const patienceMs = 20_000

/** Nothing of a developer's own, such as a .curlrc, may change a test. */
const environment = () => ({ PATH: `${process.env.PATH}:/usr/sbin`, HOME: '/nonexistent', LC_ALL: 'C.UTF-8' })

export type Result = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** Runs a command to its end. Whatever its exit status, the result is returned. */
export function run(
  command: string,
  args: readonly string[],
  input = '',
  variables: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const child = spawn(command, args, { timeout: patienceMs, env: { ...environment(), ...variables } })
  return outcome(child, input)
}

/** Waits for the end. With `input`, that is all that it gets to read; without, its input stays open. */
export function outcome(child: ChildProcess, input?: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', text => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    child.stdin?.on('error', () => {}) // The command may end without reading it.
    if (input !== undefined) child.stdin?.end(input)
    child.on('error', reject)
    child.on('close', code => resolve({ code, stdout, stderr }))
  })
}

/** As `run`, for commands that must succeed. */
export async function must(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit status ${code}\n${stdout}${stderr}`)
  return stdout
}

export type Server = {
  running(): boolean
  /** What it has written to stdout and stderr. */
  output(): string
  /** The first line, past or future, that satisfies `wanted`. */
  line(what: string, wanted: (line: string) => boolean): Promise<string>
  /** The same among future lines. */
  nextLine(what: string, wanted: (line: string) => boolean): Promise<string>
  /** Writes a line to its standard input. */
  say(line: string): void
  signal(name: NodeJS.Signals): void
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

const running = new Set<ChildProcess>()
const stopAll = () => {
  for (const child of running) child.kill('SIGTERM')
}
process.on('exit', stopAll)
// A test file that throws outside of its tests ends without "exit".
process.on('uncaughtExceptionMonitor', stopAll)
// The test runner ends a file that takes too long by SIGTERM.
process.once('SIGTERM', () => process.exit(143))

export type ServerOptions = {
  /** Handed on, from descriptor 3 on. */
  readonly descriptors?: readonly number[]
  readonly variables?: Readonly<Record<string, string>>
}

export function startServer(
  command: string,
  args: readonly string[],
  { descriptors = [], variables = {} }: ServerOptions = {},
): Server {
  // Detached: Postfix's master(8) ends its children through the process group that it leads.
  const child = spawn(command, args, {
    env: { ...environment(), ...variables },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', ...descriptors],
  })
  const { stdin, stdout, stderr } = child
  if (child.pid === undefined || stdin === null || stdout === null || stderr === null)
    throw new Error(`${command} could not be started`)
  stdin.on('error', () => {}) // It may have ended.
  running.add(child)
  const lines: string[] = []
  const listeners = new Set<() => void>()
  const changed = () => {
    for (const listener of listeners) listener()
  }
  for (const stream of [stdout, stderr]) {
    createInterface({ input: stream }).on('line', text => {
      lines.push(text)
      changed()
    })
  }
  let ended = false
  const end = new Promise<void>(resolve => {
    child.on('exit', () => {
      running.delete(child)
      ended = true
      changed()
      resolve()
    })
  })
  const output = () => lines.join('\n')
  const find = (from: number, what: string, wanted: (line: string) => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer)
        listeners.delete(look)
        settle()
      }
      const look = () => {
        const found = lines.slice(from).find(wanted)
        if (found !== undefined) finish(() => resolve(found))
        else if (ended) finish(() => reject(new Error(`${command} ended without "${what}":\n${output()}`)))
      }
      const late = () => finish(() => reject(new Error(`${command} gave no "${what}" in time:\n${output()}`)))
      const timer = setTimeout(late, patienceMs)
      listeners.add(look)
      look()
    })
  return {
    running: () => !ended,
    output,
    say: line => void stdin.write(`${line}\n`),
    signal: name => void child.kill(name),
    line: (what, wanted) => find(0, what, wanted),
    nextLine: (what, wanted) => find(lines.length, what, wanted),
    stop: async (signal = 'SIGTERM') => {
      if (!ended) child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
      await end
      clearTimeout(timer)
    },
  }
}

/** Waits until a probe of something that announces nothing, such as another program's log file, gives a value. */
export async function eventually<T>(what: string, probe: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + patienceMs
  for (;;) {
    const value = await probe()
    if (value !== undefined) return value
    if (Date.now() > end) throw new Error(`not in time: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 30))
  }
}

/** A port that nobody listens on, below the range that the kernel gives to outgoing connections. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const free = await new Promise<boolean>(resolve => {
      const server = createServer()
      server.on('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (free) return port
  }
}
