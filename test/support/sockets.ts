/** Real Unix sockets for the tests of net/: folders of their own, and a client that can wait for what it is sent. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export function makeFolder(t: Pick<TestContext, 'after'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'bearerd-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export type Client = {
  readonly socket: Socket
  /** Resolves with all that was received so far, once it contains the text. Rejects if the connection ends before. */
  receive(text: string): Promise<string>
  /** Resolves when the server has hung up. */
  readonly closed: Promise<void>
}

export async function connectClient(t: Pick<TestContext, 'after'>, path: string): Promise<Client> {
  const socket = connect(path)
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  let received = ''
  const look = new Set<() => void>()
  socket.on('data', bytes => {
    received += bytes
    for (const check of look) check()
  })
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  const receive = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const check = () => {
        if (!received.includes(text)) return
        look.delete(check)
        resolve(received)
      }
      look.add(check)
      check()
      void closed.then(() => reject(new Error(`closed after: ${received}`)))
    })
  return { socket, receive, closed }
}
