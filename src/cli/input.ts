/**
 * Input: the text that an import reads, from a file (or a pipe, as in `<(…)`) or from standard input. UTF-8, to a limit.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { codeOf } from '../accounts/stamp.ts'
import type { Terminal } from './terminal.ts'

export type InputText =
  /** `name` is what complaints begin with. */
  | { readonly ok: true; readonly name: string; readonly text: string }
  | { readonly ok: false; readonly why: 'unreadable' | 'not UTF-8'; readonly message: string }

/** `-` is standard input. */
export async function readInput(file: string, maxBytes: number, { input, error }: Terminal): Promise<InputText> {
  const name = file === '-' ? 'standard input' : file
  const unreadable = (message: string): InputText => ({ ok: false, why: 'unreadable', message: `${name}: ${message}` })
  if (file === '-' && input.isTTY) error.write('Paste the lines, then Enter and Ctrl-D.\n')
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of file === '-' ? input : createReadStream(file)) {
      const bytes = Buffer.from(chunk)
      size += bytes.length
      if (size > maxBytes) return unreadable(`over ${maxBytes / 1024 ** 2} MiB; import it in parts`)
      chunks.push(bytes)
    }
  } catch (problem) {
    return unreadable(`can't be read (${codeOf(problem)})`)
  }
  const bytes = Buffer.concat(chunks)
  const broken = whyNotUtf8(bytes)
  if (broken !== undefined) return { ok: false, why: 'not UTF-8', message: `${name}${broken}` }
  return { ok: true, name, text: bytes.toString() }
}

function whyNotUtf8(bytes: Buffer): string | undefined {
  // Its byte order marks; ASCII is every other byte of it.
  if (['fffe', 'feff'].includes(bytes.toString('hex', 0, 2)) || bytes.includes(0))
    return ': this is UTF-16; save it as UTF-8 (in a spreadsheet: "CSV UTF-8")'
  const line = lineOfBrokenUtf8(bytes)
  return line === undefined ? undefined : `:${line}: not UTF-8; "iconv -f latin1 -t utf8" may help`
}

function lineOfBrokenUtf8(bytes: Buffer): number | undefined {
  if (isUtf8(bytes)) return undefined
  for (let line = 1, start = 0; ; line++) {
    const end = bytes.indexOf(10, start)
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line
    start = end + 1
  }
}
