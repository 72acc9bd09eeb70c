/** Every reason code: a login that ends with it, by a check that can be followed, and its place in the reference. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { rejectReasons, unavailableReasons } from '../../src/auth/reason.ts'
import type { Explanation } from '../../src/cli/explain-decision.ts'
import { failedCheck, readExplanation, runExplain } from '../support/explain.ts'
import { json, startFaultProvider } from '../support/fault-provider.ts'
import { command, document, referencePage } from '../support/reason-codes.ts'
import { type Explained, introspection, jwks, scenarios } from '../support/reason-scenarios.ts'

const opaque = 'ory_at_nobody-may-see-this-token_0123456789'

async function explain(t: TestContext, scenario: Explained): Promise<{ explanation: Explanation; code: number }> {
  const provider = await startFaultProvider()
  t.after(provider.stop)
  const { origin } = provider
  const { directory = introspection(), token = () => opaque, accounts, files, answer = {}, user } = scenario
  const good = { active: true, sub: '1', email: 'alice@example.org' }
  provider.answerAt('/introspect', typeof answer === 'function' ? answer : json({ ...good, ...answer }))
  provider.answerAt('/userinfo', json({ ...good, ...scenario.userinfo }))
  provider.answerAt('/jwks', json(jwks))
  const config = `[directory.main]\n${directory(origin)}`
  const site = { config, ...(accounts !== undefined && { accounts }), ...(files !== undefined && { files }) }
  const shown = await runExplain(t, site, token(origin), { json: true, user })
  assert.notEqual(shown.output, '', shown.error)
  return { explanation: readExplanation(shown, token(origin)), code: shown.code }
}

const reasons = { ...rejectReasons, ...unavailableReasons }
const exitCodes: Record<string, number> = {
  provider_unavailable: 69,
  accounts_unavailable: 78,
  bindings_unavailable: 69,
}

it('every code has a scenario, and no other has', () => {
  assert.deepEqual(Object.keys(scenarios).sort(), Object.keys(reasons).sort())
})

describe('explain-token names', { concurrency: true }, () => {
  for (const [reason, scenario] of Object.entries(scenarios))
    if (typeof scenario !== 'function')
      it(`${reason}, by the check "${scenario.check}"`, async t => {
        const { explanation, code } = await explain(t, scenario)
        const { verdict, meaning, cure, steps } = explanation
        assert.deepEqual([explanation.reason, failedCheck(explanation)], [reason, scenario.check])
        assert.equal(meaning, reasons[explanation.reason as keyof typeof reasons].meaning)
        assert.equal(verdict, reason in rejectReasons ? 'reject' : 'unavailable')
        assert.equal(code, exitCodes[reason] ?? 1)
        assert.equal(steps.find(({ outcome }) => outcome === 'failed')?.cure, cure, 'as its own last word')
        assert.ok(cure.length > 20)
      })
})

describe('the log names', () => {
  for (const [reason, scenario] of Object.entries(scenarios))
    if (typeof scenario === 'function')
      it(reason, async t => {
        const line = await scenario(t)
        assert.equal(line?.reason, reason)
        assert.ok(String(line?.cure).length > 20)
        assert.equal(line?.message, reasons[reason as keyof typeof reasons].meaning)
      })
})

it(`${referencePage} is what the table says; else: ${command}`, () => {
  assert.equal(readFileSync(referencePage, 'utf8'), document())
})
