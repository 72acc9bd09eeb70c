/**
 * What becomes of each provider's tokens with the first configuration of its page in docs/providers, from answers in the
 * form that was found in its sources or documentation (test/fixtures/providers). The signatures are left out: they are
 * taken for good.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { checkClaims } from '../../src/auth/claims.ts'
import { resolveIdentity } from '../../src/auth/identity.ts'
import { isRefreshToken } from '../../src/auth/token-kind.ts'
import type { DirectoryConfig } from '../../src/config/config.ts'
import { presets } from '../../src/config/presets.ts'
import { compose, isJudgedHere, toAsk } from '../../src/oidc/chain.ts'
import { peekJwt, readJws } from '../../src/oidc/jwt.ts'
import type { Claims, Evidence } from '../../src/oidc/token-verdict.ts'
import { account, indexOf } from '../support/accounts.ts'
import { loadText, minimal } from '../support/config.ts'
import { answersOf, configurations, type Recorded, secrets } from '../support/provider-pages.ts'

const nowMs = 1_790_000_100_000
const alice = account({ address: 'alice@example.org' })

/** Which recorded token, or an opaque one; and what is answered about it. */
type Case = {
  readonly token?: string
  readonly introspect?: string
  readonly tokeninfo?: string
  readonly userinfo?: string
  /** An address, or the reason in the log. */
  readonly is: string
}

const good = alice.address

const cases: Record<keyof typeof presets, Record<string, Case>> = {
  keycloak: {
    'an access token': { token: 'access-token', introspect: 'introspection', is: good },
    'a refresh token': { token: 'refresh-token', introspect: 'refresh-introspection', is: 'refresh_token' },
    'an ID token, were it active': { token: 'id-token', introspect: 'introspection', is: 'not_an_access_token' },
    'a token of a service account': { introspect: 'machine-introspection', is: 'machine_token' },
  },
  authentik: {
    'an access token': { token: 'access-token', is: good },
    'an ID token': { token: 'id-token', is: 'not_an_access_token' },
    'a token of a program': { token: 'machine-token', userinfo: 'machine-userinfo', is: 'unknown_account' },
  },
  zitadel: {
    'an opaque access token': { introspect: 'introspection', is: good },
    'a JWT': { token: 'access-token', introspect: 'introspection', is: good },
    'an ID token, were it active': { token: 'id-token', introspect: 'introspection', is: 'not_an_access_token' },
    'a token of a machine user': { introspect: 'machine-introspection', is: 'wrong_client' },
  },
  authelia: {
    'an opaque access token': { introspect: 'introspection', userinfo: 'userinfo', is: good },
    'a JWT': { token: 'access-token', introspect: 'introspection', userinfo: 'userinfo', is: good },
    'a token without an audience': { introspect: 'no-audience', userinfo: 'userinfo', is: 'wrong_audience' },
    'an ID token, were it active': {
      token: 'id-token',
      introspect: 'introspection',
      userinfo: 'userinfo',
      is: 'not_an_access_token',
    },
    'a token of a program': {
      introspect: 'machine-introspection',
      userinfo: 'machine-introspection',
      is: 'machine_token',
    },
  },
  kanidm: {
    'an access token': { token: 'access-token', userinfo: 'userinfo', is: good },
    'an ID token': { token: 'id-token', userinfo: 'userinfo', is: 'not_an_access_token' },
  },
  dex: {
    'an access token, in spite of its at_hash': {
      token: 'access-token',
      introspect: 'introspection',
      userinfo: 'userinfo',
      is: good,
    },
    'a fresh ID token': {
      token: 'id-token',
      introspect: 'introspection',
      userinfo: 'userinfo',
      is: 'not_an_access_token',
    },
    'a refresh token': { introspect: 'refresh-introspection', userinfo: 'userinfo', is: 'refresh_token' },
    'a token of a program': { introspect: 'machine-introspection', userinfo: 'machine-userinfo', is: 'wrong_audience' },
  },
  okta: {
    'an access token, whose user goes by another sub in userinfo': {
      token: 'access-token',
      userinfo: 'userinfo',
      is: good,
    },
    'an ID token': { token: 'id-token', is: 'not_an_access_token' },
    'a token of a program': { token: 'machine-token', userinfo: 'machine-token', is: 'machine_token' },
  },
  auth0: {
    'an access token': { token: 'access-token', userinfo: 'userinfo', is: good },
    'an access token of the RFC 9068 profile': { token: 'rfc9068-token', userinfo: 'userinfo', is: good },
    'an ID token': { token: 'id-token', is: 'not_an_access_token' },
    'a token of a program': { token: 'machine-token', userinfo: 'machine-token', is: 'machine_token' },
  },
  google: {
    'an access token, whose numbers are strings': { tokeninfo: 'tokeninfo', is: good },
    'a token of a service account': { tokeninfo: 'machine-tokeninfo', is: 'wrong_client' },
  },
  entra: {
    'an access token': { token: 'access-token', is: good },
    'an ID token': { token: 'id-token', is: 'not_an_access_token' },
    "a guest who calls herself by somebody else's address": { token: 'guest-token', is: 'claim_mismatch' },
    'a token of a program': { token: 'machine-token', is: 'machine_token' },
  },
}

