/** Programs with a fault in them (fault.ts): run once for each change that they make on disk. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
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

export async function finish(child: ChildProcess, stdin = '', onFault = async (): Promise<void> => {}): Promise<Ended> {
  child.stdin?.on('error', () => {}) // It may end without reading it.
  child.stdin?.end(stdin)
  const ended = once(child, 'close')
  const read = async (stream: unknown, onText = async (): Promise<void> => {}): Promise<string> => {
    let text = ''
    if (stream instanceof Readable)
      for await (const chunk of stream.setEncoding('utf8')) {
        text += chunk
        await onText()
      }
    return text
  }
  const [stdout, stderr, fault] = await Promise.all([
    read(child.stdout),
    read(child.stderr),
    read(child.stdio[3], onFault),
  ])
  await ended
  return { code: child.exitCode, stdout, stderr, fault }
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
      const ended = await finish(child, program.stdin, async () => {
        await meanwhile(folder).finally(() => child.kill('SIGCONT'))
      })
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
