/**
 * How providers refuse, in the form that was found in their sources or documentation (test/fixtures/providers): a refusal of
 * the token is one, and a refusal of bearerd's own credentials is none. Google's are in tokeninfo.test.ts, good answers and
 * what they claim in test/unit/provider-quirks.test.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Asked } from '../../src/config/config.ts'
import { Secret } from '../../src/secret.ts'
import { openProvider } from '../support/asking.ts'
import { json, startFaultProvider } from '../support/fault-provider.ts'
import { answersOf } from '../support/provider-pages.ts'

/** Which recorded answer each endpoint gives, in the order of the chain; and the reason, or the cause in the log. */
type Case = readonly [what: string, provider: string, answers: Partial<Record<Asked, string>>, told: string | RegExp]

const clientRefused = /the provider refuses the credentials of bearerd itself.*\(CLIENT_REFUSED\)$/
const cases: readonly Case[] = [
  ['the caller is not in the audience', 'keycloak', { introspect: 'not-in-audience' }, 'token_refused'],
  ['the caller is not in the audience', 'zitadel', { introspect: 'not-in-audience' }, 'token_refused'],
  ['introspection calls it inactive', 'dex', { introspect: 'inactive' }, 'token_refused'],
  ['userinfo refuses it by 403', 'dex', { introspect: 'introspection', userinfo: 'userinfo-refused' }, 'token_refused'],
  ['introspection calls it inactive', 'okta', { introspect: 'inactive' }, 'token_refused'],
  ['the client is refused', 'okta', { introspect: 'unauthenticated' }, clientRefused],
]

for (const [what, provider, answers, told] of cases)
  test(`${provider}: ${what}: ${typeof told === 'string' ? 'refused' : 'no verdict'}`, async t => {
    const server = await startFaultProvider()
    t.after(server.stop)
    const recorded = answersOf(provider)
    for (const [method, name] of Object.entries(answers)) {
      const answer = recorded[name]
      assert.ok(answer !== undefined && 'body' in answer, name)
      server.answerAt(`/${method}`, json(answer.body, answer.status))
    }
    const methods = Object.keys(answers) as Asked[]
    const urls = Object.fromEntries(methods.map(method => [method, `${server.origin}/${method}`]))
    const secret = new Secret('a secret of bearerd')
    const { lookup, states } = openProvider(t, {
      endpoint: { methods, urls, alwaysAsk: false },
      auth: { method: 'basic', username: 'bearerd', secret, encoding: 'form' },
    })
    const verdict = await lookup('an-opaque-token-of-alice')
    if (typeof told === 'string') {
      assert.deepEqual([verdict.kind === 'refused' && verdict.reason, states()], [told, []])
    } else {
      assert.equal(verdict.kind, 'unavailable')
      assert.match(states().join(), told)
    }
    assert.equal(server.asked.length, methods.length)
  })
