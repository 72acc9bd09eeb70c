import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProtocolError } from '../../src/net/session.ts'
import { encodeSocketmapReply, readSocketmapQuery } from '../../src/postfix/socketmap.ts'
import { createSocketmapDialect } from '../../src/postfix/socketmap-session.ts'
import { account, indexOf } from '../support/accounts.ts'
import { createRecorder } from '../support/log.ts'
import { connect } from '../support/wire.ts'

const netstring = (payload: string) => `${Buffer.byteLength(payload)}:${payload},`

describe('a query', () => {
  it('is a map and a key, which may contain blanks or nothing', () => {
    assert.deepEqual(readSocketmapQuery('mailbox alice@example.org'), { map: 'mailbox', key: 'alice@example.org' })
    assert.deepEqual(readSocketmapQuery('alias al ice@example.org'), { map: 'alias', key: 'al ice@example.org' })
    assert.deepEqual(readSocketmapQuery('alias  x'), { map: 'alias', key: ' x' })
    assert.deepEqual(readSocketmapQuery('alias '), { map: 'alias', key: '' })
  })
  it('is refused without a map that can be logged, and not repeated', () => {
    for (const payload of ['', 'secret', ' secret', 'se\tcret x', 'secrét x', `${'secret'.repeat(11)} x`])
      assert.throws(
        () => readSocketmapQuery(payload),
        (error: Error) => error instanceof ProtocolError && !error.message.includes('secret'),
      )
  })
})

describe('a reply', () => {
  it('is a netstring', () => {
    assert.equal(encodeSocketmapReply({ kind: 'ok', value: 'alice@example.org' }), '20:OK alice@example.org,')
    assert.equal(encodeSocketmapReply({ kind: 'notfound' }), '9:NOTFOUND ,')
    assert.equal(encodeSocketmapReply({ kind: 'temp', reason: 'later' }), '10:TEMP later,')
  })
  it('has its length in bytes', () =>
    assert.equal(encodeSocketmapReply({ kind: 'ok', value: 'jürgen@example.org' }), '22:OK jürgen@example.org,'))
  it('is never OK with nothing, which Postfix takes for an error of its configuration', () =>
    assert.throws(() => encodeSocketmapReply({ kind: 'ok', value: '' }), TypeError))
  it('is never longer than the 100,000 bytes that Postfix reads', () => {
    const longest = encodeSocketmapReply({ kind: 'ok', value: 'x'.repeat(99_997) })
    assert.ok(longest.startsWith('100000:OK x'))
    assert.equal(encodeSocketmapReply({ kind: 'ok', value: 'x'.repeat(99_998) }), '20:TEMP answer too long,')
    assert.equal(encodeSocketmapReply({ kind: 'ok', value: 'ü'.repeat(49_999) }), '20:TEMP answer too long,')
  })
})

describe('a session', () => {
  const index = indexOf([account({ address: 'alice@example.org' })])
  const start = () => {
    const log = createRecorder()
    return { log, dialect: createSocketmapDialect({ listener: 'maps', accounts: () => index, log }) }
  }

  it('answers many queries in their order', () => {
    const peer = connect(start().dialect)
    const queries = ['mailbox alice@example.org', 'alias alice@example.org', 'login alice@example.org']
    peer.write(queries.map(netstring).join(''))
    assert.equal(peer.read(), '20:OK alice@example.org,9:NOTFOUND ,20:OK alice@example.org,')
  })
  it('names an unknown map in the log once, and how to mend it', () => {
    const { log, dialect } = start()
    for (const peer of [connect(dialect), connect(dialect)])
      peer.write(netstring('mailboxes a@example.org') + netstring('mailboxes b@example.org'))
    assert.deepEqual(log.lines, [
      {
        level: 'warn',
        event: 'unknown_map',
        listener: 'maps',
        map: 'mailboxes',
        cure: 'Correct the end of "socketmap:unix:…:mailboxes" in main.cf to one of: mailbox, alias, login, domain.',
        message: 'Postfix asks for a map that does not exist',
      },
    ])
  })
  it('remembers only so many unknown maps', () => {
    const { log, dialect } = start()
    const peer = connect(dialect)
    for (let i = 0; i < 100; i++) peer.write(netstring(`map${i} x`))
    assert.equal(log.lines.length, 16)
    assert.equal(peer.destroyed, undefined)
  })
  it('answers the longest address that an SMTP command can carry, and ends after more', () => {
    const peer = connect(start().dialect)
    peer.write(netstring(`mailbox ${'x'.repeat(32_768)}@example.org`))
    assert.equal(peer.read(), '9:NOTFOUND ,')
    peer.write(netstring(`mailbox ${'x'.repeat(65_536)}@example.org`))
    assert.match(peer.destroyed ?? '', /longer than/)
  })
  it('ends after what is no netstring', () => {
    for (const bytes of ['mailbox x,', '3:a b;', 'GET / HTTP/1.1\r\n']) {
      const peer = connect(start().dialect)
      peer.write(bytes)
      assert.match(peer.destroyed ?? '', /netstring/)
    }
  })
})
