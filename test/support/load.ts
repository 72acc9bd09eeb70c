/**
 * Load: mail clients that log in all the time, over IMAP, POP3 and SMTP, each as a user of its own, one login after the other,
 * and what each of them heard.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type Login, xoauth2 } from './clients.ts'
import { connect, type LineClient } from './line-client.ts'

export type Tally = {
  good: number
  /** "[UNAVAILABLE]", "[SYS/TEMP]", "454": the client tries again, and its user hears nothing of it. */
  readonly temporary: string[]
  /** "[AUTHENTICATIONFAILED]", "[AUTH]", "535": its user is asked for her password. */
  readonly permanent: string[]
  /** Everything else: no answer above all. */
  readonly odd: string[]
}

const protocols = { imap, pop3, smtp }
export type Protocol = keyof typeof protocols

export type Load = {
  /** What was heard since the last time. A login that is under way counts for the next. */
  take(): Record<Protocol, Tally>
  /** Resolves when each client has heard what became of a login that it began after this. */
  everyOne(): Promise<void>
  stop(): Promise<void>
}

type Client = { readonly protocol: Protocol; readonly port: number; readonly login: Login }

/** Clients rest for so long between two logins: together they make some two hundred in a second, if the machine can. */
const restMs = 60

export function startLoad(clients: readonly Client[]): Load {
  let tallies = newTallies()
  let stopped = false
  const begun = clients.map(() => 0)
  const ended = clients.map(() => 0)

  const run = async (client: Client, index: number): Promise<void> => {
    await pause(restMs * Math.random())
    while (!stopped) {
      begun[index] = (begun[index] ?? 0) + 1
      const heard = await protocols[client.protocol](client).catch(String)
      note(tallies[client.protocol], heard)
      ended[index] = (ended[index] ?? 0) + 1
      await pause(restMs)
    }
  }
  const runs = clients.map(run)
  return {
    take: () => {
      const taken = tallies
      tallies = newTallies()
      return taken
    },
    everyOne: async () => {
      const from = [...begun]
      while (ended.some((count, index) => count <= (from[index] ?? 0))) await pause(10)
    },
    stop: async () => {
      stopped = true
      await Promise.all(runs)
    },
  }
}

const newTally = (): Tally => ({ good: 0, temporary: [], permanent: [], odd: [] })
const newTallies = () => ({ imap: newTally(), pop3: newTally(), smtp: newTally() })

function note(tally: Tally, heard: string): void {
  if (/^a OK|^\+OK|^235 /.test(heard)) tally.good++
  else if (/^a NO \[UNAVAILABLE\]|^-ERR \[SYS\/TEMP\]|^454 /.test(heard)) tally.temporary.push(heard)
  else if (/^a NO \[AUTHENTICATIONFAILED\]|^-ERR \[AUTH\]|^535 /.test(heard)) tally.permanent.push(heard)
  else tally.odd.push(heard)
}

/** Gives the line that answers the login. */
async function imap({ port, login }: Client): Promise<string> {
  return converse(port, async client => {
    await client.hear(/^\* OK (?!Waiting)/)
    client.say(`a AUTHENTICATE XOAUTH2 ${xoauth2(login)}`)
    const heard = await client.hear(/^a /)
    if (heard.startsWith('a OK')) {
      client.say('b LOGOUT')
      await client.hear(/^b OK/)
    }
    return heard
  })
}

async function pop3({ port, login }: Client): Promise<string> {
  return converse(port, async client => {
    await client.hear(/^\+OK (?!Waiting)/)
    client.say(`AUTH XOAUTH2 ${xoauth2(login)}`)
    const heard = await client.hear(/^(\+OK|-ERR)/)
    if (heard.startsWith('+OK')) {
      client.say('QUIT')
      await client.hear(/^\+OK/)
    }
    return heard
  })
}

async function smtp({ port, login }: Client): Promise<string> {
  return converse(port, async client => {
    await client.hear(/^220 /)
    client.say('EHLO client.example.org')
    await client.hear(/^250 /)
    client.say(`AUTH XOAUTH2 ${xoauth2(login)}`)
    const heard = await client.hear(/^\d{3} /)
    client.say('QUIT')
    return heard
  })
}

async function converse(port: number, talk: (client: LineClient) => Promise<string>): Promise<string> {
  const client = await connect(port)
  try {
    return await talk(client)
  } finally {
    client.close()
  }
}
