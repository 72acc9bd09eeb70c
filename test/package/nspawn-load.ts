/**
 * Load: logins at a steady rate, IMAP and submission in turns, each by a connection of its own, whether or not earlier ones
 * have ended. Run in a container by the packaged Node:
 *
 *   node nspawn-load.ts FILE   { rate, tokens, ports }
 *
 * On the end of standard input it starts no more, waits for those under way, and prints what each was answered: `ok`,
 * `later` (a temporary answer, or a connection that ended without one: clients try again), `no` (what a client takes for a
 * wrong password, or a sender for an unknown recipient), `silent` (nothing within a minute).
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export type LoadOrder = {
  readonly rate: number
  /** By address. */
  readonly tokens: Readonly<Record<string, string>>
  readonly ports: { readonly imap: number; readonly smtp: number }
}
type Answer = 'ok' | 'later' | 'no' | 'silent'
export type LoadResult = {
  readonly imap: Readonly<Record<Answer, number>>
  readonly smtp: Readonly<Record<Answer, number>>
  readonly slowestMs: number
  /** When those that were answered `no` began and ended, as Date.now() has it. */
  readonly refused: readonly { readonly began: number; readonly ended: number }[]
  /** The last line of those that weren't `ok`, and how often it came. */
  readonly lines: Readonly<Record<string, number>>
}
type Outcome = { readonly answer: Answer; readonly line?: string }
type Dialogue = (
  say: (line: string) => void,
  hear: () => Promise<string>,
  user: string,
  token: string,
) => Promise<Outcome>

const silentMs = 60_000

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as LoadOrder
const users = Object.entries(order.tokens)

/** RFC 7628 section 3.1, and Google's XOAUTH2, in turns. */
function initialResponse(user: string, token: string, count: number): { mechanism: string; response: string } {
  const [mechanism, text] =
    count % 2 === 0
      ? ['XOAUTH2', `user=${user}\x01auth=Bearer ${token}\x01\x01`]
      : ['OAUTHBEARER', `n,a=${user},\x01auth=Bearer ${token}\x01\x01`]
  return { mechanism, response: Buffer.from(text).toString('base64') }
}

let logins = 0

const imap: Dialogue = async (say, hear, user, token) => {
  const { mechanism, response } = initialResponse(user, token, logins++ >> 1)
  const greeting = await hear()
  if (!greeting.startsWith('* OK')) return { answer: 'later', line: greeting }
  say(`a AUTHENTICATE ${mechanism} ${response}`)
  for (;;) {
    const line = await hear()
    if (line.startsWith('+')) say('')
    else if (line.startsWith('a OK')) break
    else if (line.startsWith('* BYE') || /^a NO .*\[UNAVAILABLE\]/.test(line)) return { answer: 'later', line }
    else if (!line.startsWith('*')) return { answer: 'no', line }
  }
  say('b LOGOUT')
  for (;;) if ((await hear()).startsWith('b OK')) return { answer: 'ok' }
}

const smtp: Dialogue = async (say, hear, user, token) => {
  const { mechanism, response } = initialResponse(user, token, logins++ >> 1)
  const commands = [
    ['', '220'],
    ['EHLO load.example.org', '250'],
    [`AUTH ${mechanism} ${response}`, '235'],
    [`MAIL FROM:<${user}>`, '250'],
    [`RCPT TO:<${user}>`, '250'],
  ]
  for (const [command = '', wanted = ''] of commands) {
    if (command !== '') say(command)
    let line = await hear()
    while (line[3] === '-') line = await hear()
    if (!line.startsWith(wanted))
      return { answer: line.startsWith('4') ? 'later' : 'no', line: `${command.split(' ')[0]}: ${line}` }
  }
  say('QUIT')
  return { answer: 'ok' }
}

function login(port: number, dialogue: Dialogue): Promise<Outcome> {
  const [user, token] = users[logins % users.length] ?? ['', '']
  const socket = connect(port, '127.0.0.1')
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]()
  let said = 'connect'
  const say = (line: string) => {
    said = line.split(' ', 2).join(' ')
    socket.write(`${line}\r\n`)
  }
  const hear = async () => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`closed after ${said}`)
    return value
  }
  return ends(socket, dialogue(say, hear, user, token), () => said)
}

async function ends(socket: Socket, dialogue: Promise<Outcome>, said: () => string): Promise<Outcome> {
  const broken = new Promise<Outcome>(resolve => {
    socket.on('error', error => resolve({ answer: 'later', line: error.message }))
  })
  let timer: NodeJS.Timeout | undefined
  const silent = new Promise<Outcome>(resolve => {
    timer = setTimeout(() => resolve({ answer: 'silent', line: `after ${said()}` }), silentMs)
  })
  const closed = (error: Error): Outcome => ({ answer: 'later', line: error.message })
  const outcome = await Promise.race([dialogue.catch(closed), broken, silent])
  clearTimeout(timer)
  socket.destroy()
  return outcome
}

const none = (): Record<Answer, number> => ({ ok: 0, later: 0, no: 0, silent: 0 })
const result = {
  imap: none(),
  smtp: none(),
  slowestMs: 0,
  refused: [] as { began: number; ended: number }[],
  lines: {} as Record<string, number>,
}
const underWay = new Set<Promise<void>>()

async function count(service: 'imap' | 'smtp'): Promise<void> {
  const began = Date.now()
  const { answer, line } = await login(order.ports[service], service === 'imap' ? imap : smtp)
  result[service][answer]++
  result.slowestMs = Math.max(result.slowestMs, Date.now() - began)
  if (answer === 'ok') return
  if (answer === 'no') result.refused.push({ began, ended: Date.now() })
  // Dovecot adds host and time.
  const key = `${service}, ${answer}: ${line?.replace(/ \[\S+:\d{4}-.*/, '')}`
  result.lines[key] = (result.lines[key] ?? 0) + 1
}

const began = performance.now()
let begun = 0
const timer = setInterval(() => {
  const due = ((performance.now() - began) / 1000) * order.rate
  for (; begun < due; begun++) {
    const one = count(begun % 2 === 0 ? 'imap' : 'smtp').finally(() => underWay.delete(one))
    underWay.add(one)
  }
}, 10)

process.stdin.resume()
process.stdin.on('end', async () => {
  clearInterval(timer)
  await Promise.all(underWay)
  console.log(JSON.stringify(result satisfies LoadResult))
})
