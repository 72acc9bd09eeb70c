/**
 * Dovecot: Debian's Dovecot 2.3 with its own auth process, on the same site and the same provider.
 *
 * Its oauth2 passdb asks the provider's userinfo endpoint (`introspection_mode = auth`), its userdb is a passwd-file. The
 * passdb runs inside the auth process, which asks over at most `max_parallel_connections` connections, 10 by default
 * (src/auth/db-oauth2.c): "tuned" raises that to the number of logins outstanding, and nothing else limits it.
 * Settings that stand between the auth process and its best figures are out of the way in both:
 * the auth cache is large enough, `client_limit` too, and the anvil penalty is off (a lookup at another process before
 * each login; bearerd keeps no such score yet).
 * What is counted is the processor time of the auth processes, workers included; master, anvil, config, stats and log
 * processes are not.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { children, cpuMs, residentMiB } from './process.ts'
import { firstAnswer, type Server, type Site } from './server.ts'
import { writeAccounts } from './site.ts'

/** Why there will be no figures of Dovecot's, if so. */
export function missing(): string | undefined {
  if (userInfo().uid !== 0) return 'Dovecot is left out: its master process wants to be started by root'
  try {
    const version = execFileSync('dovecot', ['--version'], { encoding: 'utf8' }).trim()
    return version.startsWith('2.3.')
      ? undefined
      : `Dovecot is left out: ${version} isn't 2.3, whose settings this uses`
  } catch {
    return 'Dovecot is left out: it is not installed (apt-get install dovecot-core)'
  }
}

function settings(folder: string): string {
  return `base_dir = ${folder}/run
state_dir = ${folder}/run
log_path = ${folder}/log
protocols =
ssl = no
auth_mechanisms = xoauth2 oauthbearer
auth_cache_size = 256 M
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${folder}/oauth2.conf
}
userdb {
  driver = passwd-file
  args = ${folder}/users
}
service auth {
  user = root
  client_limit = 4096
  vsz_limit = 2 G
  unix_listener auth-client {
    mode = 0600
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`
}

function oauth2(providerUrl: string, tuned: boolean): string {
  return `introspection_mode = auth
introspection_url = ${providerUrl}/userinfo
username_attribute = email
${tuned ? 'max_parallel_connections = 512\n' : ''}`
}

export async function startDovecot(site: Site, tuned: boolean): Promise<Server> {
  const { folder } = site
  mkdirSync(join(folder, 'run'), { recursive: true })
  writeFileSync(join(folder, 'dovecot.conf'), settings(folder))
  writeFileSync(join(folder, 'oauth2.conf'), oauth2(site.providerUrl, tuned))
  await writeAccounts(join(folder, 'users'), 'passwd', site.accounts)

  const started = performance.now()
  const master = spawn('dovecot', ['-F', '-c', join(folder, 'dovecot.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const pid = master.pid
  if (pid === undefined) throw new Error('dovecot could not be started')
  const sockets = { auth: join(folder, 'run/auth-client'), userdb: join(folder, 'run/auth-master') }
  await firstAnswer(sockets.userdb, master)
  const authProcesses = () => children(pid, 'auth')
  return {
    sockets,
    startMs: performance.now() - started,
    cpuMs: () => authProcesses().reduce((sum, child) => sum + cpuMs(child), 0),
    residentMiB: () => authProcesses().reduce((sum, child) => sum + residentMiB(child), 0),
    stop: async () => {
      const exit = once(master, 'exit')
      master.kill()
      await exit
    },
  }
}
