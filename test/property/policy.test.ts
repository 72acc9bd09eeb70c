import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { blocks } from '../../src/net/framing.ts'
import { ProtocolError } from '../../src/net/session.ts'
import { encodePolicyReply, readPolicyRequest } from '../../src/postfix/policy.ts'

const value = fc.string({ unit: 'grapheme' }).filter(text => !/[\n\r]/.test(text))
const other = fc
  .tuple(fc.stringMatching(/^[a-z_]{1,10}$/), value)
  .filter(([name]) => name !== 'request' && name !== 'recipient')
  .map(([name, value]) => `${name}=${value}`)

const request = fc
  .record({ request: value, recipient: value, others: fc.array(other, { maxLength: 5 }) })
  .chain(parts =>
    fc
      .shuffledSubarray([`request=${parts.request}`, `recipient=${parts.recipient}`, ...parts.others], {
        minLength: 2 + parts.others.length,
      })
      .map(lines => ({ request: parts.request, recipient: parts.recipient, lines })),
  )

it('reads the same requests however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 6 }), (requests, cuts) => {
      const bytes = Buffer.from(requests.map(({ lines }) => `${lines.join('\n')}\n\n`).join(''))
      const framer = blocks({ maxBytes: 65_536 })
      const edges = [...new Set([0, ...cuts.map(cut => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
      const read = edges
        .slice(1)
        .flatMap((edge, i) => framer.push(bytes.subarray(edges[i], edge)))
        .map(readPolicyRequest)
      assert.deepEqual(
        read,
        requests.map(({ request, recipient }) => ({ request, recipient })),
      )
      assert.equal(framer.buffered(), 0)
    }),
  )
})

it('never throws anything but ProtocolError on junk', () => {
  const piece = fc.constantFrom('request=smtpd_access_policy', 'recipient=', 'recipient=a@b', '=', 'x', '', 'é=\0')
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'binary' })), { maxLength: 6 }), lines => {
      try {
        assert.equal(typeof readPolicyRequest(lines).recipient, 'string')
      } catch (error) {
        assert.ok(error instanceof ProtocolError)
      }
    }),
    { numRuns: 300 },
  )
})

it('encodes an action as a single ASCII line that permits nothing, or not at all', () => {
  const piece = fc.constantFrom(
    'OK',
    'DUNNO',
    'DEFER_IF_PERMIT',
    '550',
    '450',
    '250',
    '5.1.1',
    '4.3.0',
    ' ',
    '\n',
    'é',
    'x',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), pieces => {
      const action = pieces.join('')
      let reply: string
      try {
        reply = encodePolicyReply(action)
      } catch (error) {
        assert.ok(error instanceof TypeError)
        return
      }
      assert.equal(reply, `action=${action}\n\n`)
      assert.match(action, /^[ -~]+$/)
      assert.match(action, /^(DUNNO$|DEFER_IF_PERMIT 4\.|[45]\d\d [45]\.\d+\.\d+ .)/)
    }),
    { numRuns: 1000 },
  )
})
