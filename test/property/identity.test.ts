import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import type { Binding } from '../../src/accounts/binding.ts'
import { createBindingTable } from '../../src/accounts/binding-table.ts'
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
  account({ address: 'erin@example.org', username: 'EXAMPLE\\erin', created: 1_000 }),
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
  'alice@example.org*bob@example.org',
  'alice%bob',
]
const value = fc.oneof(fc.constantFrom(...known.filter(name => name !== undefined), ...near), fc.jsonValue())
const claims = fc.record(
  { sub: value, email: value, preferred_username: value, email_verified: fc.jsonValue() },
  { requiredKeys: [] },
) as fc.Arbitrary<Claims>

const binding: fc.Arbitrary<Binding> = fc.record({
  account: fc.constantFrom(...accounts.map(({ address }) => address), 'a@example.org', 'gone@example.org'),
  directory: fc.constantFrom('main', 'school'),
  subject: fc.constantFrom('alice', 'sub-bob', 'sub-dora', 'x@example.net'),
  bound: fc.constantFrom(0, 2_000),
})
const bindings = fc.option(fc.array(binding, { maxLength: 8 }), { nil: undefined })

it('makes nobody somebody without a claim that is a name of hers, in a directory that is hers', () => {
  fc.assert(
    fc.property(claims, fc.constantFrom(...directories), bindings, (given, config, lines) => {
      const table = lines && createBindingTable()
      for (const line of lines ?? []) table?.apply(line)
      const context = { directory: config, accounts: index, bindings: table, directoryOf: ofAccount }
      const identity = resolveIdentity(given, context)
      if (identity.kind === 'reject') assert.ok(Object.hasOwn(rejectReasons, identity.reason))
      if (identity.kind !== 'account') return
      const { account, by, bind } = identity
      assert.equal(ofAccount(account), config.name)
      const own = account.subject ?? table?.subjectOf(account, config.name)
      if (own !== undefined) assert.deepEqual([given.sub, by], [own, 'subject'])
      if (by === 'subject') assert.equal(given.sub, own)
      if (by === 'username') assert.equal(given.preferred_username, account.username)
      if (by === 'email') {
        assert.ok([account.address, ...account.aliases].includes(String(given.email).toLowerCase()))
        assert.ok([undefined, null, true, 'true'].includes(given.email_verified as undefined))
      }
      assert.equal(bind, table === undefined || account.subject !== undefined ? undefined : given.sub)
      // Once she is bound, it is she: by her sub alone, and nobody by another one.
      if (bind === undefined) return
      table?.apply({ account: account.address, directory: config.name, subject: bind, bound: 5_000 })
      const again = resolveIdentity({ sub: bind }, context)
      assert.ok(again.kind === 'account' && again.account === account && again.by === 'subject')
      const other = resolveIdentity({ ...given, sub: 'nobody’s' }, context)
      assert.ok(other.kind !== 'account' || other.account !== account)
    }),
    { numRuns: 3000 },
  )
})

it('takes no address and no username with a character in it that means something to other programs', () => {
  const odd = fc.constantFrom('%', '*', '/', '`', '\0', '\t', '\n', '\u00a0', '\u200b', '\u202e', '\ufffd', '\u2028')
  const part = fc.constantFrom('', 'alice', 'alice@example.org', 'EXAMPLE\\erin')
  fc.assert(
    fc.property(part, odd, part, fc.constantFrom('email', 'preferred_username'), (before, char, after, claim) => {
      const context = { directory: directory(), accounts: index, bindings: undefined, directoryOf: ofAccount }
      const identity = resolveIdentity({ [claim]: `${before}${char}${after}` }, context)
      assert.ok(identity.kind === 'reject' && identity.reason === 'bad_identity', JSON.stringify(identity))
    }),
  )
})

it('routes any login to a directory that exists', () => {
  const name = fc.oneof(
    fc.constantFrom(...near, 'carol@school.example', 'x@school.example'),
    fc.string(),
    fc.emailAddress(),
  )
  fc.assert(
    fc.property(fc.option(name, { nil: undefined }), fc.string(), (asked, token) => {
      const chosen = forLogin(asked, index, token)
      assert.ok(directories.some(({ name }) => name === chosen))
      const owner = asked === undefined ? undefined : index.byName(asked)
      if (owner !== undefined) assert.equal(chosen, ofAccount(owner))
    }),
  )
})
