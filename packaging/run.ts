/**
 * Runs a tool of the build; its output is shown when it fails.
 */
import { spawn } from 'node:child_process'

export type RunOptions = { readonly cwd?: string; readonly env?: Record<string, string> }

export async function run(tool: string, args: readonly string[], { cwd, env }: RunOptions = {}): Promise<string> {
  const child = spawn(tool, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  const text = Buffer.concat(output).toString()
  if (code === 0) return text
  throw new Error(`${tool} ${args.join(' ')}: exit ${code}\n${text}${Buffer.concat(errors)}`)
}
