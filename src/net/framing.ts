/**
 * Framing: cuts a byte stream into frames. PURE: chunks in, frames out.
 *
 *   lines       LF-terminated; Dovecot's auth protocols (a CR before the LF is dropped: doveadm 2.4.2 sends one)
 *   blocks      groups of lines ended by an empty one; Postfix's policy protocol (SMTPD_POLICY_README)
 *   netstrings  `<length>:<bytes>,`; Postfix's socketmap protocol (socketmap_table(5))
 *
 * However a stream is cut into chunks, the frames are the same, and the work is proportional to its bytes: what is
 * incomplete is copied into a buffer that doubles, and never searched twice. Bytes that aren't UTF-8 become U+FFFD, which
 * is in nobody's address. A frame longer than `maxBytes` throws FrameError as soon as that is certain.
 */
import { FrameError, type Framer } from './session.ts'

type Limit = { readonly maxBytes: number }

const LF = 10
const CR = 13
const COLON = 58
const COMMA = 44
const ZERO = 48

/** Lines of at most `maxBytes`, the end not counted. */
export function lines({ maxBytes }: Limit): Framer<string> {
  const held = hold()

  function push(chunk: Buffer): string[] {
    const end = chunk.lastIndexOf(LF)
    if (end === -1) {
      held.add(chunk, maxBytes + 1)
      return []
    }
    const whole = held.join(chunk.subarray(0, end))
    if (whole.length > maxBytes) checkEach(whole, maxBytes)
    if (end + 1 < chunk.length) held.add(chunk.subarray(end + 1), maxBytes + 1)
    const found = whole.toString('utf8').split('\n')
    return found.some(endsInCr) ? found.map(line => (endsInCr(line) ? line.slice(0, -1) : line)) : found
  }

  return { push, buffered: held.length }
}

function endsInCr(line: string): boolean {
  return line.charCodeAt(line.length - 1) === CR
}

/** The length of each line in `whole`, whose last line is complete but has lost its LF. */
function checkEach(whole: Buffer, maxBytes: number): void {
  let start = 0
  while (start <= whole.length) {
    const found = whole.indexOf(LF, start)
    const end = found === -1 ? whole.length : found
    const cr = end > start && whole[end - 1] === CR ? 1 : 0
    if (end - start - cr > maxBytes) throw new FrameError(`line longer than ${maxBytes} bytes`)
    start = end + 1
  }
}

/** Groups of lines of together at most `maxBytes` (counted in UTF-16 units, of which there are never more). */
export function blocks({ maxBytes }: Limit): Framer<string[]> {
  const framer = lines({ maxBytes })
  let block: string[] = []
  let size = 0

  function push(chunk: Buffer): string[][] {
    const complete: string[][] = []
    for (const line of framer.push(chunk)) {
      if (line === '') {
        complete.push(block)
        block = []
        size = 0
        continue
      }
      size += line.length + 1
      if (size > maxBytes) throw new FrameError(`block longer than ${maxBytes} bytes`)
      block.push(line)
    }
    return complete
  }

  return { push, buffered: () => framer.buffered() + size }
}

/** Payloads of at most `maxBytes`. The length is decimal without leading zeros. */
export function netstrings({ maxBytes }: Limit): Framer<string> {
  const held = hold()
  /** Of the length: undefined before its first digit. */
  let length: number | undefined
  let inLength = true

  function digit(byte: number): void {
    const value = byte - ZERO
    if (value < 0 || value > 9) throw new FrameError('netstring does not begin with a length')
    if (length === 0) throw new FrameError('netstring length begins with a zero')
    length = (length ?? 0) * 10 + value
    if (length > maxBytes) throw new FrameError(`netstring longer than ${maxBytes} bytes`)
  }

  function push(chunk: Buffer): string[] {
    const complete: string[] = []
    let at = 0
    while (at < chunk.length) {
      if (inLength) {
        const byte = chunk[at++] ?? 0
        if (byte === COLON && length !== undefined) inLength = false
        else digit(byte)
        continue
      }
      const missing = (length ?? 0) - held.length()
      const end = at + missing
      if (end >= chunk.length) {
        held.add(chunk.subarray(at), maxBytes)
        break
      }
      if (chunk[end] !== COMMA) throw new FrameError('netstring does not end with a comma')
      complete.push(held.join(chunk.subarray(at, end)).toString('utf8'))
      at = end + 1
      length = undefined
      inLength = true
    }
    return complete
  }

  /** The digits of the length count as one byte: enough to tell that a netstring has begun. */
  return { push, buffered: () => held.length() + (length === undefined ? 0 : 1) }
}

const NOTHING = Buffer.alloc(0)

/** The beginning of a frame whose end has not come yet. */
function hold() {
  let buffer: Buffer = NOTHING
  let used = 0

  function add(bytes: Buffer, maxBytes: number): void {
    const needed = used + bytes.length
    if (needed > maxBytes) throw new FrameError(`frame longer than ${maxBytes} bytes`)
    if (needed > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * buffer.length, 64))
      buffer.copy(larger, 0, 0, used)
      buffer = larger
    }
    bytes.copy(buffer, used)
    used = needed
  }

  /** What is held, followed by these bytes. Nothing is held afterwards. */
  function join(bytes: Buffer): Buffer {
    if (used === 0) return bytes
    const whole = Buffer.concat([buffer.subarray(0, used), bytes])
    buffer = NOTHING
    used = 0
    return whole
  }

  return { add, join, length: () => used }
}
