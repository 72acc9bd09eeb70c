/**
 * `bearerd auth-test`: logs in at an auth socket with a token or a password from standard input, and shows the exchange, as
 * `doveadm auth test` can't for OAuth. Works with Dovecot's own auth process too.
 *
 * Exit code 0: accepted. 1: refused. 69: no verdict; what a mail client would see as a temporary failure. Neither token nor
 * password is shown, in whatever form it comes back.
 */
import { isIP } from 'node:net'
import { escaped } from '../escape.ts'
import { AuthClientError, connectAuth, isMechanism, type LoginOutcome, takesPassword } from './auth-client.ts'
import { exit } from './exit.ts'
import { createHider } from './hider.ts'
import { ourStreams, readSecret, type Streams } from './secret-input.ts'

export type AuthTestOptions = {
  readonly socket: string
  readonly mech: string
  readonly user?: string | undefined
  readonly service: string
  /** `rip=`, for passwords that are restricted to networks. */
  readonly remote?: string | undefined
}

export async function runAuthTest(options: AuthTestOptions, streams: Streams = ourStreams): Promise<number> {
  const { output, error } = streams
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
  const read = await readSecret(streams, kind)
  if ('problem' in read) return complain(exit.usage, `There is ${read.problem} on standard input.`)

  const hide = createHider(read.secret, kind)
  const show = (text: string) => output.write(`${escaped(hide(text))}\n`)
  try {
    const client = await connectAuth(socket, {
      trace: (from, fields) => show(`${from}: ${conceal(from, fields).join(' ')}`),
    })
    if (!client.mechanisms.includes(mechanism)) {
      client.close()
      const offered = client.mechanisms.map(escaped).join(', ')
      return complain(exit.no, `${mechanism} is not on offer here. Take one of ${offered}; or ${howToOffer(kind)}.`)
    }
    // Few clients send the name with LOGIN itself.
    const initialResponse = mechanism !== 'LOGIN'
    const parameters = remote === undefined ? [] : [`rip=${remote}`]
    const outcome = await client.login({ mechanism, user, token: read.secret, service, parameters, initialResponse })
    client.close()
    for (const line of conclude(outcome, { kind, user })) show(line)
    return exitCode(outcome)
  } catch (failure) {
    if (!(failure instanceof AuthClientError)) throw failure
    const cure =
      'See whether it is the right socket, and whether bearerd runs: "systemctl status bearerd", "bearerd doctor".'
    return complain(exit.unavailable, `${socket}: ${failure.message}.\n${cure}`)
  }
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

type Tried = { readonly kind: 'password' | 'token'; readonly user: string | undefined }

/** What came of it, and last what to do now. */
function conclude(outcome: LoginOutcome, tried: Tried): string[] {
  switch (outcome.kind) {
    case 'accepted':
      return [
        `accepted as ${outcome.user}`,
        'Nothing to mend here. If mail clients are refused all the same: "bearerd doctor" looks at Dovecot and Postfix.',
      ]
    case 'lost':
      return [`no verdict: ${outcome.why}`, 'Postfix tells its client 454, a temporary failure.', findCause]
    case 'refused': {
      const { code, reason } = outcome
      if (code === 'temp_fail') return ['no verdict: temporary failure', findCause]
      const details = [code, reason].filter(detail => detail !== undefined).join(', ')
      return [`refused${details === '' ? '' : ` (${details})`}`, findReason(tried)]
    }
  }
}

const findCause =
  'Run "bearerd doctor" to see what is down; "journalctl -u bearerd" has the cause that was met with here.'

function findReason({ kind, user }: Tried): string {
  const log = '"journalctl -u bearerd -n 20" has the reason and its cure'
  if (kind === 'password')
    return `${log}; "bearerd app-password list${user ? ` ${argument(user)}` : ''}" shows what there is.`
  return `Run "bearerd explain-token${user ? ` --user ${argument(user)}` : ''} < TOKEN-FILE" to see every check; ${log}.`
}

function howToOffer(kind: Tried['kind']): string {
  return kind === 'password' ? 'see that app-passwords.enabled is not false' : 'add a [directory.NAME] to bearerd.toml'
}

/** As a shell takes it. */
function argument(text: string): string {
  return /^[\w@.+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

function exitCode(outcome: LoginOutcome): number {
  if (outcome.kind === 'accepted') return exit.done
  return outcome.kind === 'refused' && outcome.code !== 'temp_fail' ? exit.no : exit.unavailable
}
