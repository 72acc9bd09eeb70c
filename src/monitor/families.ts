/**
 * Families: the metrics that are read from the daemon's status when they are asked for. PURE; docs/reference/metrics.md
 * explains them, and `metrics.ts` adds those that count what happens.
 *
 * Labels come from the configuration and from tables of ours, so that nobody from outside can make series.
 */
import { isError } from '../config/problem.ts'
import type { DirectoryStatus, ListenerStatus, Status, StoreStatus } from '../status.ts'

export type Labels = Readonly<Record<string, string>>
/** Undefined: there is nothing to tell. */
export type Sample = { readonly labels: Labels; readonly value: number | undefined }

export type Family = {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly labelNames: readonly string[]
  read(status: Status): readonly Sample[]
}

type Description = Pick<Family, 'name' | 'help'> & { readonly type?: Family['type'] }

export const families: readonly Family[] = [
  whole({ name: 'build_info', help: 'Always 1; says which version runs, on which Node.' }, () => 1, [
    'version',
    'node',
  ]),
  whole({ name: 'config_last_reload_successful', help: 'Whether the last reload was accepted.' }, ({ config }) =>
    Number(config.refused === undefined),
  ),
  whole(
    {
      name: 'config_last_reload_success_timestamp_seconds',
      help: 'When the configuration in force was loaded.',
    },
    ({ config }) => seconds(config.loaded),
  ),
  listener(
    { name: 'listener_connections', help: 'Connections of mail servers that are open.' },
    ({ connections }) => connections,
  ),
  listener(
    { name: 'listener_refusing', help: 'Whether new connections are refused, because there are too many.' },
    ({ refusing }) => Number(refusing),
  ),
  store(
    { name: 'store_entries', help: 'Accounts, app passwords or bindings in force; none while nothing is loaded.' },
    ({ count }) => count,
  ),
  store(
    { name: 'store_loaded_timestamp_seconds', help: 'When the files were last loaded without an error.' },
    ({ loaded }) => seconds(loaded),
  ),
  store(
    { name: 'store_load_duration_seconds', help: 'How long that load took.' },
    ({ loadMs }) => loadMs && loadMs / 1000,
  ),
  store(
    { name: 'store_failed_loads_total', help: 'Loads that changed nothing, because of an error.', type: 'counter' },
    ({ failures }) => failures,
  ),
  store(
    { name: 'store_problem', help: 'Whether the last load found an error, so that the former content stays.' },
    ({ problems }) => Number(problems.some(isError)),
  ),
  directory(
    { name: 'provider_failing', help: 'Whether the provider last gave no good answer to some kind of request.' },
    ({ provider }) => (provider.state === 'unknown' ? undefined : Number(provider.state === 'failing')),
  ),
  directory(
    { name: 'provider_last_success_timestamp_seconds', help: 'When the provider last answered as it should.' },
    ({ provider }) => seconds(provider.lastSuccess),
  ),
  directory(
    { name: 'provider_requests_in_flight', help: 'Requests that the provider has not answered yet.' },
    ({ provider }) => provider.inFlight,
  ),
  {
    ...described({
      name: 'provider_breaker_open',
      help: 'Whether the provider is asked now and then only, because it gives no answers.',
    }),
    labelNames: ['directory', 'request'],
    read: ({ directories }) =>
      directories.flatMap(({ name, provider }) =>
        Object.entries(provider.breakers).map(([request, state]) => ({
          labels: { directory: name, request },
          value: Number(state === 'open'),
        })),
      ),
  },
  directory(
    { name: 'token_cache_hits_total', help: 'Tokens whose answer was known.', type: 'counter' },
    ({ cache }) => cache.hits,
  ),
  directory(
    { name: 'token_cache_misses_total', help: 'Tokens that had to be judged anew.', type: 'counter' },
    ({ cache }) => cache.misses,
  ),
  {
    ...described({ name: 'token_cache_entries', help: 'Tokens whose answer is kept.' }),
    labelNames: ['directory', 'kind'],
    read: ({ directories }) =>
      directories.flatMap(({ name, cache }) =>
        (['good', 'bad'] as const).map(kind => ({ labels: { directory: name, kind }, value: cache[kind] })),
      ),
  },
  directory({ name: 'issuer_keys', help: "The issuer's keys at hand." }, ({ keys }) => keys?.count),
  directory({ name: 'issuer_keys_fetched_timestamp_seconds', help: 'When they were fetched.' }, ({ keys }) =>
    seconds(keys?.fetched),
  ),
]

function described({ name, help, type = 'gauge' }: Description): Pick<Family, 'name' | 'help' | 'type'> {
  return { name: `bearerd_${name}`, help, type }
}

function whole(
  description: Description,
  read: (status: Status) => number | undefined,
  labelNames: readonly ('version' | 'node')[] = [],
): Family {
  return {
    ...described(description),
    labelNames,
    read: status => [{ labels: Object.fromEntries(labelNames.map(name => [name, status[name]])), value: read(status) }],
  }
}

function listener(description: Description, read: (listener: ListenerStatus) => number): Family {
  return {
    ...described(description),
    labelNames: ['listener'],
    read: ({ listeners }) => listeners.map(one => ({ labels: { listener: one.name }, value: read(one) })),
  }
}

function directory(description: Description, read: (directory: DirectoryStatus) => number | undefined): Family {
  return {
    ...described(description),
    labelNames: ['directory'],
    read: ({ directories }) => directories.map(one => ({ labels: { directory: one.name }, value: read(one) })),
  }
}

function store(description: Description, read: (store: StoreStatus) => number | undefined): Family {
  return {
    ...described(description),
    labelNames: ['store'],
    read: ({ accounts, passwords, bindings }) =>
      Object.entries({ accounts, passwords, bindings }).flatMap(([name, one]) =>
        one === undefined ? [] : [{ labels: { store: name }, value: read(one) }],
      ),
  }
}

function seconds(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000
}