for (const [name, ofProvider] of Object.entries(cases))
  for (const [what, expected] of Object.entries(ofProvider))
    test(`${name}: ${what}: ${expected.is === good ? 'it is hers' : expected.is}`, async t => {
      assert.equal(decide(expected, answersOf(name), await recipe(t, name)), expected.is)
    })

test("Authelia's refresh tokens are active, and are known by their beginning", () => {
  assert.equal(isRefreshToken('authelia_rt_c29tZXRoaW5n'), true)
  assert.equal(isRefreshToken('authelia_at_c29tZXRoaW5n'), false)
})

test('every recorded answer says where its form is from', () => {
  for (const name of Object.keys(presets))
    for (const [what, { source }] of Object.entries(answersOf(name))) assert.ok(source.length > 20, `${name}: ${what}`)
})

async function recipe(t: TestContext, name: string): Promise<DirectoryConfig> {
  const [toml = ''] = configurations(name)
  const { config } = await loadText(t, `${minimal}${toml}`, { files: secrets(toml) })
  const [directory] = config?.directories ?? []
  assert.ok(directory)
  return directory
}

/** As `oidc/provider.ts` and `auth/authenticate.ts` do it. */
function decide(given: Case, recorded: Record<string, Recorded>, directory: DirectoryConfig): string {
  const token = given.token === undefined ? 'opaque' : jwtOf(find(recorded, given.token))
  const evidence = look(token, given, recorded, directory)
  if (typeof evidence === 'string') return evidence
  const problem = checkClaims(evidence, directory, nowMs)
  if (problem !== undefined) return problem.reason
  const identity = resolveIdentity(evidence.claims, {
    directory,
    accounts: indexOf([alice]),
    bindings: undefined,
    directoryOf: () => directory.name,
  })
  if (identity.kind === 'account') return identity.account.address
  return identity.kind === 'reject' ? identity.reason : 'unknown_account'
}

function look(token: string, given: Case, recorded: Record<string, Recorded>, directory: DirectoryConfig) {
  const jwt = peekJwt(token)
  const verified = isJudgedHere(jwt, directory)
  if (verified) {
    const read = readJws(token, directory.jwt)
    if (read.kind === 'refused') return read.reason
  }
  const answers = toAsk(verified ? jwt : undefined, directory).map(method => {
    const answer = given[method]
    assert.ok(answer, `${method} is asked`)
    return { method, claims: claimsOf(find(recorded, answer)) }
  })
  const composed: Evidence | { readonly reason: string } = compose({ jwt, verified, answers }, directory)
  return 'reason' in composed ? composed.reason : composed
}

function find(recorded: Record<string, Recorded>, name: string): Recorded {
  const found = recorded[name]
  assert.ok(found, name)
  return found
}

function claimsOf(recorded: Recorded): Claims {
  return 'body' in recorded ? recorded.body : recorded.payload
}

function jwtOf(recorded: Recorded): string {
  assert.ok('header' in recorded)
  const parts = [recorded.header, recorded.payload].map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
  return [...parts, 'c2lnbmF0dXJl'].join('.')
}
