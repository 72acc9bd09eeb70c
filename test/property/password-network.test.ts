/** Networks: they hold the addresses that node:net's BlockList says they hold, and have one spelling each. */
import assert from 'node:assert/strict'
import { BlockList, isIPv4 } from 'node:net'
import test from 'node:test'
import fc from 'fast-check'
import { inNetworks, parseNetwork, sourceOf } from '../../src/passwords/network.ts'

const ipv4 = fc.ipV4()
const ipv6 = fc.ipV6().filter(text => !/^::ffff:/i.test(text) && !text.includes('.'))
const nearby = (text: string, change: number): string =>
  isIPv4(text)
    ? text
        .split('.')
        .map((octet, index) => (index === change % 4 ? (Number(octet) ^ (1 << (change % 8))) & 255 : octet))
        .join('.')
    : text

const settings = fc.tuple(fc.oneof(ipv4, ipv6), fc.nat({ max: 128 }), fc.nat({ max: 31 }), fc.oneof(ipv4, ipv6))

/** The network that an address is in. */
function networkAround(address: string, bits: number): string {
  const parsed = parseNetwork(`${address}/${bits}`)
  if (parsed.ok) return parsed.network
  const [, meant] = /did you mean "([^"]+)"/.exec(parsed.message) ?? []
  assert.ok(meant !== undefined, parsed.message)
  return meant
}

test('an address is in the networks that BlockList finds it in', () => {
  fc.assert(
    fc.property(settings, ([address, length, change, other]) => {
      const family = isIPv4(address) ? 'ipv4' : 'ipv6'
      const bits = family === 'ipv4' ? length % 33 : length
      const network = networkAround(address, bits)
      const list = new BlockList()
      list.addSubnet(address, bits, family)
      for (const asked of [address, nearby(address, change), other]) {
        const expected = (isIPv4(asked) ? 'ipv4' : 'ipv6') === family && list.check(asked, family)
        assert.equal(inNetworks([network], asked), expected, `${asked} in ${network}`)
        if (isIPv4(asked)) assert.equal(inNetworks([network], `::ffff:${asked}`), expected)
      }
    }),
  )
})

test('a network has one spelling, and that is read as itself', () => {
  fc.assert(
    fc.property(settings, ([address, length]) => {
      const network = networkAround(address, isIPv4(address) ? length % 33 : length)
      assert.deepEqual(parseNetwork(network), { ok: true, network })
      assert.deepEqual(parseNetwork(network.toUpperCase()), { ok: true, network })
    }),
  )
})

test('everybody in a /64 is one source, and so is every IPv4 address', () => {
  fc.assert(
    fc.property(ipv6, ipv6, (a, b) => {
      assert.equal(sourceOf(a) === sourceOf(b), inNetworks([networkAround(a, 64)], b))
    }),
  )
  fc.assert(fc.property(ipv4, address => assert.equal(sourceOf(`::ffff:${address}`), address)))
})

test('any text is a network or a complaint, and nobody is in it by accident', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:./%]{0,20}$/))
  fc.assert(
    fc.property(text, text, (network, address) => {
      const parsed = parseNetwork(network)
      assert.ok(parsed.ok || parsed.message.startsWith('expected'))
      if (inNetworks(['192.0.2.0/24'], address)) assert.match(address, /192\.0\.2\.|c000:2/i)
    }),
  )
})
