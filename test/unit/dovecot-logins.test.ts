import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createLogins } from '../../src/dovecot/logins.ts'
import { stopClock } from '../support/clock.ts'
import { settle } from '../support/wire.ts'

const login = { address: 'alice@example.org', mechanism: 'XOAUTH2' }
const cookie = (byte: number) => Buffer.alloc(16, byte)

it('gives a login to whoever has pid, id and cookie, once', t => {
  stopClock(t)
  const logins = createLogins()
  logins.open(77, cookie(1)).offer(5, login)
  assert.equal(logins.redeem(77, 5, cookie(2)), undefined)
  assert.equal(logins.redeem(77, 5, cookie(1).subarray(1)), undefined)
  assert.equal(logins.redeem(77, 5, Buffer.alloc(0)), undefined)
  assert.equal(logins.redeem(77, 6, cookie(1)), undefined)
  assert.equal(logins.redeem(78, 5, cookie(1)), undefined)
  assert.deepEqual(logins.redeem(77, 5, cookie(1)), login)
  assert.equal(logins.redeem(77, 5, cookie(1)), undefined)
})

it('tells two connections of one pid apart, and closes one without the other', t => {
  stopClock(t)
  const logins = createLogins()
  const [first, second] = [logins.open(77, cookie(1)), logins.open(77, cookie(2))]
  first.offer(1, login)
  second.offer(1, { ...login, address: 'bob@example.org' })
  first.close()
  assert.equal(logins.redeem(77, 1, cookie(1)), undefined)
  assert.equal(logins.redeem(77, 1, cookie(2))?.address, 'bob@example.org')
  second.close()
  second.close()
  assert.equal(logins.redeem(77, 1, cookie(2)), undefined)
})

it('keeps no more than a login process can have clients', t => {
  stopClock(t)
  const logins = createLogins()
  const offers = logins.open(77, cookie(1))
  for (let id = 1; id <= 1025; id++) offers.offer(id, login)
  assert.equal(logins.redeem(77, 1, cookie(1)), undefined)
  assert.deepEqual(logins.redeem(77, 1025, cookie(1)), login)
})

it('keeps what was given by a connection that bearerd itself has ended, until it is redeemed', async t => {
  stopClock(t)
  const logins = createLogins()
  const [left, empty] = [logins.open(77, cookie(1)), logins.open(78, cookie(2))]
  left.offer(1, login)
  left.offer(2, login)
  left.leave()
  empty.leave()
  let settled = false
  const all = logins.settled(3000).then(() => {
    settled = true
  })
  assert.deepEqual(logins.redeem(77, 1, cookie(1)), login)
  await settle()
  assert.equal(settled, false)
  assert.deepEqual(logins.redeem(77, 2, cookie(1)), login)
  await all
  assert.equal(logins.redeem(77, 2, cookie(1)), undefined)
  await logins.settled(3000)
})

it('waits no longer than it is told to for those that nobody redeems', async t => {
  const clock = stopClock(t)
  const logins = createLogins()
  const offers = logins.open(77, cookie(1))
  offers.offer(1, login)
  offers.leave()
  let settled = false
  const all = logins.settled(3000).then(() => {
    settled = true
  })
  clock.pass(2999)
  await settle()
  assert.equal(settled, false)
  clock.pass(1)
  await all
})

it('waits for nobody whose time to redeem is over', async t => {
  const clock = stopClock(t)
  const logins = createLogins()
  const offers = logins.open(77, cookie(1))
  offers.offer(1, login)
  offers.leave()
  clock.pass(150_000)
  await logins.settled(3000)
})
