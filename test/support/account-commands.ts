/** `bearerd account …` in this process, on files in a folder of its own: what goes in, what comes out, what the files are. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { Command, CommanderError, Option } from 'commander'
import { addAccountCommands } from '../../src/cli/account-commands.ts'

export const configuration = `state-dir = "state"
[accounts]
files = ["accounts.toml", "accounts.jsonl"]
[listen.imap]
protocol = "dovecot-auth"
path = "auth-client"
[directory.main]
issuer = "https://accounts.example.org"
endpoint.method = "introspect"
auth.method = "user-token"
require.audience = "mail"
`
export const now = '2026-01-31T12:00:00.000Z'

export type Transcript = { readonly code: number; readonly output: string; readonly error: string }

type Stdin = { readonly text: string; readonly terminal?: boolean }

export type Site = {
  /** Runs a command. What it says of the folder is left out. `heard` is told what it says on standard error, at once. */
  run(args: readonly string[], stdin?: Stdin, heard?: (text: string) => void): Promise<Transcript>
  read(name: string): string
  path(name: string): string
  /** Whom doveadm was asked to kick, and when in the course of things. */
  readonly events: readonly string[]
  /** What a terminal would have got so far, in order: standard output and standard error. */
  screen(): string
}

/** `kickWarning`: what comes of a kick. */
export function createSite(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  { kickWarning }: { kickWarning?: string } = {},
): Site {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-account-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'state'))
  for (const [name, text] of Object.entries({ 'bearerd.toml': configuration, ...files }))
    writeFileSync(join(folder, name), text)
  const events: string[] = []
  let screen = ''

  async function run(
    args: readonly string[],
    stdin: Stdin = { text: '' },
    heard: (text: string) => void = () => {},
  ): Promise<Transcript> {
    let [output, error, code] = ['', '', 0]
    const write = {
      output: (text: string) => {
        output += text
        screen += text
      },
      error: (text: string) => {
        error += text
        heard(text)
        screen += text
      },
    }
    async function* input() {
      yield stdin.text
    }
    const program = new Command('bearerd')
      .exitOverride()
      .configureOutput({ writeOut: write.output, writeErr: write.error })
    const config = (): Option => new Option('-c, --config <file>').default(join(folder, 'bearerd.toml'))
    const done = (result: number): void => {
      code = result
    }
    addAccountCommands(program, config, done, {
      input: Object.assign(input(), { isTTY: stdin.terminal ?? false }),
      output: { write: write.output },
      error: stdin.terminal ? createTty(write.error) : { write: write.error },
      now: () => Date.parse(now),
      async pause(ms) {
        events.push(`pause ${ms}`)
      },
      async kick(address) {
        events.push(`kick ${address}`)
        return kickWarning
      },
    })
    try {
      await program.parseAsync(['account', ...args], { from: 'user' })
    } catch (problem) {
      if (!(problem instanceof CommanderError)) throw problem
      code = 64
    }
    return { code, output: output.replaceAll(`${folder}/`, ''), error: error.replaceAll(`${folder}/`, '') }
  }

  return {
    run,
    read: name => readFileSync(join(folder, name), 'utf8'),
    path: name => join(folder, name),
    events,
    screen: () => screen,
  }
}

/** Standard error as it is at a terminal. */
export function createTty(write: (text: string) => void): Writable {
  const tty = new Writable({
    decodeStrings: false,
    write(chunk, _, done) {
      write(String(chunk))
      done()
    },
  })
  return Object.assign(tty, { isTTY: true, columns: 80 })
}
