import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { createMask, decodeMaster, encodeUser, REPLY_BYTES } from '../../src/dovecot/master.ts'
import { escapeField, splitLine } from '../../src/dovecot/tabs.ts'
import { ProtocolError } from '../../src/net/session.ts'

const id = fc.nat({ max: 0xffffffff })
const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const other: fc.Arbitrary<string> = fc.constantFrom('', 'debug', 'lip=192.0.2.1', 'session=x', 'services=x')

it('reads lookups, with service or protocol anywhere among the parameters', () => {
  const key = fc.constantFrom('service', 'protocol')
  const verb = fc.constantFrom('USER', 'PASS')
  fc.assert(
    fc.property(verb, id, text, text, key, fc.array(other), fc.nat(), (verb, id, name, service, key, others, at) => {
      const parameters = others.toSpliced(at % (others.length + 1), 0, escapeField(`${key}=${service}`))
      const line = [verb, id, escapeField(name), ...parameters].join('\t')
      assert.deepEqual(decodeMaster(line), { kind: verb.toLowerCase(), id, name, service })
    }),
  )
})

it('reads REQUEST', () => {
  fc.assert(
    fc.property(id, id, id, fc.uint8Array({ minLength: 1, maxLength: 16 }), (id, clientPid, loginId, bytes) => {
      const cookie = Buffer.from(bytes)
      const line = `REQUEST\t${id}\t${clientPid}\t${loginId}\t${cookie.toString('hex')}\tsession_pid=1\trequest_auth_token`
      assert.deepEqual(decodeMaster(line), { kind: 'request', id, clientPid, loginId, cookie })
    }),
  )
})

it('writes a userdb entry that can be read again, or none', () => {
  const fields = fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.string({ unit: 'binary', maxLength: 2000 }))
  fc.assert(
    fc.property(id, text, fields, (id, name, fields) => {
      const line = encodeUser(id, name, fields)
      const written = ['USER', String(id), name, ...Object.entries(fields).map(([key, value]) => `${key}=${value}`)]
      if (line === undefined) {
        assert.ok(Buffer.byteLength(written.map(escapeField).join('\t')) >= REPLY_BYTES)
        return
      }
      assert.ok(Buffer.byteLength(line) <= REPLY_BYTES)
      assert.match(line, /^[^\n\r\0]+\n$/)
      assert.deepEqual(splitLine(line.slice(0, -1)), written)
    }),
  )
})

it('throws nothing but ProtocolError on junk', () => {
  const piece = fc.constantFrom(
    'USER',
    'PASS',
    'LIST',
    'REQUEST',
    'CACHE-FLUSH',
    'VERSION',
    '\t',
    '1',
    '00ff',
    'service=x',
  )
  const junk = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 8 }).map(pieces => pieces.join('\t')),
  )
  fc.assert(
    fc.property(junk, line => {
      try {
        decodeMaster(line)
      } catch (error) {
        assert.ok(error instanceof ProtocolError)
      }
    }),
    { numRuns: 1000 },
  )
})

it('matches masks as a regular expression would', () => {
  const mask = fc.array(fc.constantFrom('*', '?', 'a', 'B', '@', '.'), { maxLength: 8 }).map(chars => chars.join(''))
  const name = fc.array(fc.constantFrom('a', 'b', '@', '.'), { maxLength: 8 }).map(chars => chars.join(''))
  fc.assert(
    fc.property(mask, name, (mask, name) => {
      const source = mask.replace(/\./g, '\\.').replace(/\*/g, '.*').replace(/\?/g, '.')
      assert.equal(createMask(mask)(name), new RegExp(`^${source}$`, 'i').test(name))
    }),
    { numRuns: 1000 },
  )
})
