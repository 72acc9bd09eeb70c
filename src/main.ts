#!/usr/bin/env node
/**
 * The process edge: arguments in, exit code out. The only file that ends the process.
 */
import { runCli } from './cli/cli.ts'

process.exitCode = await runCli(process.argv.slice(2))
process.exit()
