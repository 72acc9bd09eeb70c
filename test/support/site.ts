/**
 * Site: an OpenID provider, bearerd, Dovecot and Postfix, put together as docs/howto says, in a folder under /tmp. Each
 * interop test file has one of its own, and stops it at its end; when a test fails, it prints what the servers logged.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, beforeEach } from 'node:test'
import { type Daemon, main, startDaemon } from './daemon.ts'
import { type Dovecot, startDovecot } from './dovecot.ts'
import { settings } from './howto.ts'
import { type Postfix, prepareQueue, startPostfix } from './postfix.ts'
import { must, type Result, run } from './process.ts'
import { startProvider, type TestProvider } from './provider.ts'

export type Site = {
  readonly folder: string
  readonly provider: TestProvider
  readonly daemon: Daemon
  readonly dovecot: Dovecot
  readonly postfix: Postfix
  /** What stands for /var/spool/postfix. */
  readonly queue: string
  /** The certificate of Dovecot and Postfix, which is its own authority. */
  readonly certificate: string
  /** Puts a file into the folder and returns its path. */
  write(name: string, text: string): string
  /** Replaces accounts.toml, which bearerd notices, and returns what it logs: accounts_loaded, _kept or _missing. */
  accounts(text: string): Promise<unknown>
  /** `bearerd …`, with the daemon's configuration, and doveadm with that of Dovecot. */
  bearerd(args: readonly string[], input?: string): Promise<Result>
  /** `bearerd app-password create`: the password as it is printed, which the daemon knows by then. */
  appPassword(address: string, ...options: readonly string[]): Promise<string>
  /** Starts the daemon anew, with further settings in `[app-passwords]`, and other ones in `[directory.main]`. */
  reconfigure(appPasswords: string, directory?: string): Promise<void>
}

type Part = { stop(): unknown; log?(): string }

export type SiteOptions = {
  /** What is in accounts.toml. Beside it is accounts.jsonl, which the commands write. */
  readonly accounts: string
  /** How tokens are judged: what is in `[directory.main]`, beside the issuer; by userinfo unless set. */
  readonly directory?: string
  /** main.cf and master.cf, where not those of docs/howto/postfix.md. */
  readonly postfix?: { readonly main?: string; readonly master?: string; readonly extra?: readonly string[] }
  /** Further settings of Dovecot. */
  readonly dovecot?: string
  /** How bearerd is started; by itself unless set, so that it makes its own sockets. */
  readonly start?: (config: string, paths: { readonly run: string; readonly queue: string }) => Promise<Daemon>
}

