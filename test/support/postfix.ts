/**
 * A Postfix of a test's own: its own configuration, queue and data directories, log and ports on loopback; smtpd in its
 * chroot, as on Debian. The settings that matter are those of docs/howto/postfix.md; here is only what makes it a second
 * Postfix that touches nothing of the first, takes loopback for strangers, and sends no mail anywhere else.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, freePort, must, type Result, run, startServer } from './process.ts'

export type Postfix = {
  readonly ports: { readonly smtp: number; readonly submission: number; readonly submissions: number }
  /** Ports of `extra` services, in their order. */
  readonly extra: readonly number[]
  /** `postmap -q key table`. */
  lookup(key: string, table: string): Promise<Result>
  log(): string
  /** The first line of the mail log, past or future, that matches. */
  logged(pattern: RegExp): Promise<string>
  stop(): Promise<void>
}

export type PostfixOptions = {
  /** An empty folder. */
  readonly folder: string
  /** The queue directory, from `prepareQueue`. */
  readonly queue: string
  readonly tls: { readonly certificate: string; readonly key: string }
  readonly main: string
  readonly master: string
  /** Further smtpd services: the `-o` lines of each. */
  readonly extra?: readonly string[]
}

/** The queue directory with bearerd's folder in it: the sockets are there before Postfix starts. */
export async function prepareQueue(queue: string): Promise<void> {
  mkdirSync(join(queue, 'bearerd'), { recursive: true })
  mkdirSync(join(queue, 'private'))
  await must('chown', 'postfix:root', join(queue, 'private'))
  await must('chmod', '0700', join(queue, 'private'))
  await must('chown', 'root:postfix', join(queue, 'bearerd'))
  await must('chmod', '2750', join(queue, 'bearerd'))
}

export async function startPostfix({ folder, queue, tls, ...rest }: PostfixOptions): Promise<Postfix> {
  const ports = { smtp: await freePort(), submission: await freePort(), submissions: await freePort() }
  const extra = await Promise.all((rest.extra ?? []).map(() => freePort()))
  const log = join(folder, 'log')
  const data = join(folder, 'data')
  const etc = join(folder, 'etc')
  for (const path of [data, etc]) mkdirSync(path)
  await must('chown', 'postfix', data)

  writeFileSync(join(etc, 'main.cf'), `${ownSettings(queue, data, log, tls)}\n${rest.main}`)
  const own = rest.master
    .replace(/^submission inet/m, `127.0.0.1:${ports.submission} inet`)
    .replace(/^submissions inet/m, `127.0.0.1:${ports.submissions} inet`)
  const further = (rest.extra ?? []).map((lines, index) => `127.0.0.1:${extra[index]} inet n - y - - smtpd\n${lines}`)
  const smtpd = `127.0.0.1:${ports.smtp} inet n - y - - smtpd`
  writeFileSync(join(etc, 'master.cf'), [services, smtpd, own, ...further, ''].join('\n'))

  writeFileSync(log, '')
  const read = () => readFileSync(log, 'utf8')
  const { code, stderr } = await run('postfix', ['-c', etc, 'check'])
  if (code !== 0) throw new Error(`Postfix does not start:\n${stderr}${read()}`)
  const daemons = (await must('postconf', '-c', etc, '-h', 'daemon_directory')).trim()
  const server = startServer(join(daemons, 'master'), ['-c', etc, '-d'])
  const logged = (pattern: RegExp) =>
    eventually(`${pattern} in the mail log`, () =>
      read()
        .split('\n')
        .find(line => pattern.test(line)),
    )
  await logged(/daemon started/)
  return {
    ports,
    extra,
    lookup: (key, table) => run('postmap', ['-c', etc, '-q', key, table]),
    log: read,
    logged,
    stop: () => server.stop(),
  }
}

function ownSettings(queue: string, data: string, log: string, tls: PostfixOptions['tls']): string {
  return `compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
maillog_file = ${log}
maillog_file_prefixes = ${log}
myhostname = mail.example.org
mydestination =
mynetworks = 192.0.2.0/24
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
smtpd_peername_lookup = no
default_transport = discard:
smtpd_tls_security_level = may
smtpd_tls_chain_files = ${tls.key}, ${tls.certificate}
`
}

/** What Debian's master.cf starts of Postfix itself; the fifth column says what is in the chroot. */
const services = `
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
rewrite   unix  -       -       y       -       -       trivial-rewrite
bounce    unix  -       -       y       -       0       bounce
defer     unix  -       -       y       -       0       bounce
trace     unix  -       -       y       -       0       bounce
verify    unix  -       -       y       -       1       verify
proxymap  unix  -       -       n       -       -       proxymap
error     unix  -       -       y       -       -       error
retry     unix  -       -       y       -       -       error
discard   unix  -       -       y       -       -       discard
lmtp      unix  -       -       y       -       -       lmtp
anvil     unix  -       -       y       -       1       anvil
postlog   unix-dgram n  -       n       -       1       postlogd
`
