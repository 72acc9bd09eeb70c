/** Access tokens of users, and what else providers issue, by the marks that each is known to leave. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clientOf, findKind, isRefreshToken } from '../../src/auth/token-kind.ts'
import type { Claims, Evidence } from '../../src/oidc/token-verdict.ts'
import { introspected, ofUserinfo, userinfoOfJwt, verified } from '../support/evidence.ts'

function expectEach(reason: string | undefined, cases: Record<string, Evidence>): void {
  for (const [name, evidence] of Object.entries(cases)) it(name, () => assert.equal(findKind(evidence)?.reason, reason))
}

describe('an access token of a user', () => {
  expectEach(undefined, {
    'RFC 9068': verified({ sub: '1', client_id: 'thunderbird' }, { typ: 'at+jwt' }),
    'Keycloak, with a nonce (before 24)': verified({ typ: 'Bearer', azp: 'thunderbird', nonce: 'n' }, { typ: 'JWT' }),
    'Keycloak, bound to a key': verified({ typ: 'DPoP', azp: 'thunderbird' }, { typ: 'JWT' }),
    authentik: verified({ azp: 'thunderbird', uid: '1' }, { typ: 'JWT' }),
    Okta: verified({ cid: 'thunderbird', uid: '00u', jti: 'AT.x', sub: 'alice@example.org' }, { kid: 'k' }),
    'Entra, version 1': verified({ appid: 'thunderbird', ver: '1.0', idtyp: 'user' }, { typ: 'JWT' }),
    'Auth0, profile of its own': verified({ azp: 'thunderbird', gty: 'password', sub: 'auth0|1' }, { typ: 'JWT' }),
    'Dex, which puts at_hash into access tokens too, introspected': introspected({
      token_use: 'access_token',
      at_hash: 'x',
      aud: 'thunderbird',
    }),
    'Hydra, introspected': introspected({ token_use: 'access_token', token_type: 'Bearer' }),
    'opaque, told of by userinfo only': ofUserinfo({ sub: '1' }),
    'a JWT without a client, which the provider accepts': userinfoOfJwt({ sub: '1' }, { typ: 'JWT' }),
  })
})

describe('an ID token, or a JWT for something else', () => {
  expectEach('not_an_access_token', {
    'by the header': userinfoOfJwt({}, { typ: 'logout+jwt' }),
    'by typ (Keycloak)': userinfoOfJwt({ typ: 'ID', azp: 'thunderbird' }),
    'by typ, introspected (Keycloak)': introspected({ typ: 'ID' }),
    'by typ of a logout (Keycloak)': verified({ typ: 'Logout', azp: 'thunderbird' }),
    'by token_use (Cognito)': introspected({ token_use: 'id' }),
    'by at_hash': verified({ azp: 'thunderbird', at_hash: 'x' }),
    'by at_hash, introspected (refresh tokens at authentik)': introspected({ at_hash: 'x', client_id: 'bearerd' }),
    'by c_hash, whatever the introspection endpoint calls it (Dex)': {
      ...introspected({ token_use: 'access_token' }),
      jwt: { header: {}, payload: { c_hash: 'x' } },
    },
    'by its jti (Okta)': verified({ cid: 'thunderbird', jti: 'ID.x' }),
    'by having no client, where nobody but the signature speaks for it (authentik, Auth0, Entra)': verified({
      sub: '1',
      aud: 'thunderbird',
      nonce: 'n',
    }),
  })
})

describe('a refresh token', () => {
  expectEach('refresh_token', {
    'by token_use (Dex, Hydra)': introspected({ token_use: 'refresh_token' }),
    'by token_use, shorter': introspected({ token_use: 'refresh' }),
    'by typ (Keycloak)': introspected({ typ: 'Refresh' }),
    'by typ, offline (Keycloak)': introspected({ typ: 'Offline' }),
    'by typ, in the JWT only': userinfoOfJwt({ typ: 'Refresh' }),
  })
  it('is known by its form at Authelia, whose introspection does not tell', () => {
    assert.equal(isRefreshToken('authelia_rt_abc'), true)
    for (const token of ['authelia_at_abc', 'x_authelia_rt_abc', 'authelia_rt', ''])
      assert.equal(isRefreshToken(token), false)
  })
})

describe('a token of a program', () => {
  const client = { client_id: 'backup' }
  expectEach('machine_token', {
    'by its subject (RFC 9068, Authelia)': introspected({ ...client, sub: 'backup' }),
    'by its subject (Okta)': verified({ cid: '0oa1', sub: '0oa1' }),
    'by its subject (Auth0)': verified({ azp: 'abc', sub: 'abc@clients' }),
    'by its grant (Auth0)': verified({ azp: 'abc', sub: 'x', gty: 'client-credentials' }),
    'by idtyp (Entra)': verified({ azp: 'abc', sub: 'x', idtyp: 'app' }),
    'by the user name, introspected (Keycloak)': introspected({
      ...client,
      sub: '5ab16a86',
      username: 'service-account-backup',
    }),
    'by the user name, from userinfo (Keycloak)': {
      ...introspected({ ...client, sub: '5ab16a86' }),
      claims: { sub: '5ab16a86', preferred_username: 'service-account-backup' },
    },
  })
  it('is none because of a name that only looks like it', () => {
    for (const claims of [
      { ...client, sub: 'backups' },
      { ...client, preferred_username: 'service-account-other' },
      { ...client, preferred_username: 'service-account-' },
      { sub: 'x@clients' },
      { sub: '' },
    ])
      assert.equal(findKind(introspected(claims)), undefined, JSON.stringify(claims))
  })
})

describe('the client', () => {
  const client = (token: Claims): string | undefined => clientOf(token)
  it('is azp before client_id, which at authentik is the caller', () => {
    assert.equal(client({ client_id: 'bearerd', azp: 'thunderbird' }), 'thunderbird')
    assert.equal(client({ client_id: 'thunderbird' }), 'thunderbird')
    assert.equal(client({ cid: 'okta' }), 'okta')
    assert.equal(client({ appid: 'entra' }), 'entra')
  })
  it('is text, and not empty', () => {
    for (const azp of ['', null, 7, ['thunderbird'], { a: 1 }]) {
      assert.equal(client({ azp }), undefined)
      assert.equal(client({ azp, client_id: 'thunderbird' }), 'thunderbird')
    }
  })
})
