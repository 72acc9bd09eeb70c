/** A process that serves the listening socket it was given as descriptor 3, as a daemon under systemd does. */
import { lines } from '../../src/net/framing.ts'
import { listen } from '../../src/net/listener.ts'
import { createRecorder } from './log.ts'

const listener = await listen(
  {
    name: 'inherited',
    protocol: 'dovecot-auth',
    path: '/nowhere',
    mode: 0o600,
    group: 'no-such-group',
    xoauth2Challenge: 'auto',
  },
  {
    framer: () => lines({ maxBytes: 100 }),
    open: wire => ({ receive: line => wire.send(`${line}!\n`), closed: () => {} }),
  },
  { connections: 10, requests: 10, tokenBytes: 100 },
  createRecorder(),
  3,
)
process.stdin.once('data', () => void listener.close().then(() => process.exit(0)))
