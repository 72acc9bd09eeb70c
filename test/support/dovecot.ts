/**
 * A Dovecot of a test's own: its own base_dir, state, log and ports on loopback. The settings that matter are those of
 * docs/howto/dovecot.md; here is only what makes it a second Dovecot that touches nothing of the first.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { settings } from './howto.ts'
import { eventually, freePort, type Result, run, startServer } from './process.ts'

type Ports = Readonly<Record<'imap' | 'imaps' | 'pop3' | 'submission', number>>

export type Dovecot = {
  readonly ports: Ports
  /** dovecot.conf. */
  readonly config: string
  doveadm(...args: string[]): Promise<Result>
  log(): string
  stop(): Promise<void>
}

export type DovecotOptions = {
  /** An empty folder. */
  readonly folder: string
  /** What stands for /run/bearerd. */
  readonly bearerd: string
  /** What stands for /var/spool/postfix. */
  readonly queue: string
  readonly tls: { readonly certificate: string; readonly key: string }
  /** The port of an SMTP server, to which submission hands on what it is given. */
  readonly relay: number
  /** Further settings. */
  readonly extra?: string
}

export async function startDovecot({
  folder,
  bearerd,
  queue,
  tls,
  relay,
  extra = '',
}: DovecotOptions): Promise<Dovecot> {
  const ports = {
    imap: await freePort(),
    imaps: await freePort(),
    pop3: await freePort(),
    submission: await freePort(),
  }
  for (const name of ['base', 'state']) mkdirSync(join(folder, name))
  const log = join(folder, 'log')
  writeFileSync(log, '')
  const page = '# /etc/dovecot/conf.d/99-bearerd.conf'
  const config = [
    ownSettings(folder, log, ports),
    `ssl_cert = <${tls.certificate}\nssl_key = <${tls.key}`,
    `submission_relay_host = 127.0.0.1\nsubmission_relay_port = ${relay}\n`,
    settings('dovecot', page, { '/run/bearerd': bearerd }),
    settings('dovecot', `${page}: mail from Postfix`, { '/var/spool/postfix': queue }),
    settings('dovecot', `${page}: quota`),
    extra,
  ]
  const file = join(folder, 'dovecot.conf')
  writeFileSync(file, config.join('\n'))

  const server = startServer('dovecot', ['-c', file, '-F'])
  const read = () => readFileSync(log, 'utf8') + server.output()
  await eventually('Dovecot starts', () => {
    const text = read()
    if (!server.running()) throw new Error(`Dovecot does not start:\n${text}`)
    return text.includes('starting up') || undefined
  })
  return {
    ports,
    config: file,
    doveadm: (...args) => run('doveadm', ['-c', file, ...args]),
    log: read,
    stop: () => server.stop(),
  }
}

function ownSettings(folder: string, log: string, ports: Ports): string {
  return `base_dir = ${folder}/base
state_dir = ${folder}/state
instance_name = bearerd-test
log_path = ${log}
listen = 127.0.0.1
protocols = imap pop3 submission lmtp
# A container may allow few file descriptors.
default_client_limit = 100
default_process_limit = 20
service imap-login {
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${ports.imaps}
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${ports.pop3}
  }
  inet_listener pop3s {
    port = 0
  }
}
service submission-login {
  inet_listener submission {
    port = ${ports.submission}
  }
  inet_listener submissions {
    port = 0
  }
}
`
}
