/**
 * Daemon: `node dist/main.js serve` on the bench's site, as an administrator would run it: JSON log at level info, one
 * line a login, to a socket that a process of its own reads, as journald would. What the lines cost bearerd is in the
 * figures.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cpuMs, residentMiB } from './process.ts'
import { firstAnswer, type Server, type Site } from './server.ts'
import { issuer, writeAccounts } from './site.ts'

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url))

export type Method = 'userinfo' | 'introspect' | 'jwt'

function configuration(site: Site, method: Method): string {
  const { folder } = site
  const { providerUrl } = site
  const asked = `endpoint.url = "${providerUrl}/${method}"`
  const how: Record<Method, string> = {
    userinfo: asked,
    introspect: `${asked}
auth.method = "basic"
auth.username = "bearerd"
auth.secret = "not a secret"`,
    jwt: `issuer = "${issuer}"
endpoint.jwks-url = "${providerUrl}/jwks"
require.audience = "mail"`,
  }
  return `state-dir = "${folder}"
[accounts]
files = ["${folder}/accounts.jsonl"]
[accounts.defaults]
uid = "5000"
gid = "5000"
home = "/var/vmail/{domain}/{local}"

[listen.imap]
protocol = "dovecot-auth"
path = "${folder}/auth"
[listen.userdb]
protocol = "dovecot-master"
path = "${folder}/userdb"
[listen.policy]
protocol = "postfix-policy"
path = "${folder}/policy"
[listen.map]
protocol = "postfix-socketmap"
path = "${folder}/map"

[directory.provider]
type = "oidc"
endpoint.method = "${method}"
${how[method]}
fields.email = "email"
fields.username = "preferred_username"
[log]
level = "info"
format = "json"
`
}

export async function startDaemon(site: Site, method: Method): Promise<Server> {
  const { folder } = site
  writeFileSync(join(folder, 'bearerd.toml'), configuration(site, method))
  await writeAccounts(join(folder, 'accounts.jsonl'), 'jsonl', site.accounts)
  return spawnDaemon(folder)
}

/**
 * On the bearerd.toml of this folder, in which its sockets are to be. `nodeOptions` go before the program: `--cpu-prof`,
 * for one.
 */
export async function spawnDaemon(folder: string, nodeOptions: readonly string[] = []): Promise<Server> {
  const reader = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'] })
  const started = performance.now()
  const daemon = spawn(process.execPath, [...nodeOptions, program, 'serve', '--config', join(folder, 'bearerd.toml')], {
    cwd: folder,
    stdio: ['ignore', reader.stdin, 'inherit'],
  })
  reader.stdin.destroy()
  const pid = daemon.pid
  if (pid === undefined) throw new Error('bearerd could not be started')
  const sockets = {
    auth: join(folder, 'auth'),
    userdb: join(folder, 'userdb'),
    policy: join(folder, 'policy'),
    map: join(folder, 'map'),
  }
  await firstAnswer(sockets.userdb, daemon)
  return {
    sockets,
    startMs: performance.now() - started,
    cpuMs: () => cpuMs(pid),
    residentMiB: () => residentMiB(pid),
    stop: async () => {
      const exit = once(daemon, 'exit')
      daemon.kill()
      await exit
    },
  }
}
