/** One login with a password, as a client says it to the server of each protocol, and the line that this answers. */
import { type PasswordLogin, plain } from './clients.ts'
import { connect, type LineClient } from './line-client.ts'
import { openSmtp } from './smtp.ts'

/** RFC 9051 section 4.3: a quoted string. */
const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

/** A session that has logged in, or was refused, by the command LOGIN. */
export async function imapSession(
  port: number,
  { user, password }: PasswordLogin,
): Promise<{ wire: LineClient; answer: string }> {
  const wire = await connect(port)
  await wire.hear(/^\* OK/)
  wire.say(`a LOGIN ${quoted(user)} ${quoted(password)}`)
  return { wire, answer: await wire.hear(/^a /) }
}

export async function imapLogin(port: number, login: PasswordLogin): Promise<string> {
  const { wire, answer } = await imapSession(port, login)
  wire.close()
  return answer
}

/** USER and PASS. */
export async function pop3Login(port: number, { user, password }: PasswordLogin): Promise<string> {
  const wire = await connect(port)
  await wire.hear(/^\+OK/)
  wire.say(`USER ${user}`)
  await wire.hear(/^\+OK/)
  wire.say(`PASS ${password}`)
  const answer = await wire.hear(/./)
  wire.close()
  return answer
}

/** AUTH PLAIN; with a certificate, after STARTTLS. */
export async function smtpLogin(
  { port, certificate }: { port: number; certificate?: string },
  login: PasswordLogin,
): Promise<string> {
  const wire = await openSmtp(port, certificate)
  wire.say(`AUTH PLAIN ${plain(login)}`)
  const answer = await wire.hear(/^[2345]\d\d /)
  wire.close()
  return answer
}
