/** dovecot-master.txt: the auth-master protocol, as Dovecot's mail processes speak it. */
import { describe, it, type TestContext } from 'node:test'
import type { AccountIndex } from '../../src/accounts/account.ts'
import { createLogins } from '../../src/dovecot/logins.ts'
import { createMasterDialect } from '../../src/dovecot/master-session.ts'
import { account, indexOf } from '../support/accounts.ts'
import { stopClock } from '../support/clock.ts'
import { type Dialog, readDialogs, runDialog } from '../support/dialog.ts'
import { createRecorder } from '../support/log.ts'
import { connect } from '../support/wire.ts'

const loaded = indexOf([
  account({ address: 'alice@example.org', aliases: ['a.jones@example.org', '@example.net'] }),
  account({ address: 'bob@example.org', enabled: false }),
  account({ address: 'carol@example.org', enabled: false, receives: true }),
  account({ address: 'dave@example.org', userdb: { quota_rule: '*:storage=10M', mail_path: '/srv/a\tb' } }),
  account({ address: 'long@example.org', userdb: { mail_path: `/srv/${'x'.repeat(9000)}` } }),
])

function run(t: TestContext, dialog: Dialog): Promise<void> {
  stopClock(t)
  const logins = createLogins()
  const offers = logins.open(77, Buffer.from('00112233445566778899aabbccddeeff', 'hex'))
  offers.offer(1, { address: 'alice@example.org', mechanism: 'OAUTHBEARER' })
  offers.offer(2, { address: 'bob@example.org', mechanism: 'OAUTHBEARER' })
  offers.offer(3, { address: 'nobody@example.org', mechanism: 'OAUTHBEARER' })
  let index: AccountIndex | undefined = loaded
  const dialect = createMasterDialect({
    listener: 'master',
    accounts: () => index,
    logins,
    spid: 4711,
    flush: () => 42,
    log: createRecorder(),
  })
  return runDialog(dialog, {
    connect: name => {
      const peer = connect(dialect)
      if (name === 'new') return peer
      peer.write('VERSION\t1\t1\n')
      peer.read()
      return peer
    },
    instruct: () => {
      index = undefined
    },
  })
}

describe('dovecot-master', () => {
  for (const dialog of readDialogs(new URL('dovecot-master.txt', import.meta.url))) it(dialog.name, t => run(t, dialog))
})
