/**
 * bearerd as it is delivered (`dist/main.js serve`), started by a test with a configuration file of its own.
 */
import { fileURLToPath } from 'node:url'
import { type Server, startServer } from './process.ts'

export const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** One line of its log: a JSON object. */
export type Entry = Readonly<Record<string, unknown>>

export type Daemon = {
  /** All it has written, in every life. */
  log(): string
  entries(): Entry[]
  /** The first entry, past or future, of the present life that has all of these fields. */
  logged(fields: Entry): Promise<Entry>
  /** The next entry of one of these events. */
  next(...events: string[]): Promise<Entry>
  reload(): void
  stop(): Promise<void>
  /** Starts it again with the same configuration, unless it runs. */
  start(): Promise<void>
  restart(): Promise<void>
}

export async function startDaemon(config: string): Promise<Daemon> {
  const lives: Server[] = []
  let current = await begin()

  async function begin(): Promise<Server> {
    const server = startServer(process.execPath, [main, 'serve', '--config', config])
    lives.push(server)
    await server.line('ready', line => parseEntry(line)?.event === 'ready')
    return server
  }
  const log = () => lives.map(server => server.output()).join('\n')
  const stop = () => current.stop()
  const start = async () => {
    if (!current.running()) current = await begin()
  }
  return {
    log,
    entries: () =>
      log()
        .split('\n')
        .map(parseEntry)
        .filter(entry => entry !== undefined),
    logged: async fields => {
      const has = (entry: Entry | undefined) =>
        entry !== undefined && Object.entries(fields).every(([key, value]) => entry[key] === value)
      return parseEntry(await current.line(JSON.stringify(fields), line => has(parseEntry(line)))) ?? {}
    },
    next: async (...events) => {
      const wanted = (line: string) => events.includes(String(parseEntry(line)?.event))
      return parseEntry(await current.nextLine(events.join(' or '), wanted)) ?? {}
    },
    reload: () => current.signal('SIGHUP'),
    stop,
    start,
    restart: async () => {
      await stop()
      await start()
    },
  }
}

/** A line that isn't JSON is a stack trace, or something that Node itself had to say. */
export function parseEntry(line: string): Entry | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
