/**
 * bearerd with sockets that outlive it, as systemd hands them over (sd_listen_fds(3)): a shell holds them, and starts one
 * bearerd after the other with them.
 */
import { chmodSync, linkSync, renameSync } from 'node:fs'
import { createServer } from 'node:net'
import { type Daemon, type Entry, main, parseEntry } from './daemon.ts'
import { must, type Server, startServer } from './process.ts'

export type Socket = { readonly name: string; readonly path: string; readonly mode: number; readonly owner: string }

export type Activated = Daemon & {
  signal(name: NodeJS.Signals): void
  /** Ends it by this signal, and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>
  /** Ends it, and the shell, and with it the sockets. */
  stop(): Promise<void>
}

/** "start" starts one; $$ is its process id after exec. */
const script = `while read -r command; do
  sh -c 'echo "started $$"; LISTEN_PID=$$; export LISTEN_PID; exec "$@"' sh "$@" </dev/null
  echo "ended $?"
done`

export async function startActivated(config: string, sockets: readonly Socket[]): Promise<Activated> {
  const shell = await holdSockets(sockets, [
    'sh',
    '-c',
    script,
    'sh',
    process.execPath,
    main,
    'serve',
    '--config',
    config,
  ])
  let pid: number | undefined
  let from = 0

  async function start(): Promise<void> {
    if (pid !== undefined) return
    from = shell.output().length
    const started = shell.nextLine('started', line => /^started \d+$/.test(line))
    const ready = shell.nextLine('ready', line => parseEntry(line)?.event === 'ready')
    shell.say('start')
    pid = Number((await started).split(' ')[1])
    await ready
  }
  function signal(name: NodeJS.Signals): void {
    if (pid !== undefined) process.kill(pid, name)
  }
  async function end(name: NodeJS.Signals): Promise<void> {
    if (pid === undefined) return
    const ended = shell.nextLine('ended', line => /^ended \d+$/.test(line))
    process.kill(pid, name)
    await ended
    pid = undefined
  }
  const entriesIn = (text: string): Entry[] =>
    text
      .split('\n')
      .map(parseEntry)
      .filter(entry => entry !== undefined)

  await start()
  return {
    log: shell.output,
    entries: () => entriesIn(shell.output()),
    logged: async fields => {
      const has = (entry: Entry | undefined) =>
        entry !== undefined && Object.entries(fields).every(([key, value]) => entry[key] === value)
      const known = entriesIn(shell.output().slice(from)).find(has)
      return known ?? parseEntry(await shell.nextLine(JSON.stringify(fields), line => has(parseEntry(line)))) ?? {}
    },
    next: async (...events) => {
      const wanted = (line: string) => events.includes(String(parseEntry(line)?.event))
      return parseEntry(await shell.nextLine(events.join(' or '), wanted)) ?? {}
    },
    signal,
    reload: () => signal('SIGHUP'),
    start,
    end,
    stop: async () => {
      await end('SIGTERM')
      await shell.stop()
    },
    restart: async () => {
      await end('SIGTERM')
      await start()
    },
  }
}

async function holdSockets(sockets: readonly Socket[], [command = '', ...args]: readonly string[]): Promise<Server> {
  const servers = sockets.map(({ path }) => ({ path, server: createServer().listen(path) }))
  await Promise.all(servers.map(({ server }) => new Promise(resolve => server.once('listening', resolve))))
  for (const { path, mode, owner } of sockets) {
    chmodSync(path, mode)
    await must('chown', owner, path)
  }
  const descriptors = servers.map(({ server }) => (server as unknown as { _handle: { fd: number } })._handle.fd)
  const variables = { LISTEN_FDS: String(sockets.length), LISTEN_FDNAMES: sockets.map(({ name }) => name).join(':') }
  const holder = startServer(command, args, { descriptors, variables })
  // Closing them here removes their paths.
  for (const { path, server } of servers) {
    linkSync(path, `${path}.kept`)
    await new Promise(resolve => server.close(resolve))
    renameSync(`${path}.kept`, path)
  }
  return holder
}
