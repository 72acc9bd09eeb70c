/**
 * What becomes of each provider's tokens with the configurations of its page in docs/providers, from answers in the form
 * that was found in its sources or documentation (test/fixtures/providers).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Preset } from '../../src/config/presets.ts'
import { answersOf, configurations, recipe } from '../support/provider-pages.ts'
import { alice, logIn, type Row } from '../support/recorded-login.ts'

const good = alice.address

const rows: Record<Preset, Record<string, Row>> = {
  keycloak: {
    'an access token': { token: 'access-token', introspect: 'introspection', is: good },
    'a refresh token': { token: 'refresh-token', introspect: 'refresh-introspection', is: 'refresh_token' },
    'an ID token, were it active': { token: 'id-token', introspect: 'introspection', is: 'not_an_access_token' },
    'a token of a service account': { introspect: 'machine-introspection', is: 'machine_token' },
    'bearerd is not in the audience': { introspect: 'not-in-audience', is: 'token_refused' },
    'by keys, an access token': { under: 'Without asking at every login', token: 'access-token', is: good },
    'by keys, an ID token': { under: 'Without asking at every login', token: 'id-token', is: 'not_an_access_token' },
    'by keys, a refresh token': {
      under: 'Without asking at every login',
      token: 'refresh-token',
      is: 'algorithm_not_allowed',
    },
    'by keys and userinfo, an access token': {
      under: "Without a client of bearerd's own",
      token: 'access-token',
      userinfo: 'userinfo',
      is: good,
    },
  },
  authentik: {
    'an access token': { token: 'access-token', is: good },
    'an ID token': { token: 'id-token', is: 'not_an_access_token' },
    'an encrypted access token': { userinfo: 'userinfo', is: 'wrong_client' },
    'a token of a program': { token: 'machine-token', userinfo: 'machine-userinfo', is: 'unknown_account' },
    'introspected, an access token': {
      under: 'Introspection instead',
      token: 'access-token',
      introspect: 'introspection',
      is: good,
    },
    'introspected, a refresh token': {
      under: 'Introspection instead',
      introspect: 'refresh-introspection',
      is: 'not_an_access_token',
    },
  },
  zitadel: {
    'an opaque access token': { introspect: 'introspection', is: good },
    'a JWT': { token: 'access-token', introspect: 'introspection', is: good },
    'an ID token, were it active': { token: 'id-token', introspect: 'introspection', is: 'not_an_access_token' },
    'a token of a machine user': { introspect: 'machine-introspection', is: 'wrong_client' },
    'bearerd is not in the audience': { introspect: 'not-in-audience', is: 'token_refused' },
    'by keys and userinfo, a JWT': {
      under: "Without an application of bearerd's own",
      token: 'access-token',
      userinfo: 'userinfo',
      is: good,
    },
    'by keys and userinfo, an ID token': {
      under: "Without an application of bearerd's own",
      token: 'id-token',
      is: 'not_an_access_token',
    },
    'by userinfo alone, an opaque token, whose client nobody tells': {
      under: "Without an application of bearerd's own",
      userinfo: 'userinfo',
      is: 'wrong_client',
    },
  },
  authelia: {
    'an opaque access token': { introspect: 'introspection', userinfo: 'userinfo', is: good },
    'a JWT': { token: 'access-token', introspect: 'introspection', userinfo: 'userinfo', is: good },
    'a token without an audience': { introspect: 'no-audience', is: 'wrong_audience' },
    'a refresh token, which is active: by its beginning': {
      opaque: 'authelia_rt_c29tZXRoaW5n',
      introspect: 'refresh-introspection',
      userinfo: 'userinfo',
      asked: [],
      is: 'refresh_token',
    },
    'an ID token, were it active': { token: 'id-token', introspect: 'introspection', is: 'not_an_access_token' },
    'a token of a program': { introspect: 'machine-introspection', is: 'machine_token' },
    'by keys, a JWT': { under: 'JWTs', token: 'access-token', userinfo: 'userinfo', is: good },
    'by keys, an ID token': { under: 'JWTs', token: 'id-token', is: 'not_an_access_token' },
    'by keys, a JWT of a program': { under: 'JWTs', token: 'machine-token', is: 'machine_token' },
  },
  kanidm: {
    'an access token': { token: 'access-token', userinfo: 'userinfo', is: good },
    'an ID token': { token: 'id-token', is: 'not_an_access_token' },
    'introspected, an access token': {
      under: 'Several clients',
      token: 'access-token',
      introspect: 'introspection',
      is: good,
    },
    'introspected, a token of a program': {
      under: 'Several clients',
      introspect: 'machine-introspection',
      is: 'insufficient_scope',
    },
  },
  dex: {
    'an access token, in spite of its at_hash': {
      token: 'access-token',
      introspect: 'introspection',
      userinfo: 'userinfo',
      is: good,
    },
    'a fresh ID token': { token: 'id-token', introspect: 'introspection', is: 'not_an_access_token' },
    'a refresh token': { introspect: 'refresh-introspection', is: 'refresh_token' },
    'a token of a program': {
      introspect: 'machine-introspection',
      userinfo: 'machine-userinfo',
      asked: ['introspect'],
      is: 'wrong_audience',
    },
    'introspection calls it inactive': { introspect: 'inactive', is: 'token_refused' },
    'userinfo refuses it by 403': { introspect: 'introspection', userinfo: 'userinfo-refused', is: 'token_refused' },
  },
  okta: {
    'an access token, whose user goes by another sub in userinfo': {
      token: 'access-token',
      userinfo: 'userinfo',
      is: good,
    },
    'an ID token': { token: 'id-token', is: 'not_an_access_token' },
    'a token of a program': { token: 'machine-token', is: 'machine_token' },
    'introspected, an access token': {
      under: 'Introspection instead',
      token: 'access-token',
      introspect: 'introspection',
      userinfo: 'userinfo',
      is: good,
    },
    'introspected, a refresh token, which is active': {
      under: 'Introspection instead',
      introspect: 'refresh-introspection',
      userinfo: 'userinfo',
      asked: ['introspect'],
      is: 'wrong_audience',
    },
    'introspection calls it inactive': { under: 'Introspection instead', introspect: 'inactive', is: 'token_refused' },
    "bearerd's own credentials are refused": {
      under: 'Introspection instead',
      introspect: 'unauthenticated',
      is: 'CLIENT_REFUSED',
    },
  },
  auth0: {
    'an access token': { token: 'access-token', userinfo: 'userinfo', is: good },
    'an access token of the RFC 9068 profile': { token: 'rfc9068-token', userinfo: 'userinfo', is: good },
    'an ID token': { token: 'id-token', is: 'not_an_access_token' },
    'a token of a program': { token: 'machine-token', is: 'machine_token' },
  },
  google: {
    'an access token, whose numbers are strings': { tokeninfo: 'tokeninfo', is: good },
    'a token of a service account': { tokeninfo: 'machine-tokeninfo', is: 'wrong_client' },
    'a refused token': { tokeninfo: 'refused', is: 'token_refused' },
    'a refused token, without a code': { tokeninfo: 'refused-without-code', is: 'token_refused' },
  },
  entra: {
    'an access token': { token: 'access-token', is: good },
    'an ID token': { token: 'id-token', is: 'not_an_access_token' },
    "a guest who calls herself by somebody else's address": { token: 'guest-token', is: 'claim_mismatch' },
    'a token of a program': { token: 'machine-token', is: 'machine_token' },
  },
}

for (const [provider, ofProvider] of Object.entries(rows)) {
  for (const [what, row] of Object.entries(ofProvider))
    test(`${provider}: ${what}: ${row.is === good ? 'it is hers' : row.is}`, async t => {
      const given = (['introspect', 'tokeninfo', 'userinfo'] as const).filter(method => row[method] !== undefined)
      assert.deepEqual(await logIn(t, provider, row), { is: row.is, asked: row.asked ?? given })
    })

  test(`${provider}: every recorded answer, and every configuration of the page, has a row`, () => {
    const all = Object.values(ofProvider)
    const used = new Set(all.flatMap(row => [row.token, row.introspect, row.tokeninfo, row.userinfo]))
    assert.deepEqual(
      Object.keys(answersOf(provider)).filter(name => !used.has(name)),
      [],
    )
    const configured = new Set(all.map(row => recipe(provider, row.under)))
    assert.deepEqual([...configured].sort(), configurations(provider).sort())
  })

  test(`${provider}: every recorded answer says where its form is from`, () => {
    for (const [what, { source }] of Object.entries(answersOf(provider))) assert.ok(source.length > 20, what)
  })
}
