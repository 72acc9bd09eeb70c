/**
 * `bearerd status`: what the running daemon tells of itself; what has to be mended first. With --json as it came.
 *
 * Exit code 0: it runs, and all is well; there may be warnings. 1: something has to be mended. 69: no daemon answers.
 * bearerd.toml may be broken meanwhile: only the path of the control socket is read there.
 */
import type { Status } from '../status.ts'
import { ControlError, type ControlOptions, withDaemon } from './control-client.ts'
import { exit } from './exit.ts'
import { findTroubles, isGrave } from './status-troubles.ts'
import { statusInWords } from './status-words.ts'
import { ourTerminal, type Terminal } from './terminal.ts'

export type StatusOptions = ControlOptions & { readonly json: boolean }

export function runStatus(options: StatusOptions, version: string, terminal: Terminal = ourTerminal): Promise<number> {
  return withDaemon(options, terminal, async ask => {
    const status = (await ask({ method: 'GET', resource: '/status' })) as Status
    const { text, grave } = read(status, version, options.json, terminal.now())
    terminal.output.write(text)
    return grave ? exit.no : exit.done
  })
}

/** JSON leaves control characters from U+007F on as they are, and a terminal may obey them. */
function printableJson(value: unknown): string {
  const hex = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`
  return JSON.stringify(value).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, char =>
    Array.from({ length: char.length }, (_, index) => hex(char.charCodeAt(index))).join(''),
  )
}

/** A daemon of another version may lack what this one looks for. */
function read(status: Status, version: string, json: boolean, nowMs: number): { text: string; grave: boolean } {
  try {
    const text = json ? printableJson(status) : statusInWords(status, version, nowMs).join('\n')
    return { text: `${text}\n`, grave: findTroubles(status, nowMs).some(isGrave) }
  } catch (error) {
    if (!(error instanceof TypeError) || status.version === version) throw error
    const cure = 'restart it, or use the command of its version'
    throw new ControlError(
      `the daemon has another version than this command, ${version}, and its status can't be read: ${cure}`,
    )
  }
}
