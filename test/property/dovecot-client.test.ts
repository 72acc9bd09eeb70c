import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { decodeClient, encodeCont, encodeFail, encodeOk } from '../../src/dovecot/client.ts'
import { argument, escapeField, splitLine } from '../../src/dovecot/tabs.ts'
import { ProtocolError } from '../../src/net/session.ts'

const id = fc.integer({ min: 1, max: 0xffffffff })
const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const base64 = fc.base64String({ maxLength: 40 })

it('reads what matters out of an AUTH, whatever else is in it and in whatever order', () => {
  const auth = fc.record({
    id,
    mechanism: fc.constantFrom('OAUTHBEARER', 'XOAUTH2', 'xoauth2'),
    service: text,
    session: fc.option(text, { nil: undefined }),
    remoteAddress: fc.option(fc.ipV6(), { nil: undefined }),
    nologin: fc.boolean(),
    response: fc.option(base64, { nil: undefined }),
    serviceKey: fc.constantFrom('service', 'protocol'),
    others: fc.array(
      fc.constantFrom('', 'secured', 'secured=tls', 'foo=bar', 'xresp=AAAA', 'session_pid=7', 'riper=1'),
    ),
  })
  const shuffled = auth.chain(message => {
    const { serviceKey, service, session, remoteAddress, nologin, others } = message
    const fields = [`${serviceKey}=${service}`, ...others]
    if (session !== undefined) fields.push(`session=${session}`)
    if (remoteAddress !== undefined) fields.push(`rip=${remoteAddress}`)
    if (nologin) fields.push('nologin')
    return fc
      .shuffledSubarray(fields, { minLength: fields.length })
      .map(parameters => ({ message, parameters: parameters.map(escapeField) }))
  })
  fc.assert(
    fc.property(shuffled, ({ message, parameters }) => {
      const { id, mechanism, service, session, remoteAddress, nologin, response } = message
      const resp = response === undefined ? [] : [`resp=${response}`]
      const line = ['AUTH', id, mechanism, ...parameters, ...resp].join('\t')
      const expected = { kind: 'auth', id, mechanism, service, nologin, session, remoteAddress, response }
      assert.deepEqual(decodeClient(line), expected)
    }),
  )
})

it('reads CONT and CANCEL', () => {
  fc.assert(
    fc.property(id, base64, fc.array(text.map(escapeField), { maxLength: 2 }), (id, data, surplus) => {
      const { kind, ...cont } = { ...decodeClient(['CONT', id, data, ...surplus].join('\t')) }
      assert.equal(kind, 'cont')
      assert.deepEqual({ ...cont, surplus: surplus.length }, { id, data, surplus: surplus.length })
      assert.deepEqual(decodeClient(`CANCEL\t${id}`), { kind: 'cancel', id })
    }),
  )
})

it('writes replies of one line, whose fields can be read again', () => {
  fc.assert(
    fc.property(id, text, text, fc.uint8Array(), (id, user, reason, data) => {
      const ok = encodeOk(id, user)
      const fail = encodeFail(id, { user, code: 'authz_fail', reason })
      const cont = encodeCont(id, Buffer.from(data))
      for (const reply of [ok, fail, cont]) assert.match(reply, /^[^\n\r\0]+\n$/)
      assert.deepEqual(splitLine(ok.slice(0, -1)), ['OK', String(id), `user=${user}`])
      const fields = splitLine(fail.slice(0, -1))
      assert.deepEqual([argument(fields, 2, 'user'), argument(fields, 2, 'code')], [user, 'authz_fail'])
      assert.equal(argument(fields, 2, 'reason'), reason)
      assert.deepEqual(Buffer.from(cont.slice(0, -1).split('\t')[2] ?? '?', 'base64'), Buffer.from(data))
    }),
  )
})

it('throws nothing but ProtocolError on junk, and never repeats it', () => {
  const piece = fc.constantFrom(
    'AUTH',
    'CONT',
    'CANCEL',
    'VERSION',
    'CPID',
    '\t',
    '1',
    '0',
    'resp=',
    'service=',
    'secret',
  )
  const junk = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join('')),
    fc.array(piece, { maxLength: 8 }).map(pieces => pieces.join('\t')),
  )
  fc.assert(
    fc.property(junk, line => {
      try {
        decodeClient(line)
      } catch (error) {
        assert.ok(error instanceof ProtocolError)
        assert.doesNotMatch(error.message, /secret/)
      }
    }),
    { numRuns: 1000 },
  )
})
