import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { OAuthFailure } from '../../src/auth/verdict.ts'
import { failureChallenge, userText } from '../../src/dovecot/failure.ts'

const failure: fc.Arbitrary<OAuthFailure> = fc.record({
  status: fc.constantFrom('invalid_token', 'insufficient_scope', 'invalid_request'),
  scope: fc.option(fc.string({ maxLength: 500 }), { nil: undefined }),
  openidConfiguration: fc.option(fc.webUrl({ size: 'large' }), { nil: undefined }),
})

it('is JSON that fits an SMTP reply line, with a status at least', () => {
  fc.assert(
    fc.property(fc.constantFrom('oauthbearer', 'xoauth2'), failure, (form, failure) => {
      const challenge = failureChallenge(form, failure)
      assert.ok(`334 ${challenge.toString('base64')}\r\n`.length <= 512)
      const json = JSON.parse(challenge.toString())
      const statuses = { invalid_token: '401', insufficient_scope: '403', invalid_request: '400' }
      assert.equal(json.status, form === 'xoauth2' ? statuses[failure.status] : failure.status)
      assert.equal(json.schemes, form === 'xoauth2' ? 'bearer' : undefined)
      assert.ok(json.scope === undefined || json.scope === failure.scope)
      const url = json['openid-configuration']
      assert.ok(url === undefined || url === failure.openidConfiguration)
    }),
  )
})

it('leaves nothing out that fits', () => {
  const url = 'https://idp.example.org/.well-known/openid-configuration'
  const challenge = failureChallenge('oauthbearer', {
    status: 'invalid_token',
    scope: 'openid email',
    openidConfiguration: url,
  })
  assert.deepEqual(JSON.parse(challenge.toString()), {
    status: 'invalid_token',
    scope: 'openid email',
    'openid-configuration': url,
  })
})

it('makes one short line of ASCII of a text for users', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), text => {
      assert.match(userText(text) ?? '', /^[\x20-\x7e]{0,200}$/)
      if (/^[\x20-\x7e]{0,200}$/.test(text)) assert.equal(userText(text), text)
    }),
  )
  assert.equal(userText(undefined), undefined)
})
