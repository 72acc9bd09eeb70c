/**
 * `bearerd auth-test`: logs in at an auth socket with a token or a password from standard input, and shows the exchange, as
 * `doveadm auth test` can't for OAuth. Works with Dovecot's own auth process too.
 *
 * Exit code 0: accepted. 1: refused. 69: no verdict; what a mail client would see as a temporary failure. Neither token nor
 * password is shown, in whatever form it comes back.
 */
import { isUtf8 } from 'node:buffer'
import { isIP } from 'node:net'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { AuthClientError, connectAuth, isMechanism, type LoginOutcome, takesPassword } from './auth-client.ts'
import { exit } from './exit.ts'

/** More than any token that could be sent. */
const maxInputBytes = 65_536

export type AuthTestOptions = {
  readonly socket: string
  readonly mech: string
  readonly user?: string | undefined
  readonly service: string
  /** `rip=`, for passwords that are restricted to networks. */
  readonly remote?: string | undefined
}

export type Streams = {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly output: { write(text: string): unknown }
  readonly error: { write(text: string): unknown }
}

const ours: Streams = { input: process.stdin, output: process.stdout, error: process.stderr }

export async function runAuthTest(options: AuthTestOptions, { input, output, error }: Streams = ours): Promise<number> {
  const { socket, user, service, remote } = options
  const mechanism = options.mech.toUpperCase()
  const complain = (code: number, message: string): number => {
    error.write(`${message}\n`)
    return code
  }
  if (!isMechanism(mechanism)) return complain(exit.usage, 'The mechanism is OAUTHBEARER, XOAUTH2, PLAIN or LOGIN.')
  if (remote !== undefined && isIP(remote) === 0)
    return complain(exit.usage, 'The remote address is one such as 192.0.2.1 or 2001:db8::1.')
  if (mechanism !== 'OAUTHBEARER' && !user) return complain(exit.usage, `${mechanism} needs a name (--user).`)
  const kind = takesPassword(mechanism) ? 'password' : 'token'
  if (input.isTTY) error.write(`The ${kind}, which is not shown, and Enter: `)
  const bytes = await (input.isTTY ? readTyped(input) : readAll(input))
  if (input.isTTY) error.write('\n')
  const read = bytes.length > maxInputBytes ? { problem: `more than ${maxInputBytes} bytes` } : readSecret(bytes, kind)
  if ('problem' in read) return complain(exit.usage, `There is ${read.problem} on standard input.`)

  const hide = createHider(read.secret, kind)
  const show = (text: string) => output.write(`${printable(hide(text))}\n`)
  try {
    const client = await connectAuth(socket, {
      trace: (from, fields) => show(`${from}: ${conceal(from, fields).join(' ')}`),
    })
    if (!client.mechanisms.includes(mechanism)) {
      client.close()
      return complain(exit.no, `${mechanism} is not on offer here.`)
    }
    // Few clients send the name with LOGIN itself.
    const initialResponse = mechanism !== 'LOGIN'
    const parameters = remote === undefined ? [] : [`rip=${remote}`]
    const outcome = await client.login({ mechanism, user, token: read.secret, service, parameters, initialResponse })
    client.close()
    for (const line of conclude(outcome)) show(line)
    return exitCode(outcome)
  } catch (failure) {
    if (!(failure instanceof AuthClientError)) throw failure
    return complain(exit.unavailable, `${socket}: ${failure.message}.`)
  }
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
function readSecret(bytes: Buffer, kind: 'token' | 'password'): { secret: string } | { problem: string } {
  if (!isUtf8(bytes)) return { problem: 'something else than UTF-8' }
  const text = bytes.toString('utf8')
  const secret = kind === 'token' ? text.trim() : text.replace(/\r?\n$/, '')
  if (secret === '') return { problem: `no ${kind}` }
  if (/[\r\n\0]/.test(secret)) return { problem: 'more than one line, or a NUL,' }
  return { secret }
}

/** Takes a secret out of a text: itself, and base64 that it is in. */
function createHider(secret: string, kind: 'token' | 'password'): (text: string) => string {
  const encoded = [0, 1, 2].map(offset => encodedAt(offset, secret)).filter(part => part.length >= 4)
  return text =>
    text
      .replaceAll(secret, `<${kind}>`)
      .replace(/[\w+/=-]+/g, run => (encoded.some(part => run.includes(part)) ? `<${kind} in base64>` : run))
}

/** The characters of base64 that depend on nothing but the secret, where it begins so many bytes into a group of three. */
function encodedAt(offset: number, secret: string): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
  const start = Math.ceil((offset * 8) / 6)
  return bytes.toString('base64').slice(start, Math.floor((bytes.length * 8) / 6))
}

/** The fields of a line without what is secret in it, and without base64 that nobody can read. */
function conceal(from: 'C' | 'S', [verb = '', ...fields]: readonly string[]): string[] {
  if (verb === 'COOKIE') return [verb, '<hidden>']
  if (verb === 'CONT') {
    const [id = '', data = ''] = fields
    if (from === 'C' || data === '') return [verb, id, `<${data.length} bytes>`]
    return [verb, id, Buffer.from(data, 'base64').toString('utf8')]
  }
  return [verb, ...fields.map(field => field.replace(/^(resp|pass|token)=(.*)$/s, hideValue))]
}

function hideValue(_: string, key: string, value: string): string {
  return `${key}=<${value.length} bytes>`
}

function conclude(outcome: LoginOutcome): string[] {
  switch (outcome.kind) {
    case 'accepted':
      return [`accepted as ${outcome.user}`]
    case 'lost':
      return [
        `no verdict: ${outcome.why}`,
        'Postfix tells its client 454, a temporary failure. The log of bearerd says why.',
      ]
    case 'refused': {
      const { code, reason } = outcome
      if (code === 'temp_fail') return ['no verdict: temporary failure. The log of bearerd says why.']
      const details = [code, reason].filter(detail => detail !== undefined).join(', ')
      return [`refused${details === '' ? '' : ` (${details})`}. The log of bearerd says why.`]
    }
  }
}

function exitCode(outcome: LoginOutcome): number {
  if (outcome.kind === 'accepted') return exit.done
  return outcome.kind === 'refused' && outcome.code !== 'temp_fail' ? exit.no : exit.unavailable
}

/** A terminal obeys control characters, whoever sent them. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, char => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}
