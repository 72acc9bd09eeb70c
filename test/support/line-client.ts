/**
 * A client that speaks lines over TCP, for what curl and msmtp hide: the literal bytes of IMAP, POP3 and SMTP.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { patienceMs } from './process.ts'

export type LineClient = {
  /** Reads until a line satisfies the pattern, and returns it. */
  hear(pattern: RegExp): Promise<string>
  say(line: string): void
  /** Goes over to TLS, after the server has agreed. */
  startTls(ca: string): Promise<void>
  close(): void
}

/** `from`: the client's own address, where it should not be the server's. */
export async function connect(port: number, from = '127.0.0.1'): Promise<LineClient> {
  const tcp = connectTcp({ port, host: '127.0.0.1', localAddress: from })
  const transcript: string[] = []
  let socket: Socket = tcp
  let lines = readLines(tcp)
  await connected(tcp, 'connect')
  return {
    hear: async pattern => {
      for (;;) {
        const line = await lines.next()
        transcript.push(line === undefined ? '(the end)' : `S: ${line}`)
        if (line === undefined) throw new Error(`no ${pattern} from port ${port}:\n${transcript.join('\n')}`)
        if (pattern.test(line)) return line
      }
    },
    say: line => {
      transcript.push(`C: ${line}`)
      socket.write(`${line}\r\n`)
    },
    startTls: async ca => {
      lines.stop()
      socket = connectTls({ socket: tcp, ca, host: '127.0.0.1' })
      lines = readLines(socket)
      await connected(socket, 'secureConnect')
    },
    close: () => socket.destroy(),
  }
}

function connected(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve)
    socket.once('error', reject)
  })
}

/** `next` gives undefined when the connection has ended, or nothing has come for too long. */
function readLines(socket: Socket): { next(): Promise<string | undefined>; stop(): void } {
  let buffer = ''
  let ended = false
  let wake = () => {}
  const read = (data: Buffer) => {
    buffer += data.toString('latin1')
    wake()
  }
  const end = () => {
    ended = true
    wake()
  }
  socket.on('data', read).on('close', end).on('error', end)
  socket.setTimeout(patienceMs, () => socket.destroy())
  return {
    next: async () => {
      for (;;) {
        const length = buffer.indexOf('\r\n')
        if (length >= 0) {
          const line = buffer.slice(0, length)
          buffer = buffer.slice(length + 2)
          return line
        }
        if (ended) return undefined
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    stop: () => void socket.off('data', read),
  }
}
