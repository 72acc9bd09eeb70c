/**
 * Small clients of the lookup sockets: one question on a connection of its own, as `postmap -q`, an smtpd and Dovecot's
 * mail processes ask it.
 */
import { connect } from 'node:net'

/** As long as Postfix waits for an auth server. */
const patienceMs = 10_000

/** socketmap_table(5): "OK alice@example.org", "NOTFOUND " … */
export function askSocketmap(path: string, map: string, key: string): Promise<string> {
  const payload = `${map} ${key}`
  return ask(path, `${Buffer.byteLength(payload)}:${payload},`, reply => /^\d+:(.*),$/s.exec(reply)?.[1])
}

/** SMTPD_POLICY_README: "DUNNO", "550 5.1.1 User unknown" … */
export function askPolicy(path: string, recipient: string): Promise<string> {
  const request = `request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nrecipient=${recipient}\n\n`
  return ask(path, request, reply => /^action=(.*)\n\n$/s.exec(reply)?.[1])
}

/** Dovecot's auth-master protocol: the line that answers a command, whose first argument is its id. */
export function askMaster(path: string, command: string): Promise<string> {
  const [, id = ''] = command.split('\t')
  const isAnswer = new RegExp(`^([A-Z]+\t${id}(\t.*)?)\n`, 'm')
  return ask(path, `VERSION\t1\t1\n${command}\n`, reply => isAnswer.exec(reply)?.[1])
}

/** Writes a request and resolves with what `read` makes of the reply, as soon as it makes anything. */
function ask(path: string, request: string, read: (reply: string) => string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = ''
    const socket = connect(path, () => socket.write(request))
    socket.setEncoding('utf8').setTimeout(patienceMs, () => socket.destroy(new Error(`no answer at ${path}`)))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`${path}: closed without an answer`)))
    socket.on('data', text => {
      reply += text
      const answer = read(reply)
      if (answer === undefined) return
      resolve(answer)
      socket.destroy()
    })
  })
}
