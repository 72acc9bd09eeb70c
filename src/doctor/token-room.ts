/**
 * Token room: the longest token that gets through a mail server's limit on a line of SASL. PURE.
 *
 * The client says `n,a=NAME,^Ahost=HOST^Aport=PORT^Aauth=Bearer TOKEN^A^A` in base64 (RFC 7628 section 3.1), of which
 * host and port are rarely there; XOAUTH2 is shorter.
 */

const wordsBytes = Buffer.byteLength('n,a=,\x01auth=Bearer \x01\x01') + 20
/** Longer names are rare. */
const nameBytes = 64

/** In bytes; `lineBytes` is the limit, `commandBytes` what comes before the base64. */
export function tokenRoom(lineBytes: number, commandBytes: number): number {
  const messageBytes = Math.floor((lineBytes - commandBytes) / 4) * 3
  return Math.max(0, messageBytes - wordsBytes - nameBytes)
}
