/** policy.txt, and requests recorded from Postfix (test/fixtures/policy-requests.txt). */
import { describe, it } from 'node:test'
import type { AccountIndex } from '../../src/accounts/account.ts'
import { createPolicyDialect } from '../../src/postfix/policy-session.ts'
import { account, indexOf } from '../support/accounts.ts'
import { type Dialog, readDialogs, runDialog } from '../support/dialog.ts'
import { createRecorder } from '../support/log.ts'
import { connect } from '../support/wire.ts'

const example = indexOf([
  account({ address: 'alice@example.org', aliases: ['a.jones@example.org', '@example.net'] }),
  account({ address: 'bob@example.org', enabled: false }),
  account({ address: 'carol@example.org', enabled: false, receives: true }),
  account({ address: 'jürgen@example.org' }),
  account({ address: 'kate@xn--bcher-kva.example' }),
])
const recorded = indexOf(['alice', 'bob', 'carol'].map(name => account({ address: `${name}@example.com` })))

function run(dialog: Dialog, loaded: AccountIndex): Promise<void> {
  let current: AccountIndex | undefined = loaded
  const dialect = createPolicyDialect({ listener: 'policy', accounts: () => current, log: createRecorder() })
  return runDialog(dialog, {
    connect: () => connect(dialect),
    instruct: ([, state]) => {
      current = state === 'loaded' ? loaded : undefined
    },
  })
}

describe('policy', () => {
  for (const dialog of readDialogs(new URL('policy.txt', import.meta.url))) it(dialog.name, () => run(dialog, example))
})

describe('policy, as Postfix asked', () => {
  for (const dialog of readDialogs(new URL('../fixtures/policy-requests.txt', import.meta.url)))
    it(dialog.name, () => run(dialog, recorded))
})
