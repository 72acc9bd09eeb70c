/** The reference of metrics, the dashboard and the alerts: that they name what there is, and the reference all of it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { createMetrics } from '../../src/monitor/metrics.ts'
import { mechanisms } from '../../src/sasl/mechanisms.ts'
import { readSamples } from '../support/metrics.ts'
import { well } from '../support/status.ts'

const read = (file: string): string => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8')
const reference = read('reference/metrics.md')
const dashboard = JSON.parse(read('monitoring/grafana-dashboard.json')) as Dashboard
const alerts = read('monitoring/alerts.yml')

type Dashboard = {
  readonly templating: { readonly list: readonly { readonly query: string }[] }
  readonly panels: readonly {
    readonly title: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

/** Everything once, so that each metric has a series. */
async function scrape() {
  const metrics = createMetrics({ status: () => well, mechanisms: mechanisms.map(({ name }) => name) })
  const who = { listener: 'imap', service: 'imap', mechanism: 'PLAIN', directory: 'main' }
  metrics.login({ ...who, verdict: 'accept', reason: 'ok', source: 'cache', ms: 1 })
  metrics.lookup({ listener: 'maps', answer: 'found' })
  metrics.request({ directory: 'main', request: 'introspect', outcome: 'answered', ms: 20 })
  return readSamples(await metrics.read())
}
const of = await scrape()

const labelsOf = (name: string): string[] =>
  labelNames(of.series(of.families.get(name)?.type === 'histogram' ? `${name}_sum` : name)[0] ?? '')
/** Label → metric, as samples are called. */
const known = new Map([...of.names].map(name => [name, new Set(of.series(name).flatMap(labelNames))]))

function labelNames(series: string): string[] {
  return [...series.matchAll(/(\w+)="/g)].map(([, label]) => String(label))
}

it('docs/reference/metrics.md has each metric, with its type and labels, and no other', () => {
  const rows = [...reference.matchAll(/^\| `([a-z]+_\w+)` \| (\w+) \|([^|]*)\| \S/gm)]
  const documented = rows.map(([, name, type, labels = '']) =>
    `${name} ${type} ${labels.replaceAll('`', '').trim()}`.trim(),
  )
  const actual = [...of.families].map(([name, { type }]) => {
    // Garbage may not have been collected yet.
    const labels = name === 'nodejs_gc_duration_seconds' ? ['kind'] : labelsOf(name)
    return `${name} ${type} ${labels.join(', ')}`.trim()
  })
  assert.deepEqual(documented.sort(), actual.sort())
})

it('every mechanism is in the reference', () => {
  const row = /^\| `mechanism` \| (.*) \|$/m.exec(reference)?.[1]
  assert.equal(row, `${mechanisms.map(({ name }) => `\`${name}\``).join(', ')}; \`other\``)
})

/** What Prometheus adds to every series of a target. */
const ofTarget = ['job', 'instance']
const words = new Set(
  'sum by on rate increase histogram_quantile topk time unless and or label_values le job instance'.split(' '),
)

/** PromQL, as far as these expressions go: metrics with matchers, functions, `by` and `on`. */
function findFaults(expr: string): string[] {
  const faults: string[] = []
  const named = new Set<string>()
  const bare = expr.replace(/(\w+)\{([^}]*)\}/g, (_, name, matchers) => {
    for (const [, label = ''] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)"/g)) {
      if (!ofTarget.includes(label) && !known.get(name)?.has(label)) faults.push(`${name} has no label ${label}`)
    }
    return name
  })
  const grouped = bare.replace(/\b(?:by|on) \(([^)]*)\)/g, (_, labels: string) => {
    for (const label of labels.split(',')) named.add(label.trim())
    return ''
  })
  const plain = grouped.replace(/"[^"]*"|\[[^\]]*\]|\$\w+/g, '')
  const metrics = [...plain.matchAll(/[a-z_]\w*/g)].map(([name]) => name).filter(name => !words.has(name))
  for (const name of metrics) if (!known.has(name) && name !== 'up') faults.push(`there is no metric ${name}`)
  if (metrics.length === 0) faults.push('no metric at all')
  for (const label of named)
    if (!ofTarget.includes(label) && !metrics.some(name => known.get(name)?.has(label)))
      faults.push(`nothing has a label ${label}`)
  return faults
}

it('faults in expressions are found', () => {
  assert.deepEqual(findFaults('sum by (reason) (rate(bearerd_logins_total{verdict="accept"}[5m])) > 1'), [])
  assert.deepEqual(findFaults('bearerd_login_total > 0'), ['there is no metric bearerd_login_total'])
  assert.deepEqual(findFaults('bearerd_logins_total{verdikt=~"a"}'), ['bearerd_logins_total has no label verdikt'])
  assert.deepEqual(findFaults('sum by (store) (bearerd_logins_total)'), ['nothing has a label store'])
})

describe('the dashboard', () => {
  for (const { title, targets = [] } of dashboard.panels)
    for (const { expr } of targets)
      it(`${title}: ${expr}`, () => {
        assert.deepEqual(findFaults(expr), [])
      })
  it('has variables of what there is', () => {
    for (const { query } of dashboard.templating.list.filter(({ query }) => query !== 'prometheus'))
      assert.deepEqual(findFaults(query.replace(/, \w+\)$/, ')')), [])
  })
  it('has no panel above another', () => {
    const taken = new Set<string>()
    for (const { title, gridPos } of dashboard.panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(x < 24 && !taken.has(`${x} ${y}`), title)
          taken.add(`${x} ${y}`)
        }
  })
})

describe('the alerts', () => {
  const names = [...alerts.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name]) => String(name))
  const exprs = [...alerts.matchAll(/^ +expr: (.*)$/gm)].map(([, expr]) => String(expr))
  it('have an expression each, of metrics that there are', () => {
    assert.ok(names.length > 0)
    assert.equal(names.length, exprs.length)
    for (const [index, expr] of exprs.entries()) assert.deepEqual(findFaults(expr), [], names[index])
  })
  it('are explained one by one', () => {
    const rows = [...read('howto/monitoring.md').matchAll(/^\| `(Bearerd\w+)` \|/gm)].map(([, name]) => name)
    assert.deepEqual(rows, names)
  })
  it('name reasons that there are', async () => {
    const { reasons } = await import('../../src/auth/reason.ts')
    for (const [, list = ''] of alerts.matchAll(/reason[=!]~?"([^"]*)"/g))
      for (const reason of list.split('|')) assert.ok(reason in reasons, reason)
  })
})
