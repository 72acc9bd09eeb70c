/** Messages of real clients (test/fixtures/sasl-messages.txt). */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { Challenge, Credentials, Malformed } from '../../src/sasl/mechanism.ts'
import { mechanisms } from '../../src/sasl/mechanisms.ts'

const rows = readFileSync(new URL('../fixtures/sasl-messages.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter(row => row !== '' && !row.startsWith('#'))
  .map(row => row.split('\t'))

function describeOutcome(outcome: Challenge | Credentials | Malformed): string {
  if (outcome.kind === 'malformed') return `malformed: ${outcome.why}`
  if (outcome.kind === 'challenge') return 'challenge'
  if (outcome.kind === 'password') return `${outcome.password} ${outcome.authcid} ${outcome.authzid ?? '-'}`
  return `${outcome.token} ${outcome.authzid ?? '-'}`
}

it('are on offer: tokens first, and the standard one of a kind', () =>
  assert.deepEqual(
    mechanisms.map(({ name, flags, failure }) => [name, flags, failure]),
    [
      ['OAUTHBEARER', ['plaintext'], 'oauthbearer'],
      ['XOAUTH2', ['plaintext'], 'xoauth2'],
      ['PLAIN', ['plaintext'], undefined],
      ['LOGIN', ['plaintext'], undefined],
    ],
  ))

describe('recorded messages', () => {
  for (const [name, base64 = '', expected] of rows) {
    it(`${name} ${expected}`, () => {
      const exchange = mechanisms.find(mechanism => mechanism.name === name)?.start({ tokenBytes: 16_384 })
      assert.ok(exchange)
      assert.equal(describeOutcome(exchange(Buffer.from(base64, 'base64'))), expected)
    })
  }
  it('XOAUTH2 and OAUTHBEARER, a token of 1500 and an initial response cut off by Postfix at 2048 bytes', () => {
    const token = `good-${'A'.repeat(1495)}`
    const cut = [
      ['XOAUTH2', `user=alice@example.com\x01auth=Bearer ${token}\x01\x01`, 2035],
      ['OAUTHBEARER', `n,a=alice@example.com,\x01host=localhost\x01port=587\x01auth=Bearer ${token}\x01\x01`, 2031],
    ] as const
    for (const [name, message, length] of cut) {
      const response = Buffer.from(Buffer.from(message).toString('base64').slice(0, length), 'base64')
      const exchange = mechanisms.find(mechanism => mechanism.name === name)?.start({ tokenBytes: 16_384 })
      assert.ok(exchange)
      assert.match(describeOutcome(exchange(response)), /cut off/)
    }
  })
  it('what Postfix cuts off at 2048 bytes never looks whole: it is not base64', () => {
    for (const { name } of mechanisms) assert.notEqual((2048 - `AUTH ${name} `.length) % 4, 0, name)
  })
})
