/** Accounts for tests, in a real index. */
import type { Account, AccountIndex } from '../../src/accounts/account.ts'
import { createIndex } from '../../src/accounts/accounts.ts'

/** An account of which the test says only what matters. The address must be canonical. */
export function account(given: Partial<Account> & { readonly address: string }): Account {
  return {
    aliases: [],
    fullName: undefined,
    username: undefined,
    subject: undefined,
    directory: undefined,
    enabled: true,
    receives: given.enabled ?? true,
    sendAs: [],
    quota: undefined,
    userdb: {},
    created: undefined,
    ...given,
  }
}

/** All of them, with `+` for the recipient delimiter. */
export function indexOf(accounts: readonly Account[]): AccountIndex {
  const directories = accounts.flatMap(({ directory }) => directory ?? [])
  const defaults = { uid: '5000', gid: '5000', home: '/var/vmail/{domain}/{local}' }
  const builder = createIndex({ delimiter: '+', defaults, directories, seed: [1, 2] })
  for (const account of accounts) {
    // Entries that are too long for Dovecot are let in, for the tests of what happens then.
    const [problem] = builder
      .add({ account, line: undefined }, 'test')
      .filter(({ severity, path }) => severity === 'error' && path !== 'userdb')
    if (problem !== undefined) throw new Error(`a test's accounts are wrong: ${problem.message}`)
  }
  return builder.index
}
