/** A daemon that is watched: what its parts tell, from a login to /metrics. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectAuth } from '../../src/cli/auth-client.ts'
import { loadConfig } from '../../src/config/load.ts'
import { isError } from '../../src/config/problem.ts'
import { startDaemon } from '../../src/daemon.ts'
import { loadText } from '../support/config.ts'
import { json, startFaultProvider } from '../support/fault-provider.ts'
import { ask } from '../support/http.ts'
import { createRecorder } from '../support/log.ts'
import { readSamples } from '../support/metrics.ts'
import { connectClient } from '../support/sockets.ts'

async function open(t: TestContext, toml = '') {
  const provider = await startFaultProvider()
  t.after(() => provider.stop().catch(() => {}))
  const files = { 'accounts.jsonl': '{"address":"alice@example.org"}\n' }
  const text = `state-dir = "."
accounts.files = "accounts.jsonl"
app-passwords.enabled = false
listen.imap = { protocol = "dovecot-auth", path = "auth" }
listen.userdb = { protocol = "dovecot-master", path = "master" }
directory.main = { endpoint.url = "${provider.origin}/introspect", endpoint.method = "introspect" }
http.listen = "./http"
${toml}`
  const { config, folder } = await loadText(t, text, { files })
  assert.ok(config)
  const log = createRecorder()
  const load = () => loadConfig(join(folder, 'bearerd.toml'), {})
  const daemon = await startDaemon(config, log, { version: '1.2.3', load })
  const client = await connectAuth(join(folder, 'auth'))
  // The client first: the daemon would wait until somebody redeems the logins that it has granted her.
  t.after(() => {
    client.close()
    return daemon.stop()
  })
  return {
    daemon,
    provider,
    folder,
    log,
    write: (toml: string) => writeFileSync(join(folder, 'bearerd.toml'), toml),
    text,
    get: (path: string, socket = 'http') => ask(join(folder, socket), path),
    login: (token: string) => {
      const parameters: string[] = []
      return client.login({ mechanism: 'OAUTHBEARER', user: undefined, token, service: 'imap', parameters })
    },
  }
}

test('logins, requests, the cache and lookups are told', async t => {
  const { daemon, provider, folder, get, login } = await open(t)
  provider.answer(json({ active: true, sub: '1', email: 'alice@example.org' }))
  for (let n = 0; n < 3; n++) assert.equal((await login('a-good-token')).kind, 'accepted')
  provider.answer(json({ active: false }))
  assert.equal((await login('a-bad-token')).kind, 'refused')
  provider.answer(json({}, 500))
  assert.equal((await login('another-token')).kind, 'refused')
  const master = await connectClient(t, join(folder, 'master'))
  master.socket.write('VERSION\t1\t1\nUSER\t1\tnobody@example.org\tservice=imap\n')
  await master.receive('NOTFOUND\t1')

  const of = readSamples((await get('/metrics')).body)
  const came = (verdict: string, reason: string) =>
    of.value(
      `bearerd_logins_total{listener="imap",service="imap",mechanism="OAUTHBEARER",directory="main",verdict="${verdict}",reason="${reason}"}`,
    )
  assert.deepEqual(
    [came('accept', 'ok'), came('reject', 'token_refused'), came('unavailable', 'provider_unavailable')],
    [3, 1, 1],
  )
  assert.equal(of.value('bearerd_login_duration_seconds_count{listener="imap",verdict="accept",source="cache"}'), 2)
  const asked = (outcome: string) =>
    of.value(`bearerd_provider_requests_total{directory="main",request="introspect",outcome="${outcome}"}`)
  assert.deepEqual([asked('answered'), asked('failed')], [2, 1])
  assert.equal(of.value('bearerd_provider_failing{directory="main"}'), 1)
  assert.equal(of.value('bearerd_token_cache_hits_total{directory="main"}'), 2)
  assert.equal(of.value('bearerd_token_cache_misses_total{directory="main"}'), 3)
  assert.equal(of.value('bearerd_token_cache_entries{directory="main",kind="bad"}'), 1)
  assert.equal(of.value('bearerd_store_entries{store="accounts"}'), 1)
  assert.equal(of.value('bearerd_lookups_total{listener="userdb",answer="not-found"}'), 1)
  assert.equal(of.value('bearerd_listener_connections{listener="imap"}'), 1)
  assert.equal(of.value(`bearerd_build_info{version="1.2.3",node="${process.version}"}`), 1)

  const { logins, directories } = daemon.status()
  assert.deepEqual(logins, {
    accepted: 3,
    rejected: 1,
    unavailable: 1,
    reasons: [
      { verdict: 'unavailable', reason: 'provider_unavailable', count: 1 },
      { verdict: 'reject', reason: 'token_refused', count: 1 },
    ],
  })
  assert.match(directories[0]?.provider.lastError?.cause ?? '', /^introspect at .*HTTP 500/)
  const [warning] = directories[0]?.warnings ?? []
  assert.match(warning ?? '', /^any application that was ever given a user's token/, 'as check says')
})

test('a provider that gives no answers is told, and who is not let through to it', async t => {
  const { provider, get, login } = await open(t)
  await provider.stop()
  for (let n = 0; n < 6; n++) assert.equal((await login(`token-${n}`)).kind, 'refused')
  const of = readSamples((await get('/metrics')).body)
  const asked = (outcome: string) =>
    of.value(`bearerd_provider_requests_total{directory="main",request="introspect",outcome="${outcome}"}`)
  assert.deepEqual([asked('failed'), asked('skipped')], [5, 1])
  assert.equal(of.value('bearerd_provider_breaker_open{directory="main",request="introspect"}'), 1)
  assert.equal((await get('/readyz')).code, 200)
})

test('accounts that got a problem are told, and the daemon stays ready', async t => {
  const { daemon, folder, get } = await open(t)
  writeFileSync(join(folder, 'accounts.jsonl'), '{"address":"nobody"}\n')
  await daemon.reload()
  const of = readSamples((await get('/metrics')).body)
  assert.equal(of.value('bearerd_store_problem{store="accounts"}'), 1)
  assert.equal(of.value('bearerd_store_entries{store="accounts"}'), 1)
  assert.ok((of.value('bearerd_store_failed_loads_total{store="accounts"}') ?? 0) >= 1)
  assert.equal((await get('/readyz')).code, 200)
  const { problems, count } = daemon.status().accounts
  assert.equal(count, 1)
  assert.match(problems[0]?.message ?? '', /address/)
})

test('a daemon without accounts is alive, and not ready', async t => {
  const { get } = await open(t, 'accounts.defaults = { uid = "no such user here" }')
  assert.equal((await get('/healthz')).code, 200)
  const { code, body } = await get('/readyz')
  assert.deepEqual([code, body], [503, 'no accounts are loaded; "bearerd check" says why\n'])
})

test('a reload moves [http]; one that is refused leaves it where it is', async t => {
  const { daemon, write, text, get } = await open(t)
  write(text.replace('./http', './elsewhere'))
  assert.deepEqual(await daemon.reload(), { ok: true })
  assert.equal((await get('/healthz', 'elsewhere')).code, 200)
  write(text.replace('./http', './no-such-folder/http'))
  const outcome = await daemon.reload()
  assert.ok(!outcome.ok)
  const errors = outcome.problems.filter(isError).map(({ message }) => message)
  assert.match(errors.join('\n'), /^http\.listen: .*no-such-folder does not exist/)
  assert.equal((await get('/healthz', 'elsewhere')).code, 200)
  const of = readSamples((await get('/metrics', 'elsewhere')).body)
  assert.equal(of.value('bearerd_config_last_reload_successful'), 0)
})
