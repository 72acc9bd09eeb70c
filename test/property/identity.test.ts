import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { resolveIdentity } from '../../src/auth/identity.ts'
import { rejectReasons } from '../../src/auth/reason.ts'
import { createRouting } from '../../src/auth/routing.ts'
import type { Claims } from '../../src/oidc/token-verdict.ts'
import { account, indexOf } from '../support/accounts.ts'
import { directory } from '../support/directory.ts'

const directories = [directory({ name: 'main' }), directory({ name: 'school', domains: ['school.example'] })]
const { forLogin, ofAccount } = createRouting(directories)
const accounts = [
  account({ address: 'alice@example.org', aliases: ['a@example.org', '@example.net'], username: 'alice' }),
  account({ address: 'bob@example.org', subject: 'sub-bob', username: 'bob' }),
  account({ address: 'carol@school.example', username: 'alice' }),
  account({ address: 'dora@example.org', directory: 'school', subject: 'sub-dora' }),
]
const index = indexOf(accounts)

/** Names that are somebody's, names that nearly are, and anything that JSON can hold. */
const known = accounts.flatMap(({ address, aliases, username, subject }) => [address, ...aliases, username, subject])
const near = [
  'ALICE@Example.Org',
  'alice+x@example.org',
  'x@example.net',
  'Alice',
  'sub-',
  '',
  ' alice',
  'alice@example.org\n',
]
const value = fc.oneof(fc.constantFrom(...known.filter(name => name !== undefined), ...near), fc.jsonValue())
const claims = fc.record(
  { sub: value, email: value, preferred_username: value, email_verified: fc.jsonValue() },
  { requiredKeys: [] },
) as fc.Arbitrary<Claims>

it('makes nobody somebody without a claim that is a name of hers, in a directory that is hers', () => {
  fc.assert(
    fc.property(claims, fc.constantFrom(...directories), (given, config) => {
      const identity = resolveIdentity(given, { directory: config, accounts: index, directoryOf: ofAccount })
      if (identity.kind === 'reject') assert.ok(Object.hasOwn(rejectReasons, identity.reason))
      if (identity.kind !== 'account') return
      const { account, by } = identity
      assert.equal(ofAccount(account), config.name)
      if (account.subject !== undefined) assert.equal(given.sub, account.subject)
      if (by === 'subject') assert.equal(given.sub, account.subject)
      if (by === 'username') assert.equal(given.preferred_username, account.username)
      if (by === 'email') {
        assert.ok([account.address, ...account.aliases].includes(String(given.email).toLowerCase()))
        assert.ok([undefined, null, true, 'true'].includes(given.email_verified as undefined))
      }
    }),
    { numRuns: 3000 },
  )
})

it('routes any login to a directory that exists', () => {
  const name = fc.oneof(
    fc.constantFrom(...near, 'carol@school.example', 'x@school.example'),
    fc.string(),
    fc.emailAddress(),
  )
  fc.assert(
    fc.property(fc.option(name, { nil: undefined }), asked => {
      const chosen = forLogin(asked, index)
      assert.ok(directories.some(({ name }) => name === chosen))
      const owner = asked === undefined ? undefined : index.byName(asked)
      if (owner !== undefined) assert.equal(chosen, ofAccount(owner))
    }),
  )
})
