/**
 * Metrics: what Prometheus asks for: counts of what happens, and what the status says at the moment (`families.ts`). The only importer of prom-client. docs/reference/metrics.md explains each of them.
 *
 * No label is from outside: a service or mechanism that isn't known counts as "other". Each daemon has a registry of its
 * own. To prom-client each count of a login would cost a twentieth of the login: they are kept here, and handed over when
 * somebody asks.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Status } from '../status.ts'
import type { LoginEvent, LookupEvent, ProviderEvent } from '../telemetry.ts'
import { createDistribution, type Distribution } from './distribution.ts'
import { families, type Labels } from './families.ts'

export type Metrics = {
  login(event: LoginEvent): void
  lookup(event: LookupEvent): void
  request(event: ProviderEvent): void
  readonly contentType: string
  /** In the text format. */
  read(): Promise<string>
}

export type MetricsOptions = {
  status(): Status
  /** Those that are known, in capitals. */
  readonly mechanisms: readonly string[]
}

/** A cached login takes microseconds, one that waits for a provider milliseconds to seconds; the deadline is 8 s. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** What Dovecot and Postfix call what a login is for. */
const services = ['imap', 'pop3', 'smtp', 'submission', 'sieve', 'managesieve', 'lmtp', 'doveadm']

/** Of the library's own: made by undocumented functions of Node, and gauges that are named as counters. */
const unwanted = ['handles', 'requests', 'resources'].flatMap(what => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`,
])

export function createMetrics({ status, mechanisms }: MetricsOptions): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of unwanted) registry.removeSingleMetric(name)
  const logins = createLogins(registry, mechanisms)
  const lookups = createLookups(registry)
  const setFamilies = createFamilies(registry)
  return {
    login: logins.note,
    lookup: lookups.note,
    request: createRequests(registry),
    contentType: registry.contentType,
    async read() {
      logins.publish()
      lookups.publish()
      setFamilies(status())
      return registry.metrics()
    },
  }
}

type LoginCount = { readonly labels: Labels; count: number; readonly durations: Distribution }

function createLogins(registry: Registry, mechanisms: readonly string[]) {
  const counter = new Counter({
    name: 'bearerd_logins_total',
    help: 'Logins, and what came of them.',
    labelNames: ['listener', 'service', 'mechanism', 'directory', 'verdict', 'reason'],
    registers: [registry],
  })
  const all: LoginCount[] = []
  const counts: Tree<LoginCount> = new Map()
  const serviceOf = known(services)
  const mechanismOf = known(mechanisms)
  const durations = publishDurations(registry)

  function create(event: LoginEvent, service: string, mechanism: string): LoginCount {
    const { listener, directory = '', verdict, reason } = event
    const labels = { listener, service, mechanism, directory, verdict, reason }
    const source = kindOf(event.source)
    const created = { labels, count: 0, durations: durations({ listener, verdict, source }) }
    all.push(created)
    return created
  }

  return {
    note(event: LoginEvent): void {
      const { listener, directory, verdict, reason, source, ms } = event
      const service = serviceOf(event.service)
      const mechanism = mechanismOf(event.mechanism)
      const path = [listener, service, mechanism, directory, verdict, reason, source]
      const found = leafOf(counts, path, () => create(event, service, mechanism))
      found.count++
      found.durations.observe(ms / 1000)
    },
    publish(): void {
      counter.reset()
      for (const { labels, count } of all) counter.inc(labels, count)
    },
  }
}

/** Maps in maps: less than half the time of one map with a text of all labels for its key. */
type Tree<Leaf> = Map<string | undefined, Tree<Leaf> | Leaf>

function leafOf<Leaf>(tree: Tree<Leaf>, path: readonly (string | undefined)[], create: () => Leaf): Leaf {
  let node: Tree<Leaf> | Leaf = tree
  for (let depth = 0; depth < path.length; depth++) {
    const branch = node as Tree<Leaf>
    let next = branch.get(path[depth])
    if (next === undefined) {
      next = depth === path.length - 1 ? create() : new Map()
      branch.set(path[depth], next)
    }
    node = next
  }
  return node as Leaf
}

/** A name, or "other" where it is none of these. */
function known(names: readonly string[]): (name: string) => string {
  const own = new Map(names.map(name => [name, name]))
  return name => own.get(name) ?? 'other'
}

/** How a login was found out, in few words: the log has the very methods. */
function kindOf(source: string | undefined): string {
  if (source === undefined || source === '') return 'none'
  if (source === 'cache' || source === 'jwt') return source
  return source.endsWith('-password') ? 'password' : 'provider'
}

/** A histogram of our own making, since of the library's nothing can be set. Of a metric, the registry uses `get` only. */
function publishDurations(registry: Registry): (labels: Labels) => Distribution {
  const name = 'bearerd_login_duration_seconds'
  const series = new Map<string, { readonly labels: Labels; readonly values: Distribution }>()
  const own = { name, help: 'Time from the message of a mail client to the verdict.', type: 'histogram' }
  const get = async () => ({ ...own, values: [...series.values()].flatMap(one => samplesOf(name, one)) })
  registry.registerMetric({ ...own, get } as unknown as Histogram)
  return labels => {
    const key = Object.values(labels).join(' ')
    const values = series.get(key)?.values ?? createDistribution(bounds)
    series.set(key, { labels, values })
    return values
  }
}

function samplesOf(name: string, { labels, values }: { readonly labels: Labels; readonly values: Distribution }) {
  const { counts, count, sum } = values.read()
  return [
    ...counts.map((value, index) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: String(bounds[index]) },
      value,
    })),
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}

function createLookups(registry: Registry) {
  const counter = new Counter({
    name: 'bearerd_lookups_total',
    help: 'Questions of mail servers about an address, and what the answer was.',
    labelNames: ['listener', 'answer'],
    registers: [registry],
  })
  const counts = { found: new Map(), 'not-found': new Map(), unavailable: new Map() } satisfies {
    readonly [Answer in LookupEvent['answer']]: Map<string, number>
  }
  return {
    note({ listener, answer }: LookupEvent): void {
      const of: Map<string, number> = counts[answer]
      of.set(listener, (of.get(listener) ?? 0) + 1)
    },
    publish(): void {
      counter.reset()
      for (const [answer, of] of Object.entries(counts))
        for (const [listener, count] of of) counter.inc({ listener, answer }, count)
    },
  }
}

/** These take milliseconds anyway. */
function createRequests(registry: Registry): (event: ProviderEvent) => void {
  const counter = new Counter({
    name: 'bearerd_provider_requests_total',
    help: 'Requests to providers, and what came of them.',
    labelNames: ['directory', 'request', 'outcome'],
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'bearerd_provider_request_duration_seconds',
    help: 'Time from a request to the end of its answer, or to its failure.',
    labelNames: ['directory', 'request'],
    buckets: bounds,
    registers: [registry],
  })
  return ({ directory, request, outcome, ms }) => {
    counter.inc({ directory, request, outcome })
    if (outcome !== 'skipped') durations.observe({ directory, request }, ms / 1000)
  }
}

function createFamilies(registry: Registry): (status: Status) => void {
  const all = families.map(({ name, help, labelNames, type, read }) => {
    const options = { name, help, labelNames: [...labelNames], registers: [registry] }
    if (type === 'gauge') {
      const gauge = new Gauge(options)
      return { reset: () => gauge.reset(), set: (labels: Labels, value: number) => gauge.set(labels, value), read }
    }
    const counter = new Counter(options)
    return { reset: () => counter.reset(), set: (labels: Labels, value: number) => counter.inc(labels, value), read }
  })
  return status => {
    for (const { reset, set, read } of all) {
      reset()
      for (const { labels, value } of read(status)) if (value !== undefined) set(labels, value)
    }
  }
}
