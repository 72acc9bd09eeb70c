/** A session with an smtpd, after EHLO, for tests that speak to the wire. One session is one smtpd process. */
import { readFileSync } from 'node:fs'
import { connect, type LineClient } from './line-client.ts'

export type SmtpSession = LineClient & {
  /** What is answered to RCPT TO, in a transaction that goes no further. */
  recipient(to: string, from?: string): Promise<string>
}

/** `certificate`: a file; then STARTTLS comes first. */
export async function openSmtp(port: number, certificate?: string): Promise<SmtpSession> {
  const wire = await connect(port)
  await wire.hear(/^220 /)
  if (certificate !== undefined) {
    wire.say('STARTTLS')
    await wire.hear(/^220 /)
    await wire.startTls(readFileSync(certificate, 'utf8'))
  }
  wire.say('EHLO mx.example.com')
  await wire.hear(/^250 /)
  return {
    ...wire,
    recipient: async (to, from = 'friend@example.com') => {
      wire.say(`MAIL FROM:<${from}>`)
      await wire.hear(/^250 /)
      wire.say(`RCPT TO:<${to}>`)
      const answer = await wire.hear(/^\d/)
      wire.say('RSET')
      await wire.hear(/^250 /)
      return answer
    },
  }
}
