/**
 * `bearerd auth-test`: logs in at an auth socket with a token from standard input, and shows the exchange, as
 * `doveadm auth test` can't for OAuth. Works with Dovecot's own auth process too.
 *
 * Exit code 0: accepted. 1: refused. 69: no verdict; what a mail client would see as a temporary failure. The token is
 * not shown, in whatever form it comes back.
 */
import { AuthClientError, connectAuth, isMechanism, type LoginOutcome } from './auth-client.ts'
import { exit } from './exit.ts'

/** More than any token that could be sent. */
const maxInput = 65_536

export type AuthTestOptions = {
  readonly socket: string
  readonly mech: string
  readonly user?: string | undefined
  readonly service: string
}

export type Streams = {
  readonly input: AsyncIterable<Buffer | string> & { readonly isTTY?: boolean | undefined }
  readonly output: { write(text: string): unknown }
  readonly error: { write(text: string): unknown }
}

const ours: Streams = { input: process.stdin, output: process.stdout, error: process.stderr }

export async function runAuthTest(options: AuthTestOptions, { input, output, error }: Streams = ours): Promise<number> {
  const { socket, user, service } = options
  const mechanism = options.mech.toUpperCase()
  const complain = (code: number, message: string): number => {
    error.write(`${message}\n`)
    return code
  }
  if (!isMechanism(mechanism)) return complain(exit.usage, 'The mechanism is OAUTHBEARER or XOAUTH2.')
  if (mechanism === 'XOAUTH2' && !user) return complain(exit.usage, 'XOAUTH2 needs a name (--user).')
  if (input.isTTY) error.write('Paste the token, then Enter and Ctrl-D.\n')
  const token = await readToken(input)
  if (token === '') return complain(exit.usage, 'There is no token on standard input.')
  if (token === undefined) return complain(exit.usage, `There are more than ${maxInput} bytes on standard input.`)

  const show = (text: string) => output.write(`${printable(text.replaceAll(token, '<token>'))}\n`)
  try {
    const client = await connectAuth(socket, {
      trace: (from, fields) => show(`${from}: ${conceal(from, fields).join(' ')}`),
    })
    if (!client.mechanisms.includes(mechanism)) {
      client.close()
      return complain(exit.no, `${mechanism} is not on offer here.`)
    }
    const outcome = await client.login({ mechanism, user, token, service })
    client.close()
    for (const line of conclude(outcome)) show(line)
    return exitCode(outcome)
  } catch (failure) {
    if (!(failure instanceof AuthClientError)) throw failure
    return complain(exit.unavailable, `${socket}: ${failure.message}.`)
  }
}

async function readToken(input: Streams['input']): Promise<string | undefined> {
  let text = ''
  for await (const chunk of input) {
    text += chunk.toString()
    if (text.length > maxInput) return undefined
  }
  return text.trim()
}

/** The fields of a line without what is secret in it, and without base64 that nobody can read. */
function conceal(from: 'C' | 'S', [verb = '', ...fields]: readonly string[]): string[] {
  if (verb === 'COOKIE') return [verb, '<hidden>']
  if (verb === 'CONT') {
    const [id = '', data = ''] = fields
    if (from === 'C' || data === '') return [verb, id, `<${data.length} bytes>`]
    return [verb, id, Buffer.from(data, 'base64').toString('utf8')]
  }
  return [verb, ...fields.map(field => field.replace(/^(resp|pass|token)=(.*)$/s, hide))]
}

function hide(_: string, key: string, value: string): string {
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
