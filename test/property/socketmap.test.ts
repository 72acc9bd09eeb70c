import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { netstrings } from '../../src/net/framing.ts'
import { ProtocolError } from '../../src/net/session.ts'
import { encodeSocketmapReply, readSocketmapQuery, type SocketmapReply } from '../../src/postfix/socketmap.ts'

/** Objects that compare equal to literals. */
const plain = { noNullPrototype: true }
const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const query = fc.record({ map: fc.stringMatching(/^[!-~]{1,64}$/), key: text }, plain)
const reply: fc.Arbitrary<SocketmapReply> = fc.oneof(
  fc.record({ kind: fc.constant('ok' as const), value: text.filter(value => value !== '') }, plain),
  fc.record({ kind: fc.constant('temp' as const), reason: text }, plain),
  fc.constant({ kind: 'notfound' as const }),
)

const netstring = (payload: string) => `${Buffer.byteLength(payload)}:${payload},`

/** As dict_sockmap.c takes a reply apart. */
function decode(payload: string): SocketmapReply {
  const space = payload.indexOf(' ')
  const [verb, rest] = [payload.slice(0, space), payload.slice(space + 1)]
  if (verb === 'OK') return { kind: 'ok', value: rest }
  if (verb === 'TEMP') return { kind: 'temp', reason: rest }
  assert.equal(payload, 'NOTFOUND ')
  return { kind: 'notfound' }
}

it('reads the same queries however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(query, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 6 }), (queries, cuts) => {
      const bytes = Buffer.from(queries.map(({ map, key }) => netstring(`${map} ${key}`)).join(''))
      const framer = netstrings({ maxBytes: 65_536 })
      const edges = [...new Set([0, ...cuts.map(cut => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
      const read = edges.slice(1).flatMap((edge, i) => framer.push(bytes.subarray(edges[i], edge)))
      assert.deepEqual(read.map(readSocketmapQuery), queries)
    }),
  )
})

it('sends replies that a client reads as they were meant', () => {
  fc.assert(
    fc.property(fc.array(reply, { maxLength: 5 }), replies => {
      const framer = netstrings({ maxBytes: 100_000 })
      const read = framer.push(Buffer.from(replies.map(encodeSocketmapReply).join('')))
      assert.deepEqual(read.map(decode), replies)
      assert.equal(framer.buffered(), 0)
    }),
  )
})

it('never throws anything but ProtocolError on junk', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        text.map(key => `mailbox ${key}`),
      ),
      payload => {
        try {
          const { map, key } = readSocketmapQuery(payload)
          assert.equal(`${map} ${key}`, payload)
        } catch (error) {
          assert.ok(error instanceof ProtocolError)
        }
      },
    ),
    { numRuns: 300 },
  )
})
