/** All accounts together, against a model that is too simple to be wrong: a list, searched from its beginning. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Account } from '../../src/accounts/account.ts'
import { createIndex } from '../../src/accounts/accounts.ts'
import { domainOf } from '../../src/accounts/address.ts'
import { planCreation } from '../../src/accounts/creation.ts'
import { createNameTable } from '../../src/accounts/name-table.ts'
import { userdbFields } from '../../src/accounts/userdb.ts'
import { account } from '../support/accounts.ts'

const runs = { numRuns: 300 }

// A small world, so that everybody meets everybody.
const local = fc.constantFrom('a', 'b', 'c', 'a+x', 'b+x+y')
const domain = fc.constantFrom('one.org', 'two.org', 'three.org')
const address = fc.tuple(local, domain).map(([name, host]) => `${name}@${host}`)
const catchAll = domain.map(host => `@${host}`)
const someone = fc
  .record({
    address,
    aliases: fc.array(fc.oneof({ arbitrary: address, weight: 3 }, { arbitrary: catchAll, weight: 1 }), {
      maxLength: 2,
    }),
    sendAs: fc.array(address, { maxLength: 2 }),
    username: fc.option(fc.constantFrom('u', 'v', '__proto__'), { nil: undefined }),
    subject: fc.option(fc.constantFrom('s', 't', 'constructor'), { nil: undefined }),
    directory: fc.option(fc.constantFrom('x', 'y'), { nil: undefined }),
  })
  .map(given => account(given))

/** Those of them that get on with each other, first come, first served; each refused by a check of the whole. */
function choose(candidates: readonly Account[]): Account[] {
  const chosen: Account[] = []
  for (const one of candidates) if (errors([...chosen, one]).length === 0) chosen.push(one)
  return chosen
}

function build(accounts: readonly Account[]) {
  const builder = createIndex({ delimiter: '+', defaults: {}, directories: ['x', 'y'], seed: [1, 2] })
  const problems = accounts.flatMap((one, line) => builder.add({ account: one, line }, 'f'))
  return { index: builder.index, problems }
}

function errors(accounts: readonly Account[]): string[] {
  return build(accounts).problems.flatMap(({ severity, message }) => (severity === 'error' ? [message] : []))
}

const crowd = fc.array(someone, { maxLength: 8 }).map(choose)

test('a crowd has an error exactly if a name, or a subject in a directory or domain, has two bearers', () => {
  fc.assert(
    fc.property(fc.array(someone, { maxLength: 4 }), accounts => {
      const names = accounts.flatMap(one => [one.address, ...one.aliases])
      const subjects = accounts.flatMap(({ address, subject, directory }) =>
        subject ? [JSON.stringify([subject, directory ?? domainOf(address)])] : [],
      )
      const twice = new Set(names).size < names.length || new Set(subjects).size < subjects.length
      assert.equal(errors(accounts).length > 0, twice)
    }),
    runs,
  )
})

test('a recipient is who the model says', () => {
  const owner = (accounts: readonly Account[], name: string): Account | undefined =>
    accounts.find(one => one.address === name || one.aliases.includes(name))
  fc.assert(
    fc.property(crowd, address, (accounts, asked) => {
      const { index } = build(accounts)
      const base = asked.replace(/\+.*@/, '@')
      const expected = owner(accounts, asked) ?? owner(accounts, base) ?? owner(accounts, asked.replace(/.*@/, '@'))
      assert.equal(index.recipient(asked)?.account, expected)
      assert.equal(index.recipient(asked.toUpperCase())?.account, expected)
      assert.equal(index.byName(asked), owner(accounts, asked))
      const senders = accounts.filter(
        one => one === expected || one.sendAs.includes(asked) || one.sendAs.includes(base),
      )
      assert.deepEqual(new Set(index.senders(asked)), new Set(senders))
    }),
    runs,
  )
})

