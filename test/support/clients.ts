/**
 * Mail clients as people use them: curl, msmtp and swaks. And the SASL messages, for tests that speak to the wire.
 */
import { type AddressInfo, connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { type Result, run } from './process.ts'

export type Login = { readonly user: string; readonly token: string }

/** RFC 7628 section 3.1, in base64. */
export function oauthbearer({ user, token }: Login): string {
  return base64(`n,a=${user},\x01host=mail.example.org\x01port=993\x01auth=Bearer ${token}\x01\x01`)
}

export function xoauth2({ user, token }: Login): string {
  return base64(`user=${user}\x01auth=Bearer ${token}\x01\x01`)
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** The JSON of a failed login, from the line that has it in base64 at its end: "+ …" or "334 …". */
export function challenge(line: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(line.replace(/^\S+ /, ''), 'base64').toString())
}

/** curl with the dialogue in `stderr`: "> " what it said, "< " what it heard. It takes OAUTHBEARER where offered. */
export function curl(url: string, { user, token }: Login, args: readonly string[] = [], input?: string) {
  return run('curl', ['-sv', '--max-time', '15', '--user', `${user}:`, '--oauth2-bearer', token, ...args, url], input)
}

/** An smtpd for submission. */
export type Submission = { readonly port: number; readonly certificate: string }

export type Envelope = { readonly from: string; readonly to: string }

export function curlMail({ port, certificate }: Submission, login: Login, { from, to }: Envelope): Promise<Result> {
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
  mechanism: 'oauthbearer' | 'xoauth2',
  { user, token }: Login,
  { from, to }: Envelope,
): Promise<Result> {
  const server = ['--host=127.0.0.1', `--port=${port}`, '--tls=on', `--tls-trust-file=${certificate}`]
  const login = [`--auth=${mechanism}`, `--user=${user}`, `--passwordeval=echo ${token}`]
  return run('msmtp', ['--debug', ...server, ...login, `--from=${from}`, to], message({ from, to }))
}

/** swaks with the dialogue in `stdout`: a mail server that hands us a message, or Postfix handing one to LMTP. */
export function swaks(server: { port: number } | { lmtp: string }, { from, to }: Envelope): Promise<Result> {
  const where =
    'port' in server ? [`--server=127.0.0.1:${server.port}`] : [`--socket=${server.lmtp}`, '--protocol=LMTP']
  const mail = ['--helo=mx.example.net', `--from=${from}`, `--to=${to}`, '--data=-']
  return run('swaks', [...where, ...mail], message({ from, to }))
}

function message({ from, to }: Envelope): string {
  return `From: ${from}\nTo: ${to}\nSubject: Greetings\n\nHello from ${from} to ${to}.\n`
}

/**
 * A port that leads to another one and leaves a mechanism out of what the server offers. curl takes OAUTHBEARER wherever
 * that is offered, also when told `--login-options AUTH=XOAUTH2` (lib/curl_sasl.c: with a bearer token, both are
 * preferred and the option only adds to them); a Dovecot has no setting to offer less than its auth server does.
 */
export async function withoutMechanism(name: string, port: number): Promise<{ port: number; close(): void }> {
  const server = createServer(client => {
    const upstream = connect(port, '127.0.0.1')
    client.on('data', data => upstream.write(data))
    createInterface({ input: upstream }).on('line', line => {
      client.write(`${line.replace(new RegExp(` (AUTH=)?${name}\\b`), '')}\r\n`)
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
