/** bearerd status: whatever the daemon tells, it fits a terminal, nothing is left out, and what is wrong comes first. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findTroubles, isGrave } from '../../src/cli/status-troubles.ts'
import { statusInWords } from '../../src/cli/status-words.ts'
import { formatDuration, formatTime, plural } from '../../src/cli/words.ts'
import { escaped } from '../../src/escape.ts'
import { accountsError, anyStatus, nowMs, well } from '../support/status.ts'

test('no line has a character that a terminal obeys', () => {
  fc.assert(
    fc.property(anyStatus, status => {
      for (const line of statusInWords(status, '0.1.0', nowMs)) assert.doesNotMatch(line, /[\p{C}\p{Zl}\p{Zp}]/u)
    }),
  )
})

test('every listener, directory, file and reason is told', () => {
  fc.assert(
    fc.property(anyStatus, status => {
      const page = statusInWords(status, '0.1.0', nowMs).join('\n')
      const { listeners, directories, accounts, logins } = status
      for (const { name, path } of listeners) for (const text of [name, path]) assert.ok(page.includes(escaped(text)))
      for (const { name } of directories) assert.ok(page.includes(`directory ${escaped(name)}`.trimEnd()))
      for (const file of accounts.files) assert.ok(page.includes(escaped(file).trimEnd()))
      for (const { reason } of logins.reasons) assert.ok(page.includes(escaped(reason).trimEnd()))
    }),
  )
})

test('what is wrong is counted in the first line, and stands before everything else, errors first', () => {
  fc.assert(
    fc.property(anyStatus, status => {
      const lines = statusInWords(status, status.version, nowMs)
      const troubles = findTroubles(status, nowMs)
      const errors = troubles.filter(isGrave).length
      const found = [errors && `${plural(errors, 'thing')} to mend`, troubles.length - errors && 'warning']
      for (const text of found) if (typeof text === 'string') assert.ok(lines[0]?.includes(text), lines[0])
      assert.equal(troubles.length === 0, lines[0]?.endsWith('all is well'))
      const marks = lines.slice(2, 2 + troubles.length * 14).filter(line => /^(?:FAIL|WARN) {2}/.test(line))
      assert.deepEqual(
        marks.slice(0, troubles.length).map(line => line.slice(0, 4)),
        troubles.map(trouble => (isGrave(trouble) ? 'FAIL' : 'WARN')),
      )
    }),
  )
})

test('each thing that can be wrong is found, and nothing in a daemon that is well', () => {
  const [imap, policy] = well.listeners
  const [main] = well.directories
  assert.ok(imap && policy && main)
  const cause = { time: '2026-01-31T02:51:00.000Z', cause: 'userinfo: refused', cure: 'Start it.' }
  const failing = { ...main.provider, state: 'failing', failingSince: cause.time, lastError: cause } as const
  const refused = { time: cause.time, problems: [accountsError] }
  const broken = { ...well.accounts, problems: [accountsError] }
  const warned = { ...well.accounts, problems: [{ ...accountsError, severity: 'warning' }] } as const
  const cases = {
    'warning bearerd': { state: 'stopping' },
    'error listen.imap': { listeners: [{ ...imap, open: false }, policy] },
    'error listen.policy': { listeners: [imap, { ...policy, refusing: true }] },
    'error accounts': { accounts: broken },
    'error app passwords': { passwords: { ...well.accounts, count: undefined } },
    'error bindings': { bindings: broken },
    'warning accounts': { accounts: warned },
    'error directory main': { directories: [{ ...main, provider: failing }] },
    'warning directory main': { directories: [{ ...main, warnings: ['any application …'] }] },
    'error /etc/bearerd/bearerd.toml': { config: { ...well.config, refused } },
  } as const
  const told = (more: object): string[] =>
    findTroubles({ ...well, ...more }, nowMs).map(({ severity, subject }) => `${severity} ${subject}`)
  for (const [expected, more] of Object.entries(cases)) assert.deepEqual(told(more), [expected])
  assert.deepEqual(told({}), [])
})

test('durations lose less than a tenth, and counts have the right ending', () => {
  fc.assert(
    fc.property(fc.nat(2_000_000_000), ms => {
      const units = { day: 86_400, days: 86_400, h: 3600, min: 60, s: 1 } as const
      const parts = [...formatDuration(ms).matchAll(/(\d+) (\w+)/g)]
      const told = parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units], 0)
      assert.ok(told * 1000 <= ms && ms / 1000 - told < Math.max(1, ms / 2000), formatDuration(ms))
      assert.match(formatTime(ms), /^1970-\d\d-\d\d \d\d:\d\d UTC$/)
    }),
  )
  assert.deepEqual(
    [0, 1, 2].map(count => plural(count, 'day')),
    ['0 days', '1 day', '2 days'],
  )
})
