/**
 * Secret input: a token or a password from standard input, which the terminal doesn't show.
 */
import { isUtf8 } from 'node:buffer'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** More than any token that could be sent. */
const maxInputBytes = 65_536

export type SecretKind = 'token' | 'password'

export type Streams = {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly output: { write(text: string): unknown }
  readonly error: { write(text: string): unknown }
}

export const ourStreams: Streams = { input: process.stdin, output: process.stdout, error: process.stderr }

/** `problem` completes "There is … on standard input". */
export type ReadSecret = { readonly secret: string } | { readonly problem: string }

export async function readSecret({ input, error }: Streams, kind: SecretKind): Promise<ReadSecret> {
  if (input.isTTY) error.write(`The ${kind}, which is not shown, and Enter: `)
  const bytes = await (input.isTTY ? readTyped(input) : readAll(input))
  if (input.isTTY) error.write('\n')
  return bytes.length > maxInputBytes ? { problem: `more than ${maxInputBytes} bytes` } : parseSecret(bytes, kind)
}

async function readAll(input: Streams['input']): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk)
    chunks.push(bytes)
    length += bytes.length
    if (length > maxInputBytes) break
  }
  return Buffer.concat(chunks)
}

/** One line. Left to itself the terminal would show it, and cut it at 4096 characters (termios(3), canonical mode). */
async function readTyped(input: Streams['input']): Promise<Buffer> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
  try {
    for await (const line of lines) return Buffer.from(line)
    return Buffer.alloc(0)
  } finally {
    lines.close()
  }
}

/** Blanks around a token come of copying; in a password they may be meant. */
function parseSecret(bytes: Buffer, kind: SecretKind): ReadSecret {
  if (!isUtf8(bytes)) return { problem: 'something else than UTF-8' }
  const text = bytes.toString('utf8')
  const secret = kind === 'token' ? text.trim() : text.replace(/\r?\n$/, '')
  if (secret === '') return { problem: `no ${kind}` }
  if (/[\r\n\0]/.test(secret)) return { problem: 'more than one line, or a NUL,' }
  return { secret }
}