export async function startSite(options: SiteOptions): Promise<Site> {
  const folder = mkdtempSync('/tmp/bearerd-') // Short: a socket's path has 107 bytes.
  chmodSync(folder, 0o755) // Dovecot's and Postfix's users must get through.
  const parts: (Part & { name: string })[] = []
  const started = <T extends Part>(name: string, part: T): T => {
    parts.unshift({ ...part, name })
    return part
  }
  after(async () => {
    for (const { stop } of parts) await stop()
    rmSync(folder, { recursive: true, maxRetries: 5 }) // A server's child may still write a last word.
  })

  for (const name of ['run', 'mail', 'state', 'dovecot', 'postfix']) mkdirSync(join(folder, name))
  await must('chown', `${mailUid}:${mailUid}`, join(folder, 'mail'))
  const queue = join(folder, 'queue')
  await prepareQueue(queue)
  const tls = await makeCertificate(folder)
  const write = (name: string, text: string) => {
    const file = join(folder, name)
    writeFileSync(file, text)
    return file
  }

  const provider = started('provider', await startProvider())
  write('accounts.toml', options.accounts)
  write('accounts.jsonl', '')
  const configure = (appPasswords: string, directory = options.directory ?? 'endpoint.method = "userinfo"') =>
    write('bearerd.toml', bearerdToml({ folder, queue, issuer: provider.issuer, appPasswords, directory }))
  const config = configure('')
  const { start = startDaemon } = options
  const daemon = started('bearerd', await start(config, { run: join(folder, 'run'), queue }))
  const postfix = started(
    'Postfix',
    await startPostfix({
      folder: join(folder, 'postfix'),
      queue,
      tls,
      main: options.postfix?.main ?? settings('postfix', '# /etc/postfix/main.cf'),
      master: options.postfix?.master ?? settings('postfix', '# /etc/postfix/master.cf'),
      extra: options.postfix?.extra ?? [],
    }),
  )
  const relay = postfix.ports.smtp
  const dovecot = started(
    'Dovecot',
    await startDovecot({
      folder: join(folder, 'dovecot'),
      bearerd: join(folder, 'run'),
      queue,
      tls,
      relay,
      extra: options.dovecot ?? '',
    }),
  )

  showLogsOfFailures(parts)
  const replace = async (text: string) => {
    const outcome = daemon.next('accounts_loaded', 'accounts_kept', 'accounts_missing')
    write('accounts.toml', text)
    return (await outcome).event
  }
  // CONFIG_FILE: what doveadm reads for want of -c (lib-master/master-service.c).
  const bearerd = (args: readonly string[], input?: string) =>
    run(process.execPath, [main, ...args, '--config', config], input, { CONFIG_FILE: dovecot.config })
  const appPassword = async (address: string, ...options: readonly string[]) => {
    const loaded = daemon.next('passwords_loaded')
    const { code, stdout, stderr } = await bearerd(['app-password', 'create', address, '--label', 'test', ...options])
    if (code !== 0) throw new Error(`app-password create: exit status ${code}\n${stderr}`)
    await loaded
    return stdout.trimEnd()
  }
  const reconfigure = (appPasswords: string, directory?: string) => {
    configure(appPasswords, directory)
    return daemon.restart()
  }
  const certificate = tls.certificate
  const means = { write, accounts: replace, bearerd, appPassword, reconfigure }
  return { folder, provider, daemon, dovecot, postfix, queue, certificate, ...means }
}

/** The owner of the mail: no name is needed, so that the tests create no user. */
const mailUid = 5000

type Values = { folder: string; queue: string; issuer: string; appPasswords: string; directory: string }

function bearerdToml(at: Values): string {
  const run = { '/run/bearerd': join(at.folder, 'run') }
  const spool = { '/var/spool/postfix': at.queue }
  const mail = { '/var/vmail': join(at.folder, 'mail'), vmail: String(mailUid) }
  return [
    'state-dir = "state"\n',
    '[accounts]\nfiles = ["accounts.toml", "accounts.jsonl"]\n',
    settings('dovecot', '# /etc/bearerd/bearerd.toml: userdb', mail),
    settings('dovecot', '# /etc/bearerd/bearerd.toml', run),
    settings('postfix', '# /etc/bearerd/bearerd.toml', spool),
    settings('postfix', '# /etc/bearerd/bearerd.toml: policy', spool),
    `[directory.main]\ntype = "oidc"\nissuer = "${at.issuer}"\n${at.directory}\n`,
    // So that tests of many refusals don't take minutes.
    `[app-passwords]\nfailure-delay = "20ms"\n${at.appPasswords}\n`,
    '[log]\nformat = "json"\n',
  ].join('\n')
}

async function makeCertificate(folder: string): Promise<{ certificate: string; key: string }> {
  const certificate = join(folder, 'certificate.pem')
  const key = join(folder, 'key.pem')
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const name = ['-subj', '/CN=mail.example.org', '-addext', 'subjectAltName=IP:127.0.0.1']
  await must('openssl', 'req', '-x509', ...kind, ...name, '-keyout', key, '-out', certificate)
  return { certificate, key }
}

function showLogsOfFailures(parts: readonly (Part & { name: string })[]): void {
  const seen = new Map<string, number>()
  beforeEach(() => {
    for (const { name, log } of parts) seen.set(name, log?.().length ?? 0)
  })
  afterEach(context => {
    if (!('passed' in context) || context.passed !== false) return
    for (const { name, log } of parts) console.error(`--- ${name}:\n${log?.().slice(seen.get(name))}`)
  })
}
