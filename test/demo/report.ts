/**
 * Report: what the demo prints. A line for each thing tried, with what came of it; where that isn't what was expected, both.
 */
import { isatty } from 'node:tty'

const colours = isatty(1) && process.env.NO_COLOR === undefined
const paint = (code: number) => (text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text)
const bold = paint(1)
const dim = paint(2)
const red = paint(31)
const green = paint(32)

/** Where the second column begins. */
const width = 50

export type Report = {
  heading(text: string): void
  /** Name and value, for what is told and not tried. */
  fact(name: string, value: string): void
  /** Tries something whose outcome is known beforehand. Lines after its first one are printed beneath. */
  expect(what: string, expected: string, attempt: () => Promise<string>): Promise<void>
  text(text: string): void
  readonly passed: number
  readonly failed: number
}

export function createReport(print: (line: string) => void = console.log): Report {
  let passed = 0
  let failed = 0

  async function expect(what: string, expected: string, attempt: () => Promise<string>): Promise<void> {
    const got = await attempt().catch((error: unknown) => String(error))
    const beneath = (text: string): string => text.replaceAll('\n', '\n      ')
    if (got === expected) {
      passed++
      print(`  ${green('✓')} ${what.padEnd(width)} ${beneath(got)}`)
    } else {
      failed++
      print(`  ${red('✗')} ${what.padEnd(width)} ${beneath(got)}`)
      print(`    ${dim('expected'.padEnd(width))} ${beneath(expected)}`)
    }
  }

  return {
    heading: text => print(`\n${bold(text)}`),
    fact: (name, value) => print(`  ${dim(name.padEnd(10))} ${value}`),
    expect,
    text: print,
    get passed() {
      return passed
    },
    get failed() {
      return failed
    },
  }
}
