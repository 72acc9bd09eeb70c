/** What Prometheus reads: that it counts what happened, and that clients can't make series. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMetrics } from '../../src/monitor/metrics.ts'
import type { Status } from '../../src/status.ts'
import type { LoginEvent } from '../../src/telemetry.ts'
import { readSamples } from '../support/metrics.ts'
import { accountsError, well } from '../support/status.ts'

const login: LoginEvent = {
  listener: 'imap',
  service: 'imap',
  mechanism: 'XOAUTH2',
  directory: 'main',
  verdict: 'accept',
  reason: 'ok',
  source: 'cache',
  ms: 0.1,
}

function start(settings: Partial<Status> = {}) {
  let status: Status = { ...well, ...settings }
  const { read, ...metrics } = createMetrics({ status: () => status, mechanisms: ['XOAUTH2', 'PLAIN'] })
  return {
    ...metrics,
    set: (settings: Partial<Status>) => {
      status = { ...well, ...settings }
    },
    read: async () => readSamples(await read()),
  }
}

describe('logins', () => {
  it('are counted by all that tells them apart', async () => {
    const { login: note, read } = start()
    for (let n = 0; n < 3; n++) note(login)
    note({ ...login, verdict: 'reject', reason: 'malformed', directory: undefined, source: undefined })
    const of = await read()
    const labels = 'listener="imap",service="imap",mechanism="XOAUTH2"'
    assert.equal(of.value(`bearerd_logins_total{${labels},directory="main",verdict="accept",reason="ok"}`), 3)
    assert.equal(of.value(`bearerd_logins_total{${labels},directory="",verdict="reject",reason="malformed"}`), 1)
  })

  it('are told again with each reading, not added up', async () => {
    const { login: note, read } = start()
    note(login)
    await read()
    note(login)
    const of = await read()
    assert.equal(of.sum('bearerd_logins_total'), 2)
    assert.equal(of.sum('bearerd_login_duration_seconds_count'), 2)
  })

  it('of unknown services and mechanisms make no series of their own', async () => {
    const { login: note, read } = start()
    for (let n = 0; n < 1000; n++)
      note({ ...login, service: `s${n}"\n`, mechanism: `m${n}`, verdict: 'reject', reason: 'malformed' })
    const of = await read()
    assert.deepEqual(of.series('bearerd_logins_total'), [
      'listener="imap",service="other",mechanism="other",directory="main",verdict="reject",reason="malformed"',
    ])
  })

  it('have a histogram by listener, verdict and kind of source', async () => {
    const { login: note, read } = start()
    const sources = ['cache', 'jwt', 'introspect+userinfo', 'app-password', 'imported-password', '', undefined]
    for (const source of sources) note({ ...login, source, ms: 30 })
    note({ ...login, ms: 20_000 })
    const of = await read()
    const bucket = (source: string, le: string) =>
      of.value(`bearerd_login_duration_seconds_bucket{listener="imap",verdict="accept",source="${source}",le="${le}"}`)
    assert.deepEqual(
      ['cache', 'jwt', 'provider', 'password', 'none'].map(source => bucket(source, '0.05')),
      [1, 1, 1, 2, 2],
    )
    assert.equal(bucket('jwt', '0.025'), 0)
    assert.deepEqual([bucket('cache', '10'), bucket('cache', '+Inf')], [1, 2])
    assert.equal(of.value('bearerd_login_duration_seconds_sum{listener="imap",verdict="accept",source="cache"}'), 20.03)
  })
})

it('requests to providers are counted with their outcome, and timed unless they were skipped', async () => {
  const { request, read } = start()
  request({ directory: 'main', request: 'introspect', outcome: 'answered', ms: 20 })
  request({ directory: 'main', request: 'keys', outcome: 'failed', ms: 5_000 })
  request({ directory: 'main', request: 'introspect', outcome: 'skipped', ms: 0 })
  const of = await read()
  const count = (request: string, outcome: string) =>
    of.value(`bearerd_provider_requests_total{directory="main",request="${request}",outcome="${outcome}"}`)
  assert.deepEqual(
    [count('introspect', 'answered'), count('keys', 'failed'), count('introspect', 'skipped')],
    [1, 1, 1],
  )
  assert.equal(of.sum('bearerd_provider_request_duration_seconds_count'), 2)
})

it('lookups are counted by listener and answer', async () => {
  const { lookup, read } = start()
  lookup({ listener: 'maps', answer: 'not-found' })
  lookup({ listener: 'maps', answer: 'not-found' })
  const of = await read()
  assert.deepEqual(of.series('bearerd_lookups_total'), ['listener="maps",answer="not-found"'])
  assert.equal(of.sum('bearerd_lookups_total'), 2)
})

const main = well.directories

describe('the status', () => {
  it('is read when somebody asks, and what is gone from it is gone', async () => {
    const { set, read } = start({ directories: [...main, ...main.map(one => ({ ...one, name: 'school' }))] })
    assert.deepEqual((await read()).series('bearerd_provider_failing'), ['directory="main"', 'directory="school"'])
    set({
      accounts: { ...well.accounts, count: undefined, failures: 2, problems: [accountsError] },
      passwords: undefined,
    })
    const of = await read()
    assert.deepEqual(of.series('bearerd_provider_failing'), ['directory="main"'])
    assert.deepEqual(of.series('bearerd_store_entries'), [], 'no accounts are loaded: no count of them')
    assert.equal(of.value('bearerd_store_problem{store="accounts"}'), 1)
    assert.equal(of.value('bearerd_store_failed_loads_total{store="accounts"}'), 2)
  })

  it('knows nothing of a provider that has not been asked', async () => {
    const directories = main.map(one => ({ ...one, provider: { ...one.provider, state: 'unknown' as const } }))
    const { read } = start({ directories })
    assert.deepEqual((await read()).series('bearerd_provider_failing'), [])
  })

  it('has a warning that is no problem', async () => {
    const problems = [{ ...accountsError, severity: 'warning' as const }]
    const { read } = start({ accounts: { ...well.accounts, problems } })
    assert.equal((await read()).value('bearerd_store_problem{store="accounts"}'), 0)
  })
})

it('two daemons in one process count each for itself', async () => {
  const [one, other] = [start(), start()]
  one.login(login)
  assert.equal((await one.read()).sum('bearerd_logins_total'), 1)
  assert.equal((await other.read()).sum('bearerd_logins_total'), 0)
})

it('the process is told of too, and the format is named', async () => {
  const { read, contentType } = start()
  const of = await read()
  assert.match(contentType, /^text\/plain; version=0\.0\.4/)
  assert.ok((of.value('process_resident_memory_bytes') ?? 0) > 1e6)
  assert.equal(of.series('nodejs_eventloop_lag_p99_seconds').length, 1)
  assert.equal(of.value('bearerd_build_info{version="0.1.0",node="v24.21.0"}'), 1)
})
