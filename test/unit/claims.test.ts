import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkClaims, type Evidence, expiryMs } from '../../src/auth/claims.ts'
import { peekJwt } from '../../src/auth/jwt.ts'
import { claimAt } from '../../src/oidc/claim-path.ts'
import type { Claims } from '../../src/oidc/token-verdict.ts'
import { directory } from '../support/directory.ts'

const now = Date.UTC(2026, 10, 21)
const seconds = now / 1000

/** An introspection answer, where claims and token are one. */
const introspected = (claims: Claims): Evidence => ({ claims, token: claims, jwt: undefined })

/** A userinfo answer for a token that is a JWT. */
const userinfo = (payload: Claims, header: Claims = { alg: 'RS256' }): Evidence => ({
  claims: { sub: '1', email: 'alice@example.org' },
  token: payload,
  jwt: { header, payload },
})

const check = (evidence: Evidence, settings: Parameters<typeof directory>[0] = {}) =>
  checkClaims(evidence, directory(settings), now)?.reason

describe('time', () => {
  it('lets a token be used to its expiry, and a minute longer for clocks that differ', () => {
    assert.equal(check(introspected({ exp: seconds + 1 })), undefined)
    assert.equal(check(introspected({ exp: seconds - 59 })), undefined)
    assert.equal(check(introspected({ exp: seconds - 60 })), 'token_expired')
    assert.equal(check(userinfo({ exp: seconds - 3600 })), 'token_expired')
  })
  it('refuses one that is not valid yet', () => {
    assert.equal(check(introspected({ nbf: seconds + 60 })), undefined)
    assert.equal(check(introspected({ nbf: seconds + 61 })), 'token_not_yet_valid')
  })
  it('reads dates sent as strings, and takes none from anything else', () => {
    assert.equal(check(introspected({ exp: String(seconds - 3600) })), 'token_expired')
    for (const exp of [null, '', 'soon', [], {}, true, Number.NaN])
      assert.equal(expiryMs(introspected({ exp })), Number.POSITIVE_INFINITY, JSON.stringify(exp))
  })
  it('ends with the earliest expiry in sight', () => {
    const evidence = { claims: { exp: 30 }, token: { exp: 20 }, jwt: { header: {}, payload: { exp: 10 } } }
    assert.equal(expiryMs(evidence), 10_000)
  })
})

describe('kind of token', () => {
  const refused: Record<string, Evidence> = {
    'Dex refresh token': introspected({ token_use: 'refresh_token' }),
    'Cognito ID token': introspected({ token_use: 'id' }),
    'Keycloak refresh token': introspected({ typ: 'Refresh' }),
    'Keycloak ID token': userinfo({ typ: 'ID' }),
    'ID token by its hash': userinfo({ at_hash: 'x' }),
    'logout token': userinfo({}, { typ: 'logout+jwt' }),
  }
  for (const [name, evidence] of Object.entries(refused))
    it(`refuses a ${name}`, () => assert.equal(check(evidence), 'not_an_access_token'))

  const accepted: Record<string, Evidence> = {
    'RFC 9068 token': userinfo({}, { typ: 'at+jwt' }),
    'RFC 9068 token with the long type': userinfo({}, { typ: 'application/at+JWT' }),
    'plain JWT': userinfo({}, { typ: 'JWT' }),
    'Keycloak access token': userinfo({ typ: 'Bearer', nonce: 'n' }),
    'Hydra access token': introspected({ token_use: 'access_token', token_type: 'Bearer' }),
  }
  for (const [name, evidence] of Object.entries(accepted))
    it(`accepts a ${name}`, () => assert.equal(check(evidence), undefined))
})

describe('issuer', () => {
  it('is compared to the last slash, where the token names one', () => {
    const issuer = 'https://idp.example.org'
    assert.equal(check(introspected({ iss: issuer }), { issuer }), undefined)
    assert.equal(check(introspected({}), { issuer }), undefined)
    assert.equal(check(introspected({ iss: `${issuer}/` }), { issuer }), 'wrong_issuer')
    assert.equal(check(userinfo({ iss: 'https://evil.example.org' }), { issuer }), 'wrong_issuer')
  })
})

