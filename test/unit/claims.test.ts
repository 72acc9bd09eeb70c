import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkClaims, expiryMs, explainClaims, isHopeless } from '../../src/auth/claims.ts'
import { claimAt } from '../../src/oidc/claim-path.ts'
import { peekJwt } from '../../src/oidc/jwt.ts'
import type { Claims, Evidence } from '../../src/oidc/token-verdict.ts'
import { directory } from '../support/directory.ts'
import { introspected, ofUserinfo, userinfoOfJwt, verified } from '../support/evidence.ts'

const now = Date.UTC(2026, 10, 21)
const seconds = now / 1000

const check = (evidence: Evidence, settings: Parameters<typeof directory>[0] = {}) =>
  checkClaims(evidence, directory(settings), now)?.reason

describe('time', () => {
  it('lets a token be used to its expiry, and a minute longer for clocks that differ', () => {
    assert.equal(check(introspected({ exp: seconds + 1 })), undefined)
    assert.equal(check(introspected({ exp: seconds - 59 })), undefined)
    assert.equal(check(introspected({ exp: seconds - 60 })), 'token_expired')
    assert.equal(check(userinfoOfJwt({ exp: seconds - 3600 })), 'token_expired')
  })
  it('refuses one that is not valid yet', () => {
    assert.equal(check(introspected({ nbf: seconds + 60 })), undefined)
    assert.equal(check(introspected({ nbf: seconds + 61 })), 'token_not_yet_valid')
  })
  it('goes by the leeway of the directory, for the end and the beginning alike', () => {
    for (const leewayMs of [0, 5_000, 300_000]) {
      const leeway = leewayMs / 1000
      assert.equal(check(introspected({ exp: seconds - leeway }), { leewayMs }), 'token_expired', `${leeway}`)
      assert.equal(check(introspected({ exp: seconds - leeway + 1 }), { leewayMs }), undefined, `${leeway}`)
      assert.equal(check(introspected({ nbf: seconds + leeway }), { leewayMs }), undefined, `${leeway}`)
      assert.equal(check(introspected({ nbf: seconds + leeway + 1 }), { leewayMs }), 'token_not_yet_valid', `${leeway}`)
    }
  })
  it('must end, where nothing but its signature speaks for the token', () => {
    const payload = { azp: 'thunderbird', exp: seconds + 60 }
    assert.equal(check(verified(payload)), undefined)
    assert.equal(check(verified({ ...payload, exp: seconds - 61 })), 'token_expired')
    for (const exp of [undefined, null, 'soon', {}])
      assert.equal(check(verified({ ...payload, exp })), 'token_incomplete', JSON.stringify(exp))
    assert.equal(check(userinfoOfJwt({ azp: 'thunderbird' })), undefined, 'the provider has just accepted it')
  })
  it('reads dates sent as strings, and takes none from anything else', () => {
    assert.equal(check(introspected({ exp: String(seconds - 3600) })), 'token_expired')
    for (const exp of [null, '', 'soon', [], {}, true, Number.NaN])
      assert.equal(expiryMs(introspected({ exp })), Number.POSITIVE_INFINITY, JSON.stringify(exp))
  })
  it('ends with the earliest expiry in sight', () => {
    const evidence = {
      claims: { exp: 30 },
      token: { exp: 20 },
      jwt: { header: {}, payload: { exp: 10 } },
      verified: false,
    }
    assert.equal(expiryMs(evidence), 10_000)
  })
})

describe('kind of token', () => {
  const refused: Record<string, Evidence> = {
    'Cognito ID token': introspected({ token_use: 'id' }),
    'Keycloak ID token': userinfoOfJwt({ typ: 'ID' }),
    'ID token by its hash': userinfoOfJwt({ at_hash: 'x' }),
    'logout token': userinfoOfJwt({}, { typ: 'logout+jwt' }),
  }
  for (const [name, evidence] of Object.entries(refused))
    it(`refuses a ${name}`, () => assert.equal(check(evidence), 'not_an_access_token'))

  const accepted: Record<string, Evidence> = {
    'RFC 9068 token': userinfoOfJwt({}, { typ: 'at+jwt' }),
    'RFC 9068 token with the long type': userinfoOfJwt({}, { typ: 'application/at+JWT' }),
    'plain JWT': userinfoOfJwt({}, { typ: 'JWT' }),
    'Keycloak access token': userinfoOfJwt({ typ: 'Bearer', nonce: 'n' }),
    'Hydra access token': introspected({ token_use: 'access_token', token_type: 'Bearer' }),
  }
  for (const [name, evidence] of Object.entries(accepted))
    it(`accepts a ${name}`, () => assert.equal(check(evidence), undefined))
})

