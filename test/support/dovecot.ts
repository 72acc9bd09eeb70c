/**
 * A Dovecot of a test's own: its own base_dir, state, logs and ports on loopback. The settings that matter are those of
 * docs/howto/dovecot.md; here is only what makes it a second Dovecot that touches nothing of the first.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { settings } from './howto.ts'
import { eventually, freePort, type Result, run, startServer } from './process.ts'

export type Dovecot = {
  readonly ports: { readonly imap: number; readonly pop3: number; readonly submission: number }
  doveadm(...args: string[]): Promise<Result>
  log(): string
  stop(): Promise<void>
}

export type DovecotOptions = {
  /** An empty folder. */
  readonly folder: string
  /** What stands for /run/bearerd. */
  readonly bearerd: string
  /** What stands for /var/spool/postfix; without it, there is no LMTP. */
  readonly queue?: string
  /** Where submission hands on what it is given. */
  readonly relay?: number
}

export async function startDovecot({ folder, bearerd, queue, relay }: DovecotOptions): Promise<Dovecot> {
  const ports = { imap: await freePort(), pop3: await freePort(), submission: await freePort() }
  const log = join(folder, 'log')
  writeFileSync(log, '')
  for (const name of ['base', 'state']) mkdirSync(join(folder, name))
  const listener = (service: 'imap' | 'pop3' | 'submission', others: string[]) => [
    `service ${service}-login {`,
    `inet_listener ${service} {`,
    `port = ${ports[service]}`,
    '}',
    ...others.flatMap(name => [`inet_listener ${name} {`, 'port = 0', '}']),
    '}',
  ]
  const own = [
    `base_dir = ${folder}/base`,
    `state_dir = ${folder}/state`,
    `instance_name = bearerd-test`,
    `log_path = ${log}`,
    'auth_verbose = yes',
    'listen = 127.0.0.1',
    'protocols = imap pop3 submission lmtp',
    'ssl = no',
    // Stops the warning about too few file descriptors, on machines that allow few.
    'default_client_limit = 100',
    'default_process_limit = 20',
    ...listener('imap', ['imaps']),
    ...listener('pop3', ['pop3s']),
    ...listener('submission', ['submissions']),
    'submission_relay_host = 127.0.0.1',
    `submission_relay_port = ${relay ?? 1}`,
    'submission_relay_trusted = no',
  ]
  const howto = settings('dovecot', '# /etc/dovecot/conf.d/99-bearerd.conf', { '/run/bearerd': bearerd })
  const lmtp =
    queue === undefined
      ? ''
      : settings('dovecot', '# /etc/dovecot/conf.d/99-bearerd.conf: mail from Postfix', { '/var/spool/postfix': queue })
  const file = join(folder, 'dovecot.conf')
  writeFileSync(file, `${own.join('\n')}\n${howto}\n${lmtp}`)

  const server = startServer('dovecot', ['-c', file, '-F'])
  const read = () => readFileSync(log, 'utf8') + server.output()
  await eventually('Dovecot is up', async () => {
    const text = read()
    if (/Fatal|Error: service/.test(text)) throw new Error(text)
    return /starting up/.test(text) || undefined
  })
  return {
    ports,
    doveadm: (...args) => run('doveadm', ['-c', file, ...args]),
    log: read,
    stop: () => server.stop(),
  }
}