describe('audience', () => {
  const require = { audience: ['mail', 'imap'] }
  it('must be one of those wanted: a string or a list', () => {
    assert.equal(check(introspected({ aud: 'mail' }), { require }), undefined)
    assert.equal(check(introspected({ aud: ['wiki', 'imap'] }), { require }), undefined)
    assert.equal(check(introspected({ aud: 'wiki' }), { require }), 'wrong_audience')
    assert.equal(check(introspected({ aud: { mail: true } }), { require }), 'wrong_audience')
    assert.equal(check(introspected({ aud: 'mail imap' }), { require }), 'wrong_audience')
  })
  it('is read from the JWT that userinfo has accepted, never from the userinfo answer', () => {
    assert.equal(check(userinfo({ aud: 'mail' }), { require }), undefined)
    assert.equal(
      check({ claims: { aud: 'mail' }, token: {}, jwt: undefined }, { require }),
      'wrong_audience',
      'an opaque token shows none',
    )
  })
})

describe('client', () => {
  const require = { clients: ['thunderbird'] }
  it('goes by azp, client_id, cid or appid', () => {
    for (const name of ['azp', 'client_id', 'cid', 'appid'])
      assert.equal(check(introspected({ [name]: 'thunderbird' }), { require }), undefined, name)
    assert.equal(check(introspected({}), { require }), 'wrong_client')
  })
  it('believes azp before client_id, which at authentik is the caller', () => {
    assert.equal(check(introspected({ azp: 'wiki', client_id: 'thunderbird' }), { require }), 'wrong_client')
  })
})

describe('scopes', () => {
  const require = { scopes: ['openid', 'email'] }
  it('must all be there, as words or as a list, under either name', () => {
    for (const claims of [
      { scope: 'email openid profile' },
      { scope: ['openid', 'email'] },
      { scp: ['email', 'openid'] },
    ])
      assert.equal(check(introspected(claims), { require }), undefined, JSON.stringify(claims))
    assert.equal(check(introspected({ scope: 'openid emails' }), { require }), 'insufficient_scope')
    assert.equal(check(introspected({}), { require }), 'insufficient_scope')
  })
})

describe('gates', () => {
  const require = { claim: { groups: ['mail-users', 'staff'], 'ext.level': ['3'] } }
  it('need one of the values in each claim, at any depth', () => {
    assert.equal(check(introspected({ groups: ['staff'], ext: { level: 3 } }), { require }), undefined)
    assert.equal(check(introspected({ groups: 'mail-users', ext: { level: '3' } }), { require }), undefined)
    assert.equal(check(introspected({ groups: ['staff'] }), { require }), 'claim_mismatch')
    assert.equal(check(introspected({ groups: [['staff']], ext: { level: 3 } }), { require }), 'claim_mismatch')
  })
})

describe('claim paths', () => {
  it('reach into objects, but try the whole name first', () => {
    assert.equal(claimAt({ ext: { email: 'a@b' } }, 'ext.email'), 'a@b')
    assert.equal(claimAt({ 'https://example.com/email': 'a@b' }, 'https://example.com/email'), 'a@b')
    assert.equal(claimAt({ ext: null }, 'ext.email'), undefined)
    assert.equal(claimAt({ ext: 'text' }, 'ext.length'), undefined)
  })
  it('never find what JavaScript put there', () => {
    for (const path of ['constructor', '__proto__', 'toString', 'ext.constructor.name', '__proto__.x'])
      assert.equal(claimAt({ ext: {} }, path), undefined, path)
  })
})

describe('peekJwt', () => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  it('reads a JWS in compact form', () => {
    assert.deepEqual(peekJwt(`${part({ typ: 'at+jwt' })}.${part({ aud: 'mail' })}.sig`), {
      header: { typ: 'at+jwt' },
      payload: { aud: 'mail' },
    })
  })
  it('sees no JWT in anything else', () => {
    for (const token of ['opaque', 'a.b.c', `${part({})}.${part([])}.s`, `${part({})}.${part({})}`, `${part(1)}.e30.s`])
      assert.equal(peekJwt(token), undefined, token)
  })
})
