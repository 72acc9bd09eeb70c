/** What the commands share: reading the configuration, and saying what is wrong with it. */
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblem, type Problem } from '../config/problem.ts'

/** The configuration and its warnings; or undefined, with every problem on standard error. */
export async function loadConfigOrReport(
  file: string,
): Promise<{ config: Config; problems: readonly Problem[] } | undefined> {
  const { config, problems } = await loadConfig(file, process.env)
  if (config !== undefined) return { config, problems }
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`)
  process.stderr.write('bearerd: the configuration has errors\n')
  return undefined
}
