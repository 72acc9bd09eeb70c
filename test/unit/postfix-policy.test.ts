import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AccountIndex } from '../../src/accounts/account.ts'
import { ProtocolError } from '../../src/net/session.ts'
import { encodePolicyReply, readPolicyRequest } from '../../src/postfix/policy.ts'
import { createPolicyDialect } from '../../src/postfix/policy-session.ts'
import { account, indexOf } from '../support/accounts.ts'
import { createRecorder } from '../support/log.ts'
import { connect } from '../support/wire.ts'

describe('a request', () => {
  it('has values with anything in them, and no recipient where there is none', () => {
    assert.deepEqual(readPolicyRequest(['request=r', 'recipient=a=b@example.org']), {
      request: 'r',
      recipient: 'a=b@example.org',
    })
    assert.deepEqual(readPolicyRequest(['request=r']), { request: 'r', recipient: '' })
    assert.deepEqual(readPolicyRequest(['request=', 'recipient=']), { request: '', recipient: '' })
  })
  it('takes no other attribute for the recipient', () => {
    const lines = ['request=r', 'recipient_count=7', 'Recipient=a@example.org', ' recipient=b@example.org', 'sender=c']
    assert.equal(readPolicyRequest(lines).recipient, '')
  })
  it('is refused if it is none, without repeating it', () => {
    for (const lines of [[], ['secret'], ['=secret'], ['recipient=secret'], ['request=r', 'request=secret']])
      assert.throws(
        () => readPolicyRequest(lines),
        (error: Error) => error instanceof ProtocolError && !error.message.includes('secret'),
      )
  })
})

describe('a reply', () => {
  it('ends with an empty line, LF only', () => {
    assert.equal(encodePolicyReply('DUNNO'), 'action=DUNNO\n\n')
    assert.equal(encodePolicyReply('550 5.1.1 User unknown'), 'action=550 5.1.1 User unknown\n\n')
    assert.equal(encodePolicyReply('DEFER_IF_PERMIT 4.3.0 Later'), 'action=DEFER_IF_PERMIT 4.3.0 Later\n\n')
  })
  it('cannot permit', () => {
    for (const action of [
      '',
      ' ',
      'OK',
      'ok',
      'RELAY',
      'permit',
      '550',
      '550 ',
      '250',
      '0',
      '550 5.1.1',
      '250 2.0.0 ok',
    ])
      assert.throws(() => encodePolicyReply(action), TypeError, action)
  })
  it('cannot be anything that smtpd has no reading for', () => {
    const actions = [
      '550 4.1.1 x',
      '450 5.1.1 x',
      '550 5.1.1 é',
      '550 5.1.1 a\nb',
      '550 5.1.1 a\n',
      'REJECT',
      'DUNNO x',
      'DUNNO\r',
    ]
    for (const action of actions) assert.throws(() => encodePolicyReply(action), TypeError, action)
  })
})

describe('an outage of the accounts', () => {
  const request = 'request=smtpd_access_policy\nrecipient=alice@example.org\n\n'

  it('is logged once, with its cure, and so is its end', () => {
    const log = createRecorder()
    let current: AccountIndex | undefined
    const dialect = createPolicyDialect({ listener: 'policy', accounts: () => current, log })
    for (const peer of [connect(dialect), connect(dialect)]) peer.write(request + request)
    assert.deepEqual(
      log.lines.map(({ level, event, listener, cure }) => [level, event, listener, cure]),
      [['error', 'accounts_unavailable', 'policy', 'Run "bearerd check".']],
    )
    current = indexOf([account({ address: 'alice@example.org' })])
    for (const peer of [connect(dialect), connect(dialect)]) peer.write(request)
    assert.deepEqual(
      log.lines.slice(1).map(({ level, event }) => [level, event]),
      [['info', 'accounts_available']],
    )
  })
})

it('answers requests in their order, however many come at once', () => {
  const index = indexOf([account({ address: 'alice@example.org' })])
  const peer = connect(createPolicyDialect({ listener: 'policy', accounts: () => index, log: createRecorder() }))
  const about = (recipient: string) => `request=smtpd_access_policy\nrecipient=${recipient}\n\n`
  peer.write(about('alice@example.org') + about('bob@example.org') + about('alice@example.org'))
  assert.equal(peer.read(), 'action=DUNNO\n\naction=550 5.1.1 User unknown\n\naction=DUNNO\n\n')
})

it('ends a connection whose request has no end', () => {
  const peer = connect(createPolicyDialect({ listener: 'policy', accounts: () => undefined, log: createRecorder() }))
  for (let sent = 0; sent < 70_000; sent += 1000) peer.write(`a=${'x'.repeat(997)}\n`)
  assert.match(peer.destroyed ?? '', /longer than/)
  assert.equal(peer.read(), '')
})
