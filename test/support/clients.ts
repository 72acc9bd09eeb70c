/**
 * Mail clients as people use them: curl, msmtp and swaks. And the SASL messages, for tests that speak to the wire.
 */
import { type AddressInfo, connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { type Result, run } from './process.ts'

export type Login = { readonly user: string; readonly token: string }
export type PasswordLogin = { readonly user: string; readonly password: string }

/** RFC 7628 section 3.1, in base64. */
export function oauthbearer({ user, token }: Login): string {
  return base64(`n,a=${user},\x01host=mail.example.org\x01port=993\x01auth=Bearer ${token}\x01\x01`)
}

export function xoauth2({ user, token }: Login): string {
  return base64(`user=${user}\x01auth=Bearer ${token}\x01\x01`)
}

/** RFC 4616. */
export function plain({ user, password }: PasswordLogin): string {
  return base64(`\0${user}\0${password}`)
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** The JSON of a failed login, from the line that has it in base64 at its end: "+ …" or "334 …". */
export function challenge(line: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(line.replace(/^\S+ /, ''), 'base64').toString())
}

/**
 * curl with the dialogue in `stderr`: "> " what it said, "< " what it heard. With a token it takes OAUTHBEARER where
 * offered, with a password the mechanism that `--login-options` names (AUTH=PLAIN).
 */
export function curl(url: string, login: Login | PasswordLogin, args: readonly string[] = [], input?: string) {
  const who =
    'token' in login
      ? ['--user', `${login.user}:`, '--oauth2-bearer', login.token]
      : ['--user', `${login.user}:${login.password}`]
  return run('curl', ['-sv', '--max-time', '15', ...who, ...args, url], input)
}

/** An smtpd for submission. */
export type Submission = { readonly port: number; readonly certificate: string }

export type Envelope = { readonly from: string; readonly to: string }

export function curlMail(
  { port, certificate }: Submission,
  login: Login | PasswordLogin,
  { from, to }: Envelope,
): Promise<Result> {
  const mail = ['--mail-from', from, '--mail-rcpt', to, '--upload-file', '-']
  return curl(
    `smtp://127.0.0.1:${port}`,
    login,
    ['--ssl-reqd', '--cacert', certificate, ...mail],
    message({ from, to }),
  )
}

/** msmtp with the dialogue in `stdout`. It takes the mechanism that it is told to. */
export function msmtp(
  { port, certificate }: Submission,
  mechanism: 'oauthbearer' | 'xoauth2' | 'plain' | 'login',
  login: Login | PasswordLogin,
  { from, to }: Envelope,
): Promise<Result> {
  const server = ['--host=127.0.0.1', `--port=${port}`, '--tls=on', `--tls-trust-file=${certificate}`]
  const secret = 'token' in login ? login.token : login.password
  const who = [`--auth=${mechanism}`, `--user=${login.user}`, `--passwordeval=echo ${secret}`]
  return run('msmtp', ['--debug', ...server, ...who, `--from=${from}`, to], message({ from, to }))
}

/** swaks with the dialogue in `stdout`: a mail server that hands us a message, or Postfix handing one to LMTP. */
export function swaks(server: { port: number } | { lmtp: string }, { from, to }: Envelope): Promise<Result> {
  const where =
    'port' in server ? [`--server=127.0.0.1:${server.port}`] : [`--socket=${server.lmtp}`, '--protocol=LMTP']
  const mail = ['--helo=mx.example.net', `--from=${from}`, `--to=${to}`, '--data=-']
  return run('swaks', [...where, ...mail], message({ from, to }))
}

/** swaks as a mail client that has a password, under TLS. */
export function swaksSubmit(
  { port, certificate }: Submission,
  mechanism: 'PLAIN' | 'LOGIN',
  { user, password }: PasswordLogin,
  { from, to }: Envelope,
): Promise<Result> {
  const server = [`--server=127.0.0.1:${port}`, '--tls', '--tls-verify', `--tls-ca-path=${certificate}`]
  const login = [`--auth=${mechanism}`, `--auth-user=${user}`, `--auth-password=${password}`]
  const mail = ['--helo=client.example.org', `--from=${from}`, `--to=${to}`, '--data=-']
  return run('swaks', [...server, ...login, ...mail], message({ from, to }))
}

function message({ from, to }: Envelope): string {
  return `From: ${from}\nTo: ${to}\nSubject: Greetings\n\nHello from ${from} to ${to}.\n`
}

/**
 * A port that leads to another one and leaves a mechanism, or a pattern of them, out of what the server offers. curl
 * takes OAUTHBEARER wherever that is offered, also when told `--login-options AUTH=XOAUTH2` (lib/curl_sasl.c: with a
 * bearer token, both are preferred and the option only adds to them), and the command LOGIN only where no mechanism is
 * left; a Dovecot has no setting to offer less than its auth server does.
 */
export async function withoutMechanism(name: string, port: number): Promise<{ port: number; close(): void }> {
  const offer = new RegExp(` (AUTH=)?${name}(?![-\\w])`, 'g')
  const server = createServer(client => {
    const upstream = connect(port, '127.0.0.1')
    client.on('data', data => upstream.write(data))
    createInterface({ input: upstream }).on('line', line => {
      client.write(`${line.replace(offer, '')}\r\n`)
    })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('close', () => other.destroy())
      socket.on('error', () => other.destroy())
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}
