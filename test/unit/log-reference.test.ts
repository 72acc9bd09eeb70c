/** docs/reference/log.md: every event and field that src/ logs, and no other. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { callsIn, readLogEvents } from '../support/log-events.ts'

const page = readFileSync('docs/reference/log.md', 'utf8')

/** The rows of all tables whose first column has this title, cells as they stand. */
function rowsOf(title: string): string[][] {
  return page.split('\n\n').flatMap(part => {
    const [head = '', , ...rows] = part.split('\n').filter(line => line.startsWith('|'))
    const cells = (row: string): string[] =>
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map(cell => cell.trim())
    return cells(head)[0] === title ? rows.map(cells) : []
  })
}

const words = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`(\w+)`/g)].map(([, word]) => word ?? '')
const sorted = (list: Iterable<string>): string => [...list].sort().join(' ')

test('every event is documented with its levels and fields, and no other is', () => {
  const inSource = [...readLogEvents()].map(
    ([event, { levels, fields }]) => `${event}: ${sorted(levels)}: ${sorted(fields)}`,
  )
  const inPage = rowsOf('event').map(([event, level, fields]) =>
    [sorted(words(event)), sorted(words(level)), sorted(words(fields))].join(': '),
  )
  assert.deepEqual(inPage.sort(), inSource.sort())
})

test('every field is documented, in order, and no other is', () => {
  const logged = new Set([...readLogEvents().values()].flatMap(({ fields }) => [...fields]))
  const [every = [], documented = []] = [rowsOf('field').slice(0, 4), rowsOf('field').slice(4)].map(rows =>
    rows.map(([name]) => sorted(words(name))),
  )
  assert.deepEqual(every, ['level', 'time', 'event', 'msg'])
  assert.deepEqual(documented, [...logged].sort())
})

test('no event is made in a place where it is not looked for', () => {
  const known = readLogEvents()
  const names = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const made = names.flatMap(name => [...readFileSync(`src/${name}`, 'utf8').matchAll(/\bevent: '(\w+)'/g)])
  for (const [, event = ''] of made) assert.ok(known.has(event), event)
})

test('what a log is given is found in every form that src/ uses, and another form is an error', () => {
  const source = `
function both(error) {
  if (error) return { error: 'a, b' }
  return error === undefined ? { code } : { code, ...(stack !== undefined && { stack }) }
}
const place = { listener: name, connection: { id: 1 } }
const event = \`\${what}_problem\`
log.info({ event: 'plain', one, two: f({ three: 3 }, 4) }, 'text {')
log[isError ? 'error' : 'warn']({ event, ...place, [what]: held }, 'text')
const fields = { event: 'named', ...both(error) }
log.warn({ ...fields, cure }, 'text')
const other = { warn: (fields, message) => log[level](fields, message) }
`
  const found = callsIn('x.ts', source, 'accounts').map(({ levels, logged: { events, fields } }) => [
    ...levels,
    events,
    fields,
  ])
  assert.deepEqual(found, [
    ['info', ['plain'], ['one', 'two']],
    ['error', 'warn', ['accounts_problem'], ['listener', 'connection', 'accounts']],
    ['warn', ['named'], ['error', 'code', 'code', 'stack', 'cure']],
  ])
  const odd = [
    "log.info(fields, 'x')",
    "log.info(made(), 'x')",
    "log.info({ one }, 'x')",
    'f(log.warn)',
    'const { warn } = log',
  ]
  for (const text of odd) assert.throws(() => callsIn('x.ts', text), /^Error: x\.ts:1: /, text)
  assert.throws(() => callsIn('x.ts', 'log.info({ event: `$' + "{kind}_x` }, 'x')"), /can't tell the name/)
})