describe('a token of a program or for the provider itself', () => {
  it('is told from an access token of a user, each by its own reason', () => {
    assert.equal(check(introspected({ token_use: 'refresh_token' })), 'refresh_token')
    assert.equal(check(introspected({ sub: 'backup', client_id: 'backup' })), 'machine_token')
    assert.equal(check(verified({ exp: seconds + 60 })), 'not_an_access_token', 'it names no client')
  })
  it('is expired before it is anything else', () => {
    assert.equal(check(introspected({ exp: seconds - 3600, token_use: 'refresh_token' })), 'token_expired')
  })
})

describe('issuer', () => {
  it('is compared to the last slash, where the token names one', () => {
    const issuer = 'https://idp.example.org'
    assert.equal(check(introspected({ iss: issuer }), { issuer }), undefined)
    assert.equal(check(introspected({}), { issuer }), undefined)
    assert.equal(check(introspected({ iss: `${issuer}/` }), { issuer }), 'wrong_issuer')
    assert.equal(check(userinfoOfJwt({ iss: 'https://evil.example.org' }), { issuer }), 'wrong_issuer')
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
    assert.equal(check(userinfoOfJwt({ aud: 'mail' }), { require }), undefined)
    assert.equal(check(ofUserinfo({ aud: 'mail' }), { require }), 'wrong_audience', 'an opaque token shows none')
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

describe('an explanation', () => {
  const config = directory({
    issuer: 'https://idp.example.org',
    require: { audience: ['mail'], clients: ['thunderbird'], scopes: ['email'], claim: { groups: ['staff'] } },
  })
  const good = introspected({
    iss: 'https://idp.example.org',
    exp: seconds + 60,
    nbf: seconds,
    aud: 'mail',
    azp: 'thunderbird',
    scope: 'email',
    groups: ['staff'],
  })
  const outcomes = (evidence: Evidence) =>
    explainClaims(evidence, config, now).map(({ check, outcome }) => [check, outcome])

  it('has a line for each check, also for those after the first that fails', () => {
    const checks = ['expiry', 'not before', 'kind of token', 'issuer', 'audience', 'client', 'scopes', 'gates']
    assert.deepEqual(
      outcomes(good),
      checks.map(check => [check, 'ok']),
    )
    const bad = introspected({ ...good.token, aud: 'wiki', groups: ['guests'] })
    assert.deepEqual(
      outcomes(bad).filter(([, outcome]) => outcome === 'failed'),
      [
        ['audience', 'failed'],
        ['gates', 'failed'],
      ],
    )
  })
  it('says what is there and what should be', () => {
    const [step] = explainClaims(introspected({ aud: ['wiki', 'a"b'] }), config, now).filter(
      ({ check }) => check === 'audience',
    )
    assert.deepEqual([step?.seen, step?.expected], ['"wiki", "a\\"b"', 'one of "mail"'])
  })
  it('notes what nobody asks for', () => {
    const steps = explainClaims(introspected({ aud: 'wiki' }), directory(), now)
    assert.deepEqual(
      steps.filter(({ outcome }) => outcome === 'note').map(({ check }) => check),
      ['expiry', 'not before', 'issuer', 'audience', 'client', 'scopes', 'gates'],
    )
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

describe('what a provider leaves empty', () => {
  it('counts as absent: what else tells of it is looked at', () => {
    assert.equal(check(introspected({ scope: '', scp: ['mail'] }), { require: { scopes: ['mail'] } }), undefined)
    const evidence = { ...introspected({ groups: 'mail' }), claims: { groups: '' } }
    assert.equal(check(evidence, { require: { claim: { groups: ['mail'] } } }), undefined)
  })
  it('but an issuer that is no text is another one', () => {
    const issuer = 'https://idp.example.org'
    assert.equal(check(introspected({ iss: '' }), { issuer }), undefined)
    for (const iss of [[issuer], 1, { issuer }]) assert.equal(check(introspected({ iss }), { issuer }), 'wrong_issuer')
  })
})

describe('before the rest of a chain is asked', () => {
  const hopeless = (payload: Claims, settings: Parameters<typeof directory>[0] = {}) =>
    isHopeless(verified({ exp: seconds + 60, client_id: 'c', ...payload }), directory(settings), now)

  it('a token is given up for what it is itself', () => {
    assert.equal(hopeless({ exp: seconds - 3600 }), true)
    assert.equal(hopeless({ aud: 'wiki' }, { require: { audience: ['mail'] } }), true)
    assert.equal(hopeless({}), false)
  })
  it('but not for what its owner may turn out to be', () => {
    assert.equal(hopeless({}, { require: { claim: { groups: ['mail'] } } }), false)
  })
})
