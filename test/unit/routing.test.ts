/** Which directory is asked about a login. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRouting } from '../../src/auth/routing.ts'
import type { DirectoryConfig } from '../../src/config/config.ts'
import { account, indexOf } from '../support/accounts.ts'
import { directory } from '../support/directory.ts'
import { part } from '../support/jws.ts'

const main = directory({ name: 'main', issuer: 'https://main.example' })
const school = directory({ name: 'school', issuer: 'https://school.example', domains: ['school.example'] })
const accounts = indexOf([
  account({ address: 'alice@example.org', username: 'alice' }),
  account({ address: 'carol@school.example' }),
  account({ address: 'dora@example.org', directory: 'school' }),
])
/** Nobody has signed it. */
const jwtOf = (iss: unknown): string => `${part({ alg: 'none' })}.${part({ iss })}.c2ln`
const chosen = (directories: readonly DirectoryConfig[], asked: string | undefined, token: string) =>
  createRouting(directories).forLogin(asked, accounts, token)

describe('a login with a name', () => {
  it('goes by the name, and never by what the token says of itself', () => {
    for (const token of ['opaque', jwtOf(school.issuer), jwtOf(main.issuer)])
      for (const [asked, name] of [
        ['alice@example.org', 'main'],
        ['alice', 'main'],
        ['new@example.org', 'main'],
        ['carol@school.example', 'school'],
        ['new@school.example', 'school'],
        ['dora@example.org', 'school'],
        ['', 'main'],
      ] as const)
        assert.equal(chosen([main, school], asked, token), name, asked)
  })
})

describe('a login without a name', () => {
  it('goes by the issuer that a JWT names', () => {
    assert.equal(chosen([main, school], undefined, jwtOf(school.issuer)), 'school')
    assert.equal(chosen([main, school], undefined, jwtOf(main.issuer)), 'main')
  })
  it('goes to the default directory where the token names no issuer of a directory', () => {
    for (const token of ['opaque', jwtOf('https://school.example/'), jwtOf(undefined), jwtOf([school.issuer]), 'a.b.c'])
      assert.equal(chosen([main, school], undefined, token), 'main', token)
  })
  it('goes by no issuer to a directory that has none', () => {
    const nameless = directory({ name: 'nameless', domains: ['nameless.example'] })
    assert.equal(chosen([nameless, main], undefined, jwtOf(undefined)), 'main')
  })
  it('goes to the default one of several directories of an issuer', () => {
    const pupils = { ...school, name: 'pupils', issuer: main.issuer }
    assert.equal(chosen([pupils, main], undefined, jwtOf(main.issuer)), 'main')
    assert.equal(chosen([pupils, { ...pupils, name: 'more' }], undefined, jwtOf(main.issuer)), 'pupils')
  })
  it('goes nowhere where there are several directories and none is the default', () => {
    const other = { ...main, domains: ['example.org'] }
    assert.equal(chosen([other, school], undefined, 'opaque'), undefined)
    assert.equal(chosen([other, school], undefined, jwtOf(school.issuer)), 'school')
  })
})

describe('the only directory', () => {
  it('is asked about every login, if it has no domains', () => {
    for (const asked of [undefined, 'alice', 'x@elsewhere.example', 'dora@example.org'])
      assert.equal(chosen([main], asked, jwtOf('https://elsewhere.example')), 'main', asked)
  })
  it('is asked about no other domain, if it has some', () => {
    assert.equal(chosen([school], 'x@elsewhere.example', 'opaque'), undefined)
    assert.equal(chosen([school], 'somebody', 'opaque'), 'school')
    assert.equal(chosen([school], undefined, 'opaque'), 'school')
  })
})
