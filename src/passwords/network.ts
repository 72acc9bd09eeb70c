/**
 * Network: the addresses that a password may be used from, in CIDR notation (RFC 4632, RFC 4291 section 2.3). PURE.
 *
 * One spelling for each network: IPv6 as the URL standard writes it (that is RFC 5952), a single address with its full
 * length. An IPv4 address in IPv6 (`::ffff:192.0.2.1`, as a dual-stack listener sees it) is that IPv4 address.
 */

export type ParsedNetwork =
  | { readonly ok: true; readonly network: string }
  | { readonly ok: false; readonly message: string }

type Address = { readonly value: bigint; readonly bits: 32 | 128 }

const expected = 'expected a network such as "192.0.2.0/24" or "2001:db8::/32", or an address'
const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const dotted = new RegExp(`^${octet}(?:\\.${octet}){3}$`)
/** ::ffff:0:0/96 (RFC 4291 section 2.5.5.2). */
const mappedPrefix = 0xffffn

export function parseNetwork(text: string): ParsedNetwork {
  const [written = '', length, ...more] = text.trim().split('/')
  const address = parseAddress(written)
  if (address === undefined || more.length > 0) return { ok: false, message: expected }
  const bits = length === undefined ? address.bits : prefixLength(length, written, address)
  if (bits === undefined) return { ok: false, message: `expected a length of 0 to ${address.bits} after the slash` }
  const first = keepBits(address, bits)
  const network = `${formatAddress({ ...address, value: first })}/${bits}`
  if (first === address.value) return { ok: true, network }
  return { ok: false, message: `expected the first address of a network; did you mean "${network}"?` }
}

/** Whether an address is in one of these networks, as `parseNetwork` spells them. None at all: everybody is. */
export function inNetworks(networks: readonly string[], text: string | undefined): boolean {
  if (networks.length === 0) return true
  // A link-local address may come with the interface that it is on.
  const address = parseAddress(text?.split('%')[0] ?? '')
  return address !== undefined && networks.some(network => contains(network, address))
}

/**
 * Who somebody is taken for when capacity is shared out: an IPv4 address, or the /64 that everybody with IPv6 has to
 * herself (RFC 6177). Anything else is one and the same.
 */
export function sourceOf(text: string | undefined): string {
  const address = parseAddress(text?.split('%')[0] ?? '')
  if (address === undefined) return 'unknown'
  return formatAddress({ ...address, value: address.bits === 32 ? address.value : keepBits(address, 64) })
}

function contains(network: string, address: Address): boolean {
  const [written = '', length = ''] = network.split('/')
  const first = parseAddress(written)
  const bits = Number(length)
  return first?.bits === address.bits && keepBits(first, bits) === keepBits(address, bits)
}

function prefixLength(text: string, written: string, { bits }: Address): number | undefined {
  if (!/^\d{1,3}$/.test(text)) return undefined
  // Of an IPv4 address in IPv6, the length counts from the start of all 128.
  const length = bits === 32 && written.includes(':') ? Number(text) - 96 : Number(text)
  return length >= 0 && length <= bits ? length : undefined
}

function keepBits({ value, bits }: Address, length: number): bigint {
  const rest = BigInt(bits - length)
  return (value >> rest) << rest
}

function parseAddress(text: string): Address | undefined {
  if (dotted.test(text)) return { value: joinGroups(text.split('.'), 8n), bits: 32 }
  if (!/^[0-9a-f:.]{2,45}$/i.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::')
  const left = hexGroups(head)
  const right = hexGroups(tail ?? '')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0x0')
  const value = joinGroups([...left, ...zeros, ...right], 16n)
  return value >> 32n === mappedPrefix ? { value: value & 0xffff_ffffn, bits: 32 } : { value, bits: 128 }
}

function hexGroups(text: string): string[] {
  return text === '' ? [] : text.split(':').map(group => `0x${group}`)
}

function joinGroups(groups: readonly string[], width: bigint): bigint {
  return groups.reduce((value, group) => (value << width) | BigInt(group), 0n)
}

function formatAddress({ value, bits }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map(shift => (value >> shift) & 0xffn).join('.')
  const hex = value
    .toString(16)
    .padStart(32, '0')
    .replace(/.{4}(?!$)/g, '$&:')
  return new URL(`http://[${hex}]/`).hostname.slice(1, -1)
}