test('names that aren’t addresses are found as they are, and all accounts are there', () => {
  fc.assert(
    fc.property(
      crowd,
      fc.constantFrom('u', 'v', 's', 't', '__proto__', 'constructor', 'toString'),
      (accounts, name) => {
        const { index } = build(accounts)
        assert.deepEqual(
          index.byUsername(name),
          accounts.filter(one => one.username === name),
        )
        assert.deepEqual(
          index.bySubject(name),
          accounts.filter(one => one.subject === name),
        )
        assert.deepEqual([...index.all()], accounts)
        assert.equal(index.size, accounts.length)
      },
    ),
    runs,
  )
})

test('any question has an answer', () => {
  const junk = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webUrl(),
    fc.emailAddress(),
    fc.constant('@'),
    fc.constant(''),
  )
  fc.assert(
    fc.property(crowd, junk, (accounts, text) => {
      const { index } = build(accounts)
      for (const ask of [
        index.byName,
        index.byUsername,
        index.bySubject,
        index.recipient,
        index.senders,
        index.hasDomain,
      ])
        assert.doesNotThrow(() => ask(text))
    }),
    runs,
  )
})

test('a name table is a Map', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 400 }), names => {
      const table = createNameTable((position, name) => names[position] === name, [1, 2])
      const model = new Map<string, number>()
      for (const [position, name] of names.entries()) {
        assert.equal(table.claim(name, position), model.get(name))
        if (!model.has(name)) model.set(name, position)
      }
      for (const name of [...names, 'somebody else']) assert.equal(table.find(name), model.get(name))
    }),
    runs,
  )
})

test('userdb: own fields over quota over defaults, templates filled in once', () => {
  const text = fc.array(fc.constantFrom('{local}', '{domain}', '{address}', '{', '}', '%u', 'x', '$&'), {
    maxLength: 4,
  })
  const fields = fc.dictionary(
    fc.constantFrom('home', 'mail', 'quota_rule', 'uid'),
    text.map(pieces => pieces.join('')),
    { noNullPrototype: true },
  )
  const quota = fc.option(fc.integer({ min: 1 }), { nil: undefined })
  fc.assert(
    fc.property(fields, fields, quota, (defaults, userdb, bytes) => {
      const one = account({ address: '{local}$&@one.org', userdb, quota: bytes })
      const found = userdbFields(one, defaults)
      const byQuota = bytes === undefined ? [] : ['quota_rule', 'quota_storage_size']
      assert.deepEqual(
        new Set(Object.keys(found)),
        new Set([...Object.keys(defaults), ...byQuota, ...Object.keys(userdb)]),
      )
      const limits = bytes && { quota_rule: `*:storage=${bytes}B`, quota_storage_size: `${bytes}B` }
      const source: Record<string, string> = { ...defaults, ...limits, ...userdb }
      const filled = (template: string): string =>
        template
          .split(/(\{(?:address|local|domain)\})/)
          .map(part => ({ '{address}': one.address, '{local}': '{local}$&', '{domain}': 'one.org' })[part] ?? part)
          .join('')
      for (const [key, value] of Object.entries(found)) assert.equal(value, filled(source[key] ?? ''))
    }),
    runs,
  )
})

test('a newcomer’s line is one line, and reads back as the account that is put in force', () => {
  const text = fc.option(fc.string({ unit: 'binary', maxLength: 12 }), { nil: undefined })
  fc.assert(
    fc.property(crowd, fc.oneof(address, fc.string()), text, text, (accounts, asked, fullName, subject) => {
      const { index } = build(accounts)
      const plan = planCreation({ address: asked, fullName, subject, directory: 'x' }, index, new Date(0))
      if (plan.kind !== 'new') return
      assert.doesNotMatch(plan.line, /[\n\r]/)
      assert.equal(index.byName(asked), undefined)
      assert.deepEqual([plan.account.username, plan.account.subject, plan.account.directory], [undefined, subject, 'x'])
      assert.deepEqual(errors([...accounts, plan.account]), [])
    }),
    runs,
  )
})
