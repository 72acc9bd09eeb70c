/** Programs with a fault in them (fault.ts): run once for each change that they make on disk. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import type { Fault } from './fault.ts'

export type Program = { readonly script: string; readonly args: readonly string[]; readonly stdin?: string }

export type Ended = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The change that the fault has come at; none where the program makes fewer. */
  readonly fault: string
}

const pathOf = (name: string): string => new URL(name, import.meta.url).pathname

/** The script is a path from test/support. */
export function start({ script, args }: Program, fault?: Fault, uid?: number): ChildProcess {
  const preload = fault === undefined ? [] : ['--import', pathOf('fault.ts')]
  return spawn(process.execPath, ['--import', 'tsx', ...preload, pathOf(script), ...args], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...(fault && { FAULT: JSON.stringify(fault) }) },
    ...(uid !== undefined && { uid, gid: uid }),
  })
}

/** Many times what the slowest of them needs. */
const deadlineMs = 60_000

/** Waits for its end, and kills what hasn't come to it by then. Where it stops, it goes on once `onStop` is done. */
export async function finish(child: ChildProcess, stdin = '', onStop?: () => Promise<void>): Promise<Ended> {
  const deadline = AbortSignal.timeout(deadlineMs)
  const said = { stdout: '', stderr: '', fault: '' }
  const read = async (stream: unknown, name: keyof typeof said, onText?: () => Promise<void>): Promise<void> => {
    if (stream instanceof Readable)
      for await (const chunk of stream.setEncoding('utf8')) {
        said[name] += chunk
        await onText?.()
      }
  }
  const answer = async (): Promise<void> => {
    await onStop?.()
    if (child.stdio[3] instanceof Writable) child.stdio[3].end()
  }
  child.stdin?.on('error', () => {}) // It may end without reading it.
  child.stdin?.end(stdin)
  try {
    await Promise.all([
      once(child, 'close', { signal: deadline }),
      read(child.stdout, 'stdout'),
      read(child.stderr, 'stderr'),
      read(child.stdio[3], 'fault', onStop && answer),
    ])
  } catch (error) {
    child.kill('SIGKILL')
    if (!deadline.aborted) throw error
    throw new Error(`${child.spawnargs.join(' ')} hasn't ended in ${deadlineMs} ms. It said ${JSON.stringify(said)}`)
  }
  return { code: child.exitCode, ...said }
}

export function runToEnd(program: Program, fault?: Fault, uid?: number): Promise<Ended> {
  return finish(start(program, fault, uid), program.stdin)
}

/**
 * Runs a program with the fault at its first change, at its second, and so on until it has fewer changes to make. Each
 * time in a folder of its own, which `prepare` fills and `check` looks at; a program that stops there waits for `meanwhile`.
 * Resolves with the changes that there were.
 */
export async function atEveryChange(
  fault: Pick<Fault, 'how' | 'only'>,
  prepare: (folder: string) => Promise<Program>,
  check: (folder: string, ended: Ended) => Promise<void>,
  meanwhile: (folder: string) => Promise<void> = async () => {},
): Promise<string[]> {
  const met: string[] = []
  for (;;) {
    const folder = await mkdtemp(join(tmpdir(), 'bearerd-fault-'))
    try {
      const program = await prepare(folder)
      const child = start(program, { ...fault, at: met.length + 1, folder })
      const ended = await finish(child, program.stdin, fault.how === 'stop' ? () => meanwhile(folder) : undefined)
      await check(folder, ended)
      if (ended.fault === '') return met
      met.push(ended.fault)
    } catch (error) {
      const why = error instanceof Error ? error.message : ''
      throw new Error(`${fault.how} at change ${met.length + 1}, after ${met.join(', ')}: ${why}`, { cause: error })
    } finally {
      await rm(folder, { recursive: true })
    }
  }
}
