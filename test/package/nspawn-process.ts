/** Processes that take longer than those of `test/support/process.ts`: a whole Debian is installed, and boots. */
import type { ChildProcess } from 'node:child_process'
import type { Result } from '../support/process.ts'

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

/** As `eventually`, with a time of its own. */
export async function within(ms: number, what: string, probe: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + ms
  while (!(await probe())) {
    if (Date.now() > end) throw new Error(`not within ${ms / 1000} s: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}
