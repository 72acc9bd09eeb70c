/** Chains of methods: who is asked after whom, and who is believed about what. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DirectoryConfig, Method } from '../../src/config/config.ts'
import { compose, isJudgedHere, type Learnt, toAsk } from '../../src/oidc/chain.ts'
import type { Claims, Evidence, Jwt } from '../../src/oidc/token-verdict.ts'
import { directory } from '../support/directory.ts'

const issuer = 'https://idp.example.org'
const chain = (methods: readonly Method[], settings: Partial<DirectoryConfig> = {}, alwaysAsk = false) =>
  directory({ issuer, endpoint: { methods, urls: {}, alwaysAsk }, ...settings })
const jwt = (payload: Claims): Jwt => ({ header: { alg: 'RS256' }, payload: { iss: issuer, ...payload } })

describe('a token is judged here', () => {
  it('if it is a JWT that names the issuer, and the chain has "jwt"', () => {
    assert.equal(isJudgedHere(jwt({}), chain(['jwt', 'userinfo'])), true)
    assert.equal(isJudgedHere(jwt({}), chain(['introspect', 'userinfo'])), false)
    assert.equal(isJudgedHere(jwt({}), chain(['userinfo'])), false)
  })
  it('and not if the provider can say more of it: opaque, of another issuer, or of none', () => {
    for (const token of [undefined, jwt({ iss: `${issuer}/` }), jwt({ iss: undefined }), jwt({ iss: [issuer] })])
      assert.equal(isJudgedHere(token, chain(['jwt', 'userinfo'])), false, JSON.stringify(token))
  })
  it('if nobody else is there to judge it', () => {
    for (const token of [undefined, jwt({}), jwt({ iss: 'https://other.example' })])
      assert.equal(isJudgedHere(token, chain(['jwt'])), true)
  })
})

describe('the provider is asked', () => {
  it('by every method but "jwt", in their order, about a token that is not judged here', () => {
    assert.deepEqual(toAsk(undefined, chain(['userinfo'])), ['userinfo'])
    assert.deepEqual(toAsk(undefined, chain(['introspect', 'userinfo'])), ['introspect', 'userinfo'])
    assert.deepEqual(toAsk(undefined, chain(['jwt', 'tokeninfo', 'userinfo'])), ['tokeninfo', 'userinfo'])
  })
  it('about a good JWT not at all, where that names somebody', () => {
    const named = jwt({ email: 'alice@example.org' })
    assert.deepEqual(toAsk(named, chain(['jwt', 'userinfo'])), [])
    assert.deepEqual(toAsk(named, chain(['jwt', 'introspect', 'userinfo'])), [])
    assert.deepEqual(toAsk(jwt({}), chain(['jwt'])), [])
  })
  it('about a good JWT that names nobody, by the last method only', () => {
    for (const payload of [{}, { email: '' }, { email: null }, { preferred_username: 'alice' }])
      assert.deepEqual(
        toAsk(jwt(payload), chain(['jwt', 'introspect', 'userinfo'])),
        ['userinfo'],
        JSON.stringify(payload),
      )
    assert.deepEqual(toAsk(jwt({}), chain(['jwt', 'introspect'])), ['introspect'])
  })
  it('by a name of the user only where no address is asked for', () => {
    const fields = { email: [], username: ['preferred_username'], fullName: [] }
    assert.deepEqual(toAsk(jwt({ preferred_username: 'alice' }), chain(['jwt', 'userinfo'], { fields })), [])
    assert.deepEqual(toAsk(jwt({ email: 'a@example.org' }), chain(['jwt', 'userinfo'], { fields })), ['userinfo'])
  })
  it('about every good JWT with endpoint.always-ask, since it may have been revoked', () => {
    const named = jwt({ email: 'alice@example.org' })
    assert.deepEqual(toAsk(named, chain(['jwt', 'userinfo'], {}, true)), ['userinfo'])
    assert.deepEqual(toAsk(named, chain(['jwt', 'introspect', 'userinfo'], {}, true)), ['introspect', 'userinfo'])
  })
})

describe('what is known in the end', () => {
  const known = (looks: Partial<Learnt>): Evidence => {
    const composed = compose({ jwt: undefined, verified: false, answers: [], ...looks }, directory())
    assert.ok(!('kind' in composed), JSON.stringify(composed))
    return composed
  }
  const introspection: Claims = { active: true, sub: '1', aud: 'mail', email: 'old@example.org' }
  const userinfo: Claims = { sub: '1', email: 'alice@example.org', aud: 'not for a userinfo answer to say' }
  const byIntrospection = { method: 'introspect', claims: introspection } as const
  const byUserinfo = { method: 'userinfo', claims: userinfo } as const

  it('by userinfo of an opaque token: the owner, and nothing of the token', () => {
    assert.deepEqual(known({ answers: [byUserinfo] }), {
      claims: userinfo,
      token: {},
      jwt: undefined,
      verified: false,
    })
  })
  it('by userinfo of a JWT: the owner; and of the token what stands in it, since it was just accepted', () => {
    const token = jwt({ aud: 'mail', email: 'eve@example.org' })
    const { claims, token: described, verified } = known({ jwt: token, answers: [byUserinfo] })
    assert.deepEqual([claims, described, verified], [userinfo, token.payload, false])
  })
  it('by introspection: both from one answer, never from what stands in the token', () => {
    const { claims, token } = known({ jwt: jwt({ sub: '1', aud: 'wiki' }), answers: [byIntrospection] })
    assert.deepEqual([claims, token], [introspection, introspection])
  })
  it('by introspection and userinfo: the token from the one, its owner from the other', () => {
    const { claims, token } = known({ answers: [byIntrospection, byUserinfo] })
    assert.deepEqual([claims, token], [userinfo, introspection])
    const byTokeninfo = { method: 'tokeninfo', claims: introspection } as const
    assert.deepEqual(known({ answers: [byTokeninfo, byUserinfo] }).token, introspection)
  })
  it('by the keys: what the issuer has signed', () => {
    const token = jwt({ sub: '1', aud: 'mail', email: 'alice@example.org' })
    assert.deepEqual(known({ jwt: token, verified: true }), {
      claims: token.payload,
      token: token.payload,
      jwt: token,
      verified: true,
    })
  })
  it('by the keys and userinfo: the owner from userinfo where the token names nobody', () => {
    const token = jwt({ sub: '1', aud: 'mail' })
    const { claims, token: described } = known({ jwt: token, verified: true, answers: [byUserinfo] })
    assert.deepEqual([claims, described], [userinfo, token.payload])
  })
  it('by the keys, and asked for revocation too: what was signed, but for whom the answer names', () => {
    const token = jwt({ sub: '1', aud: 'mail', email: 'alice@example.org' })
    const after = (answer: Claims) =>
      known({ jwt: token, verified: true, answers: [{ method: 'introspect', claims: answer }] })
    const nameless = after({ active: true, sub: '1' })
    assert.deepEqual([nameless.claims, nameless.token], [token.payload, token.payload])
    // Since it was signed, her address may have changed, or been found not to be hers.
    const news = { active: true, sub: '1', email: 'alice@example.org', email_verified: false }
    assert.deepEqual([after(news).claims, after(news).token], [news, token.payload])
  })
  it('by the keys, and asked for revocation too: the subject that was signed, where the answer has none', () => {
    const token = jwt({ sub: '1', aud: 'mail', email: 'old@example.org' })
    for (const sub of [undefined, null, '']) {
      const claims = { active: true, email: 'alice@example.org', sub }
      const after = known({ jwt: token, verified: true, answers: [{ method: 'introspect', claims }] })
      assert.deepEqual(after.claims, { ...claims, sub: '1' })
      const unverified = known({ jwt: token, answers: [{ method: 'introspect', claims }] })
      assert.equal(unverified.claims, claims)
    }
  })
})

describe('answers about two people', () => {
  const reason = (...sources: Claims[]): string | undefined => {
    const [first = {}, ...others] = sources
    const answers = others.map(claims => ({ method: 'userinfo', claims }) as const)
    const composed = compose({ jwt: { header: {}, payload: first }, verified: true, answers }, directory())
    return 'kind' in composed ? composed.reason : undefined
  }
  it('are a conflict, by sub', () => {
    assert.equal(reason({ sub: '1' }, { sub: '1' }), undefined)
    assert.equal(reason({ sub: '1' }, { sub: '2', email: 'eve@example.org' }), 'subject_conflict')
    assert.equal(reason({ sub: '1' }, { sub: '1' }, { sub: '2' }), 'subject_conflict')
  })
  it('are none where only one says who', () => {
    for (const nobody of [{}, { sub: '' }, { sub: null }]) {
      assert.equal(reason({ sub: '1' }, nobody), undefined)
      assert.equal(reason(nobody, { sub: '1' }), undefined)
    }
  })
  it('are one person at Okta, where the uid of a token is the sub of userinfo', () => {
    const token = { sub: 'john.doe@example.com', uid: '00uid4BxXw6I6TV4m0g3' }
    assert.equal(reason(token, { sub: '00uid4BxXw6I6TV4m0g3' }), undefined)
    assert.equal(reason(token, { sub: '00uid4BxXw6I6TV4m0g4' }), 'subject_conflict')
  })
  it('are not one person because neither has a uid', () => {
    assert.equal(reason({ sub: '1', uid: undefined }, { sub: '2', uid: undefined }), 'subject_conflict')
    assert.equal(reason({ sub: '1', uid: '' }, { sub: '2', uid: '' }), 'subject_conflict')
  })
  it('are none about a token that is not verified: what stands in it is nobody’s word', () => {
    const answers = [{ method: 'userinfo', claims: { sub: '2' } }] as const
    const composed = compose({ jwt: jwt({ sub: '1' }), verified: false, answers }, directory())
    assert.ok(!('kind' in composed))
  })
})
