/** LIST of more accounts than are looked at in one turn. Everything else is in test/dialogs/dovecot-master.txt. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AccountIndex } from '../../src/accounts/account.ts'
import { createLogins } from '../../src/dovecot/logins.ts'
import { createMasterDialect } from '../../src/dovecot/master-session.ts'
import type { Session, Wire } from '../../src/net/session.ts'
import { account, indexOf } from '../support/accounts.ts'
import { createRecorder } from '../support/log.ts'
import { settle } from '../support/wire.ts'

const names = Array.from({ length: 2500 }, (_, index) => `user${index}@example.org`)
const index: AccountIndex = indexOf(names.map(address => account({ address })))

/** A peer that takes what it is sent only when the test says so. */
function open(): { session: Session<string>; sent: string[]; take: () => void; inFlight: () => number } {
  const sent: string[] = []
  let inFlight = 0
  let take = () => {}
  const wire: Wire = {
    send: text => sent.push(text),
    destroy: why => assert.fail(why),
    begin: () => inFlight++,
    end: () => inFlight--,
    drained: () =>
      new Promise(resolve => {
        take = resolve
      }),
  }
  const logins = createLogins()
  const log = createRecorder()
  const options = { listener: 'master', accounts: () => index, logins, spid: 1, flush: () => 0, log }
  const session = createMasterDialect(options).open(wire)
  session.receive('VERSION\t1\t0')
  sent.length = 0
  return { session, sent, take: () => take(), inFlight: () => inFlight }
}

const countLines = (sent: readonly string[]) => sent.join('').split('\n').length - 1

describe('LIST of many', () => {
  it('goes on when the peer has taken what it was sent', async () => {
    const { session, sent, take, inFlight } = open()
    session.receive('LIST\t7')
    await settle()
    assert.deepEqual([countLines(sent), inFlight()], [1000, 1])
    await settle()
    assert.equal(countLines(sent), 1000)
    take()
    await settle()
    assert.equal(countLines(sent), 2000)
    take()
    await settle()
    assert.equal(inFlight(), 0)
    assert.equal(sent.join(''), `${names.map(name => `LIST\t7\t${name}\n`).join('')}DONE\t7\t\n`)
  })

  it('leaves room for other requests, but not for another LIST', async () => {
    const { session, sent, take } = open()
    session.receive('LIST\t7\tuser=user24*')
    session.receive('LIST\t8\tuser=*')
    session.receive('USER\t9\tuser1@example.org\tservice=doveadm')
    assert.match(sent.join(''), /^(LIST\t7\t.*\n)+DONE\t8\tfail\nUSER\t9\tuser1@example.org\t/)
    take()
    await settle()
    take()
    await settle()
    assert.match(sent.at(-1) ?? '', /DONE\t7\t\n$/)
    assert.equal(sent.join('').match(/^LIST\t7\tuser24/gm)?.length, 111)
    session.receive('LIST\t10\tuser=nobody')
    take()
    await settle()
    take()
    await settle()
    assert.equal(sent.at(-1), 'DONE\t10\t\n')
  })

  it('ends with the connection', async () => {
    const { session, sent, take } = open()
    session.receive('LIST\t7')
    session.closed()
    take()
    await settle()
    assert.equal(countLines(sent), 1000)
  })
})
