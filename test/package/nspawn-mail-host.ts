/**
 * Mail host: what makes a container one, before bearerd comes to it (names, certificate, the owner of the mail, Dovecot and
 * Postfix with what every site sets by itself), and the settings of docs/howto that hand logins and recipients to bearerd.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { settings } from '../support/howto.ts'
import type { Container } from './nspawn-container.ts'

/** Submission without TLS, for logins by the hundred. */
export const loadPort = 2587
export const certificate = '/etc/ssl/certs/mail.example.org.pem'
const key = '/etc/ssl/private/mail.example.org.key'
export const providedFile = '/var/lib/provider.json'

/** Nothing of bearerd's yet: Dovecot and Postfix run as Debian configures them. */
export function prepareMailHost({ tree, write }: Container): void {
  const names = 'mail.example.org provider.example.org localhost'
  write('/etc/hosts', `127.0.0.1 ${names}\n::1 localhost\n`)
  write('/etc/resolv.conf', '')
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const name = [
    '-subj',
    '/CN=mail.example.org',
    '-addext',
    'subjectAltName=DNS:mail.example.org,DNS:provider.example.org',
  ]
  const files = ['-keyout', join(tree, key), '-out', join(tree, certificate)]
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', ...kind, ...name, ...files], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl: exit status ${status}\n${stderr}`)
  write(
    '/etc/systemd/system/provider.service',
    `[Service]
Type=exec
ExecStart=/usr/lib/bearerd/bin/node /repository/test/package/nspawn-provider.ts ${key} ${certificate} ${providedFile}
ExecStartPre=rm -f ${providedFile}
[Install]
WantedBy=multi-user.target
`,
  )
}

/** docs/howto/dovecot.md. */
export function configureDovecot({ release, write }: Container): void {
  const page = '# /etc/dovecot/conf.d/99-bearerd.conf'
  const old = release === 'bookworm'
  write('/etc/dovecot/conf.d/98-site.conf', old ? siteSettings23 : siteSettings24)
  const own = old
    ? [settings('dovecot', page), settings('dovecot', `${page}: quota`)]
    : [settings('dovecot', `${page} (2.4)`), settings('dovecot', `${page} (2.4.0 and 2.4.1)`)]
  write('/etc/dovecot/conf.d/99-bearerd.conf', [...own, settings('dovecot', `${page}: mail from Postfix`)].join('\n'))
}

/** One process for many logins: a hundred a second are more than one process each is made for. */
const siteSettings23 = `ssl_cert = <${certificate}
ssl_key = <${key}
mail_max_userip_connections = 1000
service imap-login {
  service_count = 0
  process_min_avail = 2
}
service imap {
  service_count = 1000
}
`
const siteSettings24 = `ssl_server_cert_file = ${certificate}
ssl_server_key_file = ${key}
mail_max_userip_connections = 1000
service imap-login {
  restart_request_count = unlimited
  process_min_avail = 2
}
service imap {
  restart_request_count = 1000
}
`

/** docs/howto/postfix.md. */
export function configurePostfix({ write }: Container): void {
  write('/etc/postfix/main.cf', `${siteMain}\n${settings('postfix', '# /etc/postfix/main.cf')}`)
  const page = '# /etc/postfix/master.cf'
  const plain = {
    '=encrypt': '=none',
    'auth_only=yes': 'auth_only=no',
    'submission inet': `127.0.0.1:${loadPort} inet`,
  }
  const load = settings('postfix', page, plain).split('\nsubmissions inet')[0] ?? ''
  write('/etc/postfix/master.cf', [siteMaster, settings('postfix', page), load, ''].join('\n'))
}

const siteMain = `compatibility_level = 3.6
myhostname = mail.example.org
mydestination = localhost
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
smtpd_tls_security_level = may
smtpd_tls_chain_files = ${key}, ${certificate}
smtpd_client_connection_count_limit = 0
# A login that waits has an smtpd of its own. When there are no more, and the backlog is full too, TCP makes clients wait
# for a minute and longer.
default_process_limit = 400
`

/** As Debian has it; smtpd in its chroot. */
const siteMaster = `
smtp      inet  n       -       y       -       -       smtpd
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
rewrite   unix  -       -       y       -       -       trivial-rewrite
bounce    unix  -       -       y       -       0       bounce
defer     unix  -       -       y       -       0       bounce
trace     unix  -       -       y       -       0       bounce
verify    unix  -       -       y       -       1       verify
flush     unix  n       -       y       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       y       -       -       smtp
showq     unix  n       -       y       -       -       showq
error     unix  -       -       y       -       -       error
retry     unix  -       -       y       -       -       retry
discard   unix  -       -       y       -       -       discard
lmtp      unix  -       -       y       -       -       lmtp
anvil     unix  -       -       y       -       1       anvil
scache    unix  -       -       y       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
`

/** The README's and the pages' configuration, with a provider who is asked under TLS, by name, with a secret. */
export function bearerdToml(): string {
  return `state-dir = "/var/lib/bearerd"

[accounts]
files = ["/var/lib/bearerd/accounts.jsonl"]

${settings('dovecot', '# /etc/bearerd/bearerd.toml: userdb')}
${settings('dovecot', '# /etc/bearerd/bearerd.toml')}
${settings('postfix', '# /etc/bearerd/bearerd.toml')}
[directory.main]
endpoint.url = "https://provider.example.org:9443/token/introspection"
endpoint.method = "introspect"
auth.method = "basic"
auth.username = "bearerd"
auth.secret-file = "client-secret"
tls.ca-file = "${certificate}"
require.clients = ["mail-client"]
`
}
